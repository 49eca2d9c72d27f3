"""Reading what a stranger sends, by whatever way it came: exactly the fields that are known. Pure."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from zonehook.errors import Detail, Invalid

Model = TypeVar("Model", bound=BaseModel)


class Body(BaseModel):
    """A document from outside: a field that is not named here is refused."""

    model_config = ConfigDict(extra="forbid")


def example(like: type[BaseModel] | None = None, /, **fields: Any) -> ConfigDict:
    """A model's `model_config` that has the API's description show this one: all its fields, and those of `like`."""
    known: Any = {} if like is None else like.model_config["json_schema_extra"]
    return ConfigDict(json_schema_extra={"examples": [{**known["examples"][0], **fields} if known else fields]})


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("leave out the NUL character")
    return text


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


def parse(model: type[Model], text: bytes | str) -> Model:
    """JSON text as `model`. Raises Invalid with every field that is wrong."""
    try:
        return model.model_validate_json(text)
    except ValidationError as problem:
        raise invalid(problem) from None


def invalid(problem: ValidationError) -> Invalid:
    """What pydantic found, for the caller."""
    errors = problem.errors(include_context=False, include_url=False)
    if errors[0]["type"] == "json_invalid":
        return Invalid("malformed_json", f"the body is not well-formed JSON: {errors[0]['msg'].partition(': ')[2]}")
    found = details(errors)
    if not errors[0]["loc"]:
        return Invalid("invalid_request", "the body is not a JSON object")
    return Invalid("invalid_request", f"{found[0].field}: {found[0].message}", found)


def details(errors: list[Any]) -> tuple[Detail, ...]:
    """Pydantic's errors in our shape; the place is a path such as `events.0`."""
    return tuple(Detail(".".join(str(step) for step in error["loc"]), _sentence(error)) for error in errors)


def _sentence(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "this field is not known here; check its spelling or leave it out"
    if error["type"] == "missing":
        return "this field is required"
    if error["type"] == "timezone_aware":
        return "write the time of day and its zone, too, such as 2026-07-02T12:00:00Z"
    if error["type"] == "string_pattern_mismatch":
        prefix = {"endpoint_id": "ep", "event_id": "evt", "member_id": "mem"}.get(error["loc"][-1], "dlv")
        return f"this is no id; ids look like {prefix}_… and have 26 characters after the _"
    message: str = error["msg"].removeprefix("Value error, ")
    if message.startswith("Value should have"):  # of a text that was looked at before its length
        message = re.sub(r" items? after validation", " characters", message)
    return message[:1].lower() + message[1:]
