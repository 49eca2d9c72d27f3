"""Reading a request's body: at most 256 KiB, JSON, and exactly the fields that are known."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    WithJsonSchema,
)

from zonehook import events
from zonehook.errors import Detail, Invalid

MAX_BYTES = 256 * 1024
MAX_DRAINED = 64 * MAX_BYTES  # a caller cut off while it still sends does not get to read its 413
Model = TypeVar("Model", bound=BaseModel)


class TooLarge(Exception):
    """The body is larger than MAX_BYTES."""


class Body(BaseModel):
    """A request's body: a field that is not named here is refused."""

    model_config = ConfigDict(extra="forbid")


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("leave out the NUL character")
    return text


def _object_text(value: object) -> str:
    if not isinstance(value, msgspec.Raw) or not bytes(value).startswith(b"{"):
        raise ValueError("send a JSON object")
    return bytes(value).decode()


def _written_time(value: object) -> object:
    if not isinstance(value, str) or not _DATE.match(value):  # 1751457600 is a time to pydantic, and not to us
        raise ValueError("write a time such as 2026-07-02T12:00:00Z")
    return value


def _within_calendar(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment is in no calendar") from None


_DATE = re.compile(r"\d{4}-\d\d-\d\d")
Text = Annotated[str, AfterValidator(_without_nul)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_time), AfterValidator(_within_calendar)]
# A JSON object kept as the text the caller wrote: parsed and written again, 1.0 or 1e2 would not be the same bytes.
ObjectText = Annotated[str, BeforeValidator(_object_text), WithJsonSchema({"type": "object"})]


async def parse(request: Request, model: type[Model], is_required: bool = True) -> Model:
    """The request's body as `model`. Raises Invalid with every field that is wrong, and TooLarge."""
    raw = await _read(request)
    try:
        return model.model_validate_json(raw or (b"null" if is_required else b"{}"))
    except ValidationError as problem:
        raise _invalid(problem) from None


async def parse_with_objects(request: Request, model: type[Model], objects: tuple[str, ...]) -> Model:
    """Like `parse`, for a model whose fields named in `objects` are ObjectText."""
    raw = await _read(request)
    try:
        raw.decode()
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        values: Mapping[str, Any] = {
            name: value if name in objects and bytes(value) != b"null" else msgspec.json.decode(value)
            for name, value in members.items()
        }
    except RecursionError:
        raise Invalid("invalid_request", f"the body nests deeper than {events.MAX_DEPTH} levels") from None
    except msgspec.ValidationError:
        raise Invalid("malformed_json", "the body is not a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Invalid("malformed_json", f"the body is not well-formed JSON: {problem}") from None
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        raise _invalid(problem) from None


def describe(model: type[BaseModel], is_required: bool = True) -> dict[str, Any]:
    """The part of OpenAPI that documents a body read by `parse`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": is_required, "content": content}}


def details(errors: list[Any]) -> tuple[Detail, ...]:
    """Pydantic's errors in our shape; the place is a path such as `events.0`."""
    return tuple(Detail(".".join(str(step) for step in error["loc"]), _sentence(error)) for error in errors)


async def _read(request: Request) -> bytes:
    raw = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_DRAINED:
            break
        if size <= MAX_BYTES:
            raw += chunk
    if size > MAX_BYTES:
        raise TooLarge
    return bytes(raw)


def _invalid(problem: ValidationError) -> Invalid:
    errors = problem.errors(include_context=False, include_url=False)
    if errors[0]["type"] == "json_invalid":
        return Invalid("malformed_json", f"the body is not well-formed JSON: {errors[0]['msg'].partition(': ')[2]}")
    found = details(errors)
    if not errors[0]["loc"]:
        return Invalid("invalid_request", "the body is not a JSON object")
    return Invalid("invalid_request", f"{found[0].field}: {found[0].message}", found)


def _sentence(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "this field is not known here; check its spelling or leave it out"
    if error["type"] == "missing":
        return "this field is required"
    if error["type"] == "string_pattern_mismatch":
        return "this is no id; ids look like evt_… and have 26 characters after the _"
    message: str = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
