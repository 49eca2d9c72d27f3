"""What a person is told of a value that does not fit: what to send. The value itself is not repeated."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError

from zonehook import events
from zonehook.schemas import patterns

_LONGEST = 200
_NO_PLACE = "the schema of this type has no place for it; leave it out"
_TYPES = {
    "string": "a string", "object": "an object", "array": "a list", "boolean": "true or false", "null": "null",
    "integer": "a whole number", "number": "a number",
}  # fmt: skip
_SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "enum": lambda value: f"send one of {', '.join(_json(each) for each in value)}",
    "const": lambda value: f"send {_json(value)}",
    "required": lambda _: "this is required",
    "dependentRequired": lambda _: "this is required beside the others that were sent",
    "properties": lambda _: _NO_PLACE,
    "additionalProperties": lambda _: _NO_PLACE,
    "items": lambda _: "send fewer items",
    "minLength": lambda value: f"send at least {value} characters",
    "maxLength": lambda value: f"send at most {value} characters",
    "minItems": lambda value: f"send at least {value} items",
    "maxItems": lambda value: f"send at most {value} items",
    "uniqueItems": lambda _: "send each item once",
    "contains": lambda _: "send enough items, and not too many, of the kind that the schema asks for (contains)",
    "minProperties": lambda value: f"send at least {value} members",
    "maxProperties": lambda value: f"send at most {value} members",
    "minimum": lambda value: f"send {value} or more",
    "maximum": lambda value: f"send {value} or less",
    "exclusiveMinimum": lambda value: f"send more than {value}",
    "exclusiveMaximum": lambda value: f"send less than {value}",
    "multipleOf": lambda value: f"send a multiple of {value}",
    "not": lambda _: "the schema of this type excludes this (not)",
    "anyOf": lambda _: "send what fits at least one of the schema's anyOf",
    "oneOf": lambda _: "send what fits exactly one of the schema's oneOf",
}


def sentence(error: ValidationError) -> str:
    """One problem in words, at most some 200 characters."""
    keyword, value = error.validator, error.validator_value
    if not isinstance(keyword, str):
        told = _NO_PLACE
    elif keyword == "type":
        told = f"send {_kinds(value)}, not {_kind(error.instance)}"
    elif keyword == "pattern":
        told = _of_pattern(value, error.instance)
    else:
        told = _SENTENCES.get(keyword, lambda _: f"this does not fit the schema's {keyword}")(value)
    return legible(told)


def place(steps: Iterable[str | int]) -> str:
    """The path of a member: `data.host.name`."""
    return ".".join(legible(str(step)) for step in steps)


def legible(text: str) -> str:
    """What comes from outside, so that it can be part of an answer: not too long, and no half of a character."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return cut.encode(errors="backslashreplace").decode()


def _kinds(wanted: str | list[str]) -> str:
    return " or ".join(_TYPES[each] for each in ([wanted] if isinstance(wanted, str) else wanted))


def _kind(value: Any) -> str:
    return events.kind_of(value)


def _of_pattern(wanted: str, value: str) -> str:
    if len(value) > patterns.LONGEST_TEXT:
        return f"send at most {patterns.LONGEST_TEXT} characters: longer ones are not held against a pattern"
    return f"send a string in which the pattern {wanted} is found"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
