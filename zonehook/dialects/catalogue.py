"""A vendor's event types: one data file each in `catalogues/`, with a description and a sample."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from types import MappingProxyType
from typing import Any

from zonehook import events
from zonehook.errors import Detail

_LONGEST_NUMBER = 18


@dataclass(frozen=True)
class EventType:
    """One type. `sample` is a realistic `data`; `required` names the members that every event of it must have. `kinds`
    is the sample, with the usual value where this type has null: it shows of what kind each member is. `subject` is a
    sample of what the vendor's events are about, where they name it.
    """

    name: str
    description: str
    required: tuple[str, ...]
    sample: dict[str, Any]
    kinds: dict[str, Any]
    subject: str | None = None


def read(vendor: str) -> Mapping[str, EventType]:
    """The types by name, in the file's order. The file holds `members`, a sample value for each member of an event's
    data, sometimes a sample `subject`, and `types`: the members that the data of each consists of, and in `sample` what
    varies from the usual values.
    """
    text = resources.files("zonehook.dialects").joinpath("catalogues", f"{vendor}.json").read_text("utf-8")
    file = json.loads(text)
    types = {}
    for each in file["types"]:
        required = tuple(each["data"])
        usual = {name: file["members"][name] for name in required if name in file["members"]}
        sample = _varied(usual, each.get("sample", {}))
        kinds, subject = _kinds(usual, sample), file.get("subject")
        types[each["name"]] = EventType(each["name"], each["description"], required, sample, kinds, subject)
    return MappingProxyType(types)


def lacking(data: str, wanted: EventType) -> list[Detail]:
    """The members that a type requires and `data` lacks, and those that are another kind of value than in its sample:
    receivers keep a number and a text apart. Null is of any kind, and what the sample does not have is not looked at.
    """
    return list(_amiss(wanted.name, "data", data, wanted.kinds, wanted.required))


def _amiss(
    type_: str, path: str, document: str, wanted: Mapping[str, Any], needed: Collection[str]
) -> Iterator[Detail]:
    given = events.members(document)
    for name, sample in wanted.items():
        text, place = given.get(name, "null"), f"{path}.{name}"
        if text != "null":
            yield from _differences(type_, place, text, sample)
        elif name in needed:
            yield Detail(place, f"{type_} needs {place}, {events.kind_of(sample)}")


def _differences(type_: str, path: str, given: str, sample: Any) -> Iterator[Detail]:
    """Of a list the first alone: a long one would make a long answer."""
    wanted, kind = events.kind_of(sample), events.kind(given)
    if sample is None or (kind == "a whole number" and wanted == "a number"):
        return
    if kind != wanted:
        yield Detail(path, f"send {wanted} as {path}, not {kind}")
    elif kind == "a whole number" and len(given) > _LONGEST_NUMBER:
        yield Detail(path, f"{path} is longer than {_LONGEST_NUMBER} digits: receivers read 64 bits")
    elif isinstance(sample, dict):
        yield from _amiss(type_, path, given, sample, needed=("id",))
    elif isinstance(sample, list):
        yield from islice(_differing_items(type_, path, given, sample), 1)


def _differing_items(type_: str, path: str, given: str, sample: list[Any]) -> Iterator[Detail]:
    for place, text in enumerate(events.items(given) if sample else ()):
        if text != "null":
            yield from _differences(type_, f"{path}.{place}", text, sample[0])


def _varied(usual: Any, own: Any) -> Any:
    """`own` over `usual`, member by member at every depth."""
    if not (isinstance(usual, dict) and isinstance(own, dict)):
        return own
    return usual | {name: _varied(usual.get(name), value) for name, value in own.items()}


def _kinds(usual: Any, sample: Any) -> Any:
    """The sample, with the usual value where it has null."""
    if sample is None:
        return usual
    if not (isinstance(usual, dict) and isinstance(sample, dict)):
        return sample
    return {name: _kinds(usual.get(name), value) for name, value in sample.items()}
