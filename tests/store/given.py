"""What the tests of the records begin with: endpoints, events and attempts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from zonehook import clock
from zonehook.fanout import Fanout
from zonehook.messages import AcceptedEvent, DeliveryOrder, Sent
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import deliveries
from zonehook.store.deliveries import Delivery
from zonehook.verdicts import SendError

AT = datetime(2026, 7, 2, 12, 0, 0, 123_456, tzinfo=UTC)
URL = "https://8.8.8.8/hooks"  # an address needs no look-up


def event(account_id: int, **changes: Any) -> AcceptedEvent:
    accepted = AcceptedEvent(
        account_id=account_id,
        id=clock.new_id("evt"),
        type="domain.create",
        data='{"domain":"example.com"}',
        accepted_at=AT,
        fingerprint="0" * 64,
    )
    return replace(accepted, **changes)


def sent(number: int = 1, status_code: int | None = 503, after: float = 0) -> Sent:
    """An attempt that began `after` seconds and took a quarter of one."""
    return Sent(
        id=clock.new_id("att"),
        number=number,
        started_at=AT + timedelta(seconds=after),
        duration_ms=250,
        status_code=status_code,
        error=SendError.TIMEOUT if status_code is None else None,
        excerpt=None if status_code is None else "an answer",
    )


async def endpoint(registry: Registry, account_id: int, url: str = URL, **wanted: Any) -> str:
    """The id of a new endpoint."""
    registration = Registration(url=url, events=wanted.pop("events", []), dialect="standard", **wanted)
    registered, _ = await registry.register(Actor(account_id), registration)
    return registered.id


async def order(fanout: Fanout, account_id: int) -> DeliveryOrder:
    """The one delivery of a new event."""
    opened = await fanout.open(event(account_id))
    (only,) = opened.orders
    return only


def deliveries_of(conn: Connection, accepted: AcceptedEvent) -> list[Delivery]:
    return deliveries.of_event(conn, accepted.account_id, accepted.id)
