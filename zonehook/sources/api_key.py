"""An API key of CaptainDNS: it comes near its expiry, is rotated, is revoked. Its text is never told."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from zonehook.errors import Conflict
from zonehook.moments import timestamp
from zonehook.reading import Text
from zonehook.sources.source import Derived, Fact, Name, Source, Step, Told, When, check_end, unknown

_SOON = timedelta(days=30)
_DAY = timedelta(days=1)
_KEPT = timedelta(days=7)  # after its expiry or its grace: that it was revoked, rotated or prolonged may be told late
Prefix = Annotated[Text, Field(min_length=1, max_length=24)]  # no whole key fits


class Created(Fact):
    """`key_prefix` is what people know the key by."""

    key_prefix: Prefix
    expires_at: When | None = None


class ExpiryChanged(Fact):
    """Null: it does not expire any more."""

    expires_at: When | None


class Rotated(Fact):
    """`key_id` and `key_prefix` are the new key's; the old one is accepted until `grace_ends_at`."""

    key_id: Name
    key_prefix: Prefix
    grace_ends_at: When


class Revoked(Fact):
    """The key works no more."""


@dataclass(frozen=True)
class ApiKey:
    """`created_at`: as of the last time that this was told. `set_at`: as of when the expiry is known. Rotated, it is
    accepted until `grace_ends_at`.
    """

    key_prefix: str
    expires_at: datetime | None
    created_at: datetime
    set_at: datetime
    is_warned: bool = False
    rotated_to: str | None = None
    grace_ends_at: datetime | None = None


def hear(state: ApiKey | None, fact: Fact, told: Told) -> Step[ApiKey]:
    """Repeated facts, and an expiry older than the one that is known, change nothing."""
    if isinstance(fact, Created):
        return _created(state, fact, told)
    if state is None:
        raise unknown("key")
    if isinstance(fact, ExpiryChanged):
        return _expiry_changed(state, fact, told)
    if isinstance(fact, Rotated):
        return _rotated(state, fact, told)
    check_end(state.created_at, fact)
    data = {"key_id": told.id, "key_prefix": state.key_prefix, "revoked_at": timestamp(told.at)}
    return Step(None, (Derived("api_key.revoked", data, told.at),))


def _created(state: ApiKey | None, fact: Created, told: Told) -> Step[ApiKey]:
    if state is None:
        return Step(ApiKey(fact.key_prefix, fact.expires_at, created_at=told.at, set_at=told.at))
    if fact.key_prefix != state.key_prefix:
        raise Conflict("created_before", "this key was created with another key_prefix")
    return Step(replace(state, created_at=max(told.at, state.created_at)))


def _expiry_changed(state: ApiKey, fact: ExpiryChanged, told: Told) -> Step[ApiKey]:
    if state.rotated_to is not None:
        raise Conflict("rotated", "this key was rotated; it ends with its grace period")
    if told.at < state.set_at:
        return Step(state)
    return Step(replace(state, expires_at=fact.expires_at, set_at=told.at))


def _rotated(state: ApiKey, fact: Rotated, told: Told) -> Step[ApiKey]:
    if state.rotated_to == fact.key_id:
        return Step(state)
    if state.rotated_to is not None:
        raise Conflict("rotated", "this key was rotated before; what is rotated now is the key that it was rotated to")
    if fact.key_id == told.id:
        raise Conflict("same_key", "key_id is the new key's; it cannot be the old one's")
    if fact.grace_ends_at < told.at:
        raise Conflict("grace_is_over", "grace_ends_at lies before the rotation; without a grace send its very moment")
    data = {
        "key_id": fact.key_id,
        "key_prefix": fact.key_prefix,
        "old_key_id": told.id,
        "grace_ends_at": timestamp(fact.grace_ends_at),
        "rotated_at": timestamp(told.at),
    }
    state = replace(state, rotated_to=fact.key_id, grace_ends_at=fact.grace_ends_at)
    return Step(state, (Derived("api_key.rotated", data, told.at),))


def due(state: ApiKey) -> datetime | None:
    """When a warning is to be given, or the key is over and forgotten."""
    expiry = _unwarned(state)
    if expiry is not None:
        return max(expiry - _SOON, state.set_at)
    end = state.grace_ends_at if state.rotated_to is not None else state.expires_at
    return None if end is None else end + _KEPT


def _unwarned(state: ApiKey) -> datetime | None:
    """The expiry that is to be warned of; None: none, or not any more, or it was past already when it was told."""
    if state.is_warned or state.rotated_to is not None or state.expires_at is None:
        return None
    return state.expires_at if state.set_at < state.expires_at else None


def tick(state: ApiKey, told: Told) -> Step[ApiKey]:
    """The warning is given once, wherever the expiry is moved to."""
    expiry = _unwarned(state)
    if expiry is None:
        return Step(None)
    data = {
        "key_id": told.id,
        "key_prefix": state.key_prefix,
        "expires_at": timestamp(expiry),
        "days_left": math.ceil((expiry - told.at) / _DAY),
    }
    return Step(replace(state, is_warned=True), (Derived("api_key.expires_soon", data, told.at),))


SOURCE = Source(
    name="api-key",
    facts={"created": Created, "expiry_changed": ExpiryChanged, "rotated": Rotated, "revoked": Revoked},
    types=("api_key.expires_soon", "api_key.rotated", "api_key.revoked"),
    state=ApiKey,
    hear=hear,
    due=due,
    tick=tick,
)
