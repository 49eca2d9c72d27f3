"""What an event is: its type's grammar, its depth, its fingerprint. Pure."""

import hashlib
import json
import re
from collections.abc import Sequence
from types import NoneType
from typing import Any

import msgspec

MAX_TYPE_LENGTH = 100
MAX_KEY_LENGTH = 255
MAX_DEPTH = 500
_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+(:[a-z0-9_]+)?")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_OPENING = re.compile(r"[\[{]")
_INTEGER = re.compile(r"-?\d+")
_PARSED_KINDS = {
    str: "a string", dict: "an object", list: "a list", bool: "true or false", NoneType: "null",
    int: "a whole number", float: "a number",
}  # fmt: skip
_KINDS = {'"': "a string", "{": "an object", "[": "a list", "t": "true or false", "f": "true or false", "n": "null"}


def type_problem(name: str) -> str | None:
    """What is wrong with an event type's name, as a sentence; None when it is well-formed."""
    if len(name) > MAX_TYPE_LENGTH:
        return f"an event type has at most {MAX_TYPE_LENGTH} characters"
    if not _TYPE.fullmatch(name):
        return "write the event type as object.action in lower case, such as domain.create or domain.renew:started"
    return None


def is_too_deep(text: str, limit: int = MAX_DEPTH) -> bool:
    """Whether well-formed JSON nests further than `limit` levels; reads it without recursion."""
    if len(_OPENING.findall(text)) <= limit:
        return False
    depth = 0
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            if depth > limit:
                return True
        elif character in "]}":
            depth -= 1
    return False


def members(document: str) -> dict[str, str]:
    """The members of a JSON object, each still the text it was written as."""
    return {name: bytes(raw).decode() for name, raw in _MEMBERS.decode(document).items()}


def items(document: str) -> list[str]:
    """The items of a JSON list, each still the text it was written as."""
    return [bytes(raw).decode() for raw in _ITEMS.decode(document)]


def kind(text: str) -> str:
    """What a JSON text is, in words for a person: `a string`, `a whole number`, `null` …"""
    return _KINDS.get(text[0]) or ("a whole number" if _INTEGER.fullmatch(text) else "a number")


def kind_of(value: Any) -> str:
    """What `kind` says of this value's JSON text."""
    return _PARSED_KINDS[type(value)]


def fingerprint(texts: Sequence[str | None], documents: Sequence[str | None]) -> str:
    """Equal for equal content: `texts` letter by letter, `documents` (JSON text) whatever the order of their
    keys and their white space, numbers as written. Raises ValueError for a document that is not JSON.
    """
    content = [*texts, *(None if each is None else _canonical(each) for each in documents)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def _canonical(text: str) -> str:
    parsed = json.loads(
        text, parse_int=_number, parse_float=_number, parse_constant=_refuse_constant, object_pairs_hook=_object
    )  # a number becomes its own spelling: 10 ** 5000 is legal JSON and must not be computed
    return json.dumps(parsed, sort_keys=True, separators=(",", ":"))


def _number(spelling: str) -> dict[str, str]:
    return {"number": spelling}


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    return {f":{name}": value for name, value in members}  # so that no object looks like a number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
