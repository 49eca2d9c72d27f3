"""A vendor's event types: one data file each in `catalogues/`, with a description and a sample."""

import json
from collections.abc import Mapping
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
    """The members that a type requires and `data` lacks, or has as another kind of value than its sample."""
    given = events.members(data)
    found = []
    for name in wanted.required:
        path = f"data.{name}"
        if name not in given:
            found.append(Detail(path, f"{wanted.name} needs {path}, {events.kind(json.dumps(wanted.sample[name]))}"))
        else:
            found += _differences(path, given[name], wanted.sample[name])
    return found


def _differences(path: str, given: str, sample: Any) -> list[Detail]:
    """Kinds are compared, and of an object its id: receivers keep a number and a text apart."""
    wanted = events.kind(json.dumps(sample))
    if events.kind(given) != wanted:
        return [Detail(path, f"send {wanted} as {path}, not {events.kind(given)}")]
    if wanted == "a whole number" and len(given) > _LONGEST_NUMBER:
        return [Detail(path, f"{path} is longer than {_LONGEST_NUMBER} digits: receivers read 64 bits")]
    if not isinstance(sample, dict) or "id" not in sample:
        return []
    members = events.members(given)
    if "id" not in members:
        return [Detail(f"{path}.id", f"{path} needs its id, {events.kind(json.dumps(sample['id']))}")]
    return _differences(f"{path}.id", members["id"], sample["id"])


def _varied(usual: Any, own: Any) -> Any:
    return usual | own if isinstance(usual, dict) and isinstance(own, dict) else own
