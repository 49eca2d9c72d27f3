"""What all sources share: a fact as it is told, what follows from it, and the rules of one kind of source. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, Field, StrictInt

from zonehook.errors import Conflict
from zonehook.reading import Body, Moment, Text
from zonehook.sources.messages import SourceTerms

State = TypeVar("State")
_YEARS = range(2000, 2200)


def _of_this_age(at: datetime) -> datetime:
    if at.year not in _YEARS:  # sums of moments and days stay in the calendar
        raise ValueError(f"write a moment of the years {_YEARS[0]} to {_YEARS[-1]}")
    return at


def matching(pattern: str, sentence: str) -> AfterValidator:
    """For texts that are not to be told what is wrong with ids."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(sentence)
        return text

    return AfterValidator(check)


When = Annotated[Moment, AfterValidator(_of_this_age)]
Count = Annotated[StrictInt, Field(ge=0, lt=10**15)]
Name = Annotated[str, matching(r"[A-Za-z0-9._:-]{1,100}", "send 1 to 100 of the characters A-Z a-z 0-9 . _ : -")]
Hostname = Annotated[Text, matching(r"[^\s/]{1,253}", "send a host name such as app.example.com")]


class Fact(Body):
    """What a producer tells. `at` is when it happened; without it, when it was heard."""

    at: When | None = None


@dataclass(frozen=True)
class Told:
    """Whom a fact is about, when it happened, and the terms that hold."""

    id: str
    at: datetime
    terms: SourceTerms


@dataclass(frozen=True)
class Derived:
    """An event that follows. `data` is what becomes JSON."""

    type: str
    data: dict[str, Any]
    at: datetime


@dataclass(frozen=True)
class Step(Generic[State]):
    """What a fact or a moment leads to. Without a state there is no such thing (any more)."""

    state: State | None
    events: tuple[Derived, ...] = ()


@dataclass(frozen=True)
class Source(Generic[State]):
    """One kind: the facts it hears, by the names of their signals; its rules; the types of events it derives.

    `hear` raises Conflict for a fact that does not fit what is known; `tick` is called at the moment that `due` named.
    `state` travels from one run of the workflow to the next, which may be of a later release: fields, also of what it
    holds, are only added, and with defaults.
    """

    name: str
    facts: Mapping[str, type[Fact]]
    types: tuple[str, ...]
    state: type[State]
    hear: Callable[[State | None, Any, Told], Step[State]]
    due: Callable[[State], datetime | None]
    tick: Callable[[State, Told], Step[State]]
    has_uuids: bool = False


def passed(source: Source[State], state: State | None, id_: str, terms: SourceTerms, until: datetime) -> Step[State]:
    """What follows, up to a moment, from nobody's telling anything: whatever was due, at the moment that it was."""
    events: tuple[Derived, ...] = ()
    while state is not None and (due := source.due(state)) is not None and due <= until:
        step = source.tick(state, Told(id_, due, terms))
        state, events = step.state, events + step.events
    return Step(state, events)


def check_end(begun_at: datetime, end: Fact) -> None:
    """Raises Conflict for an end of before something was created (again): told late, it is not the end of this. One
    that does not say when it was is of now, however the clocks differ.
    """
    if end.at is not None and end.at < begun_at:
        raise Conflict("older_than_it", "this end is older than what is there; it ended something before that")


def unknown(noun: str) -> Conflict:
    """A fact about what is not there."""
    return Conflict("unknown", f"there is no such {noun}; the first fact about one is created")
