"""A vendor's event types: one data file each in `catalogues/`, with a description and a sample."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from zonehook import events
from zonehook.errors import Detail

_LONGEST_NUMBER = 18


@dataclass(frozen=True)
class EventType:
    """One type. `sample` is a realistic `data`; `required` names the members that every event of it must have."""

    name: str
    description: str
    required: tuple[str, ...]
    sample: dict[str, Any]


def read(vendor: str) -> Mapping[str, EventType]:
    """The types by name, in the file's order. The file holds `members`, a sample value for each member of an event's
    data, and `types`: the members that the data of each consists of, and in `sample` what varies from the usual values.
    """
    text = resources.files("zonehook.dialects").joinpath("catalogues", f"{vendor}.json").read_text("utf-8")
    file = json.loads(text)
    types = {}
    for each in file["types"]:
        required = tuple(each["data"])
        own = each.get("sample", {})
        usual = {name: file["members"][name] for name in required if name in file["members"]}
        sample = usual | {name: _varied(usual.get(name), value) for name, value in own.items()}
        types[each["name"]] = EventType(each["name"], each["description"], required, sample)
    return MappingProxyType(types)


def lacking(data: str, wanted: EventType) -> list[Detail]:
    """The members that a type requires and `data` lacks, and those of another kind than the sample's, by path."""
    sample = {name: wanted.sample[name] for name in wanted.required}
    return _of_members("data", events.members(data), sample, wanted.required)


def _of_members(path: str, given: dict[str, str], sample: dict[str, Any], needed: Collection[str]) -> list[Detail]:
    """What is needed has to be there; the rest may be missing or null. Members that the sample has not are free."""
    found = []
    for name, value in sample.items():
        text, inner = given.get(name), f"{path}.{name}"
        if text is None:
            if name in needed:
                found.append(Detail(inner, f"{path} needs its {name}, {_kind(value)}"))
        elif name in needed or (text != "null" and value is not None):
            found += _differences(inner, text, value)
    return found


def _differences(path: str, given: str, sample: Any) -> list[Detail]:
    """Kinds are compared, and those of an object's members: strict receivers keep a number and a text apart."""
    wanted, kind = _kind(sample), events.kind(given)
    if kind != wanted and (wanted, kind) != ("a number", "a whole number"):
        return [Detail(path, f"send {wanted} as {path}, not {kind}")]
    if wanted == "a whole number" and len(given) > _LONGEST_NUMBER:
        return [Detail(path, f"{path} is longer than {_LONGEST_NUMBER} digits: receivers read 64 bits")]
    if not isinstance(sample, dict):
        return []
    return _of_members(path, events.members(given), sample, ("id",))


def _kind(sample: Any) -> str:
    return events.kind(json.dumps(sample))


def _varied(usual: Any, own: Any) -> Any:
    return usual | own if isinstance(usual, dict) and isinstance(own, dict) else own
