"""A host of NovaDNS: its addresses, and whether it sends updates."""

import ipaddress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator

from zonehook.errors import Conflict
from zonehook.sources.source import Derived, Fact, Hostname, Source, Step, Told, check_end, unknown


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError("send an IPv4 address such as 203.0.113.42, or null") from None


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        address = None
    if address is None or address.scope_id is not None:
        raise ValueError("send an IPv6 address such as 2001:db8::1, or null")
    return str(address)  # one address, one spelling


class _WithAddresses(Fact):
    ipv4: Annotated[str, AfterValidator(_ipv4)] | None = None
    ipv6: Annotated[str, AfterValidator(_ipv6)] | None = None


class Created(_WithAddresses):
    """The host was added; it is offline until its first update."""

    host: Hostname


class Updated(_WithAddresses):
    """The host called. An address that is left out stays; null: it has none of this kind any more."""


class Deleted(Fact):
    """The host is gone for good."""


@dataclass(frozen=True)
class Host:
    """`created_at`: as of the last time that this was told. `heard_at`: its last update, or its creation. `changed_at`:
    its last change of status. `offline_at`: when it goes offline unless it calls; None: it is.
    """

    host: str
    ipv4: str | None
    ipv6: str | None
    created_at: datetime
    heard_at: datetime
    changed_at: datetime | None = None
    offline_at: datetime | None = None


def hear(state: Host | None, fact: Fact, told: Told) -> Step[Host]:
    """Repeated facts, and updates older than one that counted, change nothing."""
    if isinstance(fact, Created):
        return _created(state, fact, told)
    if state is None:
        raise unknown("host")
    if isinstance(fact, Updated):
        return _updated(state, fact, told)
    check_end(state.created_at, fact)
    return Step(None, (_event("host.deleted", state, told.at),))


def _created(state: Host | None, fact: Created, told: Told) -> Step[Host]:
    if state is None:
        state = Host(fact.host, fact.ipv4, fact.ipv6, created_at=told.at, heard_at=told.at)
        return Step(state, (_event("host.created", state, told.at),))
    if fact.host != state.host:
        raise Conflict("created_before", "this host was created with another name")
    return Step(replace(state, created_at=max(told.at, state.created_at)))


def _updated(state: Host, fact: Updated, told: Told) -> Step[Host]:
    if told.at < state.heard_at:
        return Step(state)
    given = {name: getattr(fact, name) for name in ("ipv4", "ipv6") if name in fact.model_fields_set}
    was_offline = state.offline_at is None
    now = replace(state, **given, heard_at=told.at, offline_at=told.at + timedelta(seconds=told.terms.offline_after))
    has_moved = (now.ipv4, now.ipv6) != (state.ipv4, state.ipv6)
    if has_moved and now.ipv4 is None and now.ipv6 is None:
        raise Conflict("no_address", "the host would have no address left; send its new one, or deleted")
    events = [_event("host.ip_updated", now, told.at)] if has_moved else []
    if was_offline:
        now, online = _changed(now, told.at, "online")
        events.append(online)
    return Step(now, tuple(events))


def _changed(state: Host, at: datetime, status: str) -> tuple[Host, Derived]:
    """Of a later second than the change before, though it was told late: receivers go by the time of the event."""
    if state.changed_at is not None:
        at = max(at, state.changed_at + timedelta(seconds=1))
    return replace(state, changed_at=at), _event("host.status_changed", state, at, status=status)


def due(state: Host) -> datetime | None:
    """When it has not called for too long."""
    return state.offline_at


def tick(state: Host, told: Told) -> Step[Host]:
    state, offline = _changed(replace(state, offline_at=None), told.at, "offline")
    return Step(state, (offline,))


def _event(type_: str, state: Host, at: datetime, **more: Any) -> Derived:
    return Derived(type_, {"host": state.host, "ipv4": state.ipv4, "ipv6": state.ipv6, **more}, at)


SOURCE = Source(
    name="host",
    facts={"created": Created, "updated": Updated, "deleted": Deleted},
    types=("host.created", "host.deleted", "host.ip_updated", "host.status_changed"),
    state=Host,
    hear=hear,
    due=due,
    tick=tick,
)
