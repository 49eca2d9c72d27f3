"""Reading documents parts of which are kept as the text they were written as. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, ValidationError, WithJsonSchema

from zonehook import events, reading
from zonehook.errors import Invalid
from zonehook.reading import Model


def _object_text(value: object) -> str:
    if not isinstance(value, msgspec.Raw) or not bytes(value).startswith(b"{"):
        raise ValueError("send a JSON object")
    return bytes(value).decode()


def _list_text(value: object) -> str:
    if not isinstance(value, msgspec.Raw) or not bytes(value).startswith(b"["):
        raise ValueError("send a JSON list")
    return bytes(value).decode()


# A JSON object kept as the text the caller wrote: parsed and written again, 1.0 or 1e2 would not be the same bytes.
ObjectText = Annotated[str, BeforeValidator(_object_text), WithJsonSchema({"type": "object"})]
ListText = Annotated[str, BeforeValidator(_list_text), WithJsonSchema({"type": "array"})]


def parse(model: type[Model], raw: bytes, objects: tuple[str, ...]) -> Model:
    """JSON text as `model`, whose fields named in `objects` are ObjectText or ListText. Raises Invalid."""
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
        told = f"not well-formed JSON: {problem}" if raw.strip() else "empty; send a JSON object"
        raise Invalid("malformed_json", f"the body is {told}") from None
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        raise reading.invalid(problem) from None
