"""A connection of Connect Domain: pending, propagating, verified, live, drifted, and live again.

Whoever reports first that all is in place makes it live: the pair of events and the metering belong to that report
alone, however many say the same at once.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from zonehook.errors import Conflict
from zonehook.reading import Text
from zonehook.sources.source import Derived, Fact, Hostname, Source, Step, Told, check_end, unknown

_KEPT_METERINGS = 20


class Created(Fact):
    """`written`: the delegated set-up wrote the records itself."""

    hostname: Hostname
    setup_type: Literal["automatic", "manual"]
    written: StrictBool = False


class Verified(Fact):
    """The ownership record was found."""


class Checked(Fact):
    """`records`: all of them resolve as they should. `certificate`: its mirror is written. `by`: who looked."""

    records: StrictBool
    certificate: StrictBool
    by: Annotated[Text, Field(min_length=1, max_length=60)] | None = None


class Deleted(Fact):
    """The connection is gone."""


@dataclass(frozen=True)
class Metering:
    """One live transition, to be paid for: which one, when, and whose report made it."""

    number: int
    at: datetime
    by: str | None


@dataclass(frozen=True)
class Connection:
    """`created_at`: as of the last time that this was told. `metered` counts live transitions; `meterings` are the last
    of them.
    """

    hostname: str
    setup_type: Literal["automatic", "manual"]
    created_at: datetime
    status: Literal["pending", "propagating", "verified", "live", "drifted"] = "pending"
    is_added: bool = False
    is_verified: bool = False
    checked_at: datetime | None = None
    metered: int = 0
    meterings: tuple[Metering, ...] = ()


def hear(state: Connection | None, fact: Fact, told: Told) -> Step[Connection]:
    """Repeated facts, and checks older than one that counted, change nothing."""
    if isinstance(fact, Created):
        return _created(state, fact, told)
    if state is None:
        raise unknown("connection")
    if isinstance(fact, Verified):
        return _verified(state, told)
    if isinstance(fact, Checked):
        return _checked(state, fact, told)
    check_end(state.created_at, fact)
    return Step(None)


def _created(state: Connection | None, fact: Created, told: Told) -> Step[Connection]:
    state = state or Connection(fact.hostname, fact.setup_type, told.at)
    if (fact.hostname, fact.setup_type) != (state.hostname, state.setup_type):
        raise Conflict("created_before", "this connection was created with another hostname or setup_type")
    state = replace(state, created_at=max(told.at, state.created_at))
    if fact.setup_type == "manual" or not fact.written or state.is_added:
        return Step(state)
    added = Derived("domain.added", {"hostname": state.hostname, "setup_type": "automatic"}, told.at)
    status = "propagating" if state.status == "pending" else state.status
    return Step(replace(state, status=status, is_added=True), (added,))


def _verified(state: Connection, told: Told) -> Step[Connection]:
    if state.is_verified:
        return Step(state)
    # One that went live first stays so: the owner's record may be looked at after the others
    status = "verified" if state.status in ("pending", "propagating") else state.status
    return Step(replace(state, status=status, is_verified=True), (_event("domain.verified", state, told),))


def _checked(state: Connection, fact: Checked, told: Told) -> Step[Connection]:
    if state.checked_at is not None and told.at < state.checked_at:
        return Step(state)
    state = replace(state, checked_at=told.at)
    if state.status == "live":
        return Step(state) if fact.records else _drifted(state, told)
    return _gone_live(state, fact.by, told) if fact.records and fact.certificate else Step(state)


def _gone_live(state: Connection, by: str | None, told: Told) -> Step[Connection]:
    number = state.metered + 1
    meterings = (*state.meterings, Metering(number, told.at, by))[-_KEPT_METERINGS:]
    pair = (_event("ssl.issued", state, told), _event("domain.flow.completed", state, told))
    return Step(replace(state, status="live", metered=number, meterings=meterings), pair)


def _drifted(state: Connection, told: Told) -> Step[Connection]:
    return Step(replace(state, status="drifted"), (_event("domain.drift", state, told),))


def _event(type_: str, state: Connection, told: Told) -> Derived:
    return Derived(type_, {"hostname": state.hostname}, told.at)


def due(state: Connection) -> None:
    """Nothing about a connection comes with time alone."""


def tick(state: Connection, told: Told) -> Step[Connection]:
    return Step(state)


SOURCE = Source(
    name="connection",
    facts={"created": Created, "verified": Verified, "checked": Checked, "deleted": Deleted},
    types=("domain.added", "domain.verified", "ssl.issued", "domain.flow.completed", "domain.drift"),
    state=Connection,
    hear=hear,
    due=due,
    tick=tick,
    has_uuids=True,
)
