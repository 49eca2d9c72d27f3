"""The dialects by name. Adding a vendor is one new module here, its catalogue and its golden wire files.

Every dialect has Zonehook's own event types (`own.py`) beside its vendor's.
"""

import difflib
from collections.abc import Sequence
from datetime import datetime

from zonehook import __version__, endpoints, schedules, signatures
from zonehook.dialects import captaindns, connect_domain, dnsimple, novadns, own, standard
from zonehook.dialects.catalogue import EventType
from zonehook.dialects.dialect import Dialect, Letter, Secrets, Subscribing
from zonehook.errors import Detail
from zonehook.messages import AcceptedEvent, Policy

_DIALECTS = {
    dialect.name: dialect
    for dialect in (
        standard.DIALECT,
        dnsimple.DIALECT,
        dnsimple.LEGACY,
        connect_domain.DIALECT,
        novadns.DIALECT,
        captaindns.DIALECT,
    )
}
_ANY = EventType(
    name="endpoint.test",
    description="A sample, to see that an endpoint is reached and verifies signatures.",
    required=(),
    sample={"message": "This is a test from Zonehook."},
    kinds={},
)
NAMES = tuple(sorted(_DIALECTS))


def named(name: str) -> Dialect:
    """The dialect of this name. Raises KeyError for one there is not."""
    return _DIALECTS[name]


def policy(name: str, time_scale: float) -> Policy:
    """How a dialect's deliveries are tried, with every wait and the window multiplied."""
    return schedules.scaled(named(name).policy, time_scale)


def headers(
    name: str, secrets: tuple[str, ...], delivery_id: str, at: datetime, body: bytes, is_trial: bool = False
) -> dict[str, str]:
    """The headers of one attempt, signed at that moment; the newest secret comes first.

    The vendor's own signature is made with that alone; Standard Webhooks has room for all. A sample says that
    it is one.
    """
    vendors = named(name).signature(secrets[0], at, body) if secrets else {}
    return {
        "content-type": "application/json",
        "user-agent": f"Zonehook/{__version__}",
        **({"zonehook-test": "true"} if is_trial else {}),
        **vendors,
        **signatures.headers(secrets, delivery_id, at, body),
    }


def problems(name: str, event: AcceptedEvent) -> list[Detail]:
    """Why an event cannot be written in this dialect, by field; empty when it can."""
    dialect = named(name)
    if own.is_own(event.type):
        return []
    if not dialect.knows(event.type):
        return [Detail("type", _unknown_type(dialect, event.type))]
    return dialect.lacks(event)


def subscription_problems(name: str, wanted: list[str]) -> list[Detail]:
    """Why an endpoint of this dialect cannot subscribe to these types, by field; empty when it can."""
    dialect = named(name)
    is_filter = not all(own.includes(each) for each in wanted)
    if is_filter and dialect.subscribing is Subscribing.ALWAYS_ALL:
        extra = ", ".join(own.TYPES)
        return [Detail("events", f"a {name} endpoint gets every event; send an empty list, or any of {extra} beside")]
    if not wanted and dialect.subscribing is Subscribing.EMPTY_IS_REFUSED:
        return [Detail("events", f"choose at least one of {', '.join(dialect.catalogue or ())}")]
    return [
        Detail(f"events.{place}", _unknown_type(dialect, each))
        for place, each in enumerate(wanted)
        if not _is_known(dialect, each)
    ]


def listens(name: str, subscriptions: Sequence[str], event_type: str) -> bool:
    """Whether an endpoint of this dialect with these subscriptions gets events of this type."""
    if own.is_own(event_type):
        return own.is_named(subscriptions, event_type)
    dialect = named(name)
    is_wanted = dialect.subscribing is Subscribing.ALWAYS_ALL or endpoints.subscribes(subscriptions, event_type)
    return is_wanted and dialect.knows(event_type)


def first_type(name: str, subscriptions: Sequence[str], registered: Sequence[str] = ()) -> str:
    """The type to try an endpoint with: the first that it subscribes to, of its catalogue or of those `registered`
    where that is open.
    """
    catalogue = named(name).catalogue
    wanted = [each for each in subscriptions if not each.endswith(".*")]
    there_are = (*(registered if catalogue is None else catalogue), *own.TYPES)
    known = [each for each in there_are if listens(name, subscriptions, each)]
    return (wanted or known or [_ANY.name])[0]


def sample(name: str, event_type: str) -> EventType:
    """A type with its sample; where the catalogue is open, one for every type there may be. The sample of one that the
    dialect does not have is refused as that type is.
    """
    return own.TYPES.get(event_type) or (named(name).catalogue or {}).get(event_type, _ANY)


def secret_problem(name: str, text: str) -> str | None:
    """What is wrong with a secret brought for an endpoint of this dialect, as a sentence; None when it can sign."""
    if named(name).secrets is Secrets.CHOSEN:
        return signatures.text_secret_problem(text)
    return signatures.secret_problem(text)


def _is_known(dialect: Dialect, wanted: str) -> bool:
    if own.includes(wanted):
        return True
    if not wanted.endswith(".*"):
        return dialect.knows(wanted)
    return dialect.catalogue is None or any(each.startswith(wanted[:-1]) for each in dialect.catalogue)


def _unknown_type(dialect: Dialect, given: str) -> str:
    nearest = difflib.get_close_matches(given, [*(dialect.catalogue or ()), *own.TYPES], n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"{dialect.name} has no event type {given[:100]}{hint}"


__all__ = [
    "NAMES",
    "Dialect",
    "Letter",
    "Secrets",
    "first_type",
    "headers",
    "listens",
    "named",
    "own",
    "policy",
    "problems",
    "sample",
    "secret_problem",
    "subscription_problems",
]
