"""What Zonehook tells an account of its own deliveries, written in the transaction of what it tells of.

An account in which no endpoint names the type is told nothing. Of one endpoint a type is told once an hour at most:
the first time, and nothing is told later of what was left out.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from zonehook import clock
from zonehook.dialects import own
from zonehook.dialects.own import Exhausted
from zonehook.endpoints import Endpoint
from zonehook.errors import NotFound
from zonehook.messages import DeliveryOrder
from zonehook.store import announcements, deliveries, tellings
from zonehook.store import endpoints as stored
from zonehook.store.announcements import Announcement


def of_endpoint(
    conn: Connection, account_id: int, endpoint_id: str, event_type: str, reason: str, at: datetime
) -> bool:
    """Tells what became of an endpoint. Whether there is something for the announcer now."""
    return _tell(conn, account_id, endpoint_id, event_type, at, lambda endpoint: own.data(endpoint, reason, at))


def of_delivery(conn: Connection, order: DeliveryOrder, at: datetime) -> bool:
    """Tells that a delivery failed for good, as the records have it. Whether there is something for the announcer."""
    return _tell(
        conn, order.account_id, order.endpoint_id, own.EXHAUSTED, at,
        lambda endpoint: _of_exhausted(conn, order, endpoint, at),
    )  # fmt: skip


def _of_exhausted(conn: Connection, order: DeliveryOrder, endpoint: Endpoint, at: datetime) -> str:
    found = deliveries.get(conn, order.account_id, order.delivery_id)
    if found is None:
        raise NotFound.delivery(order.delivery_id)
    error = deliveries.last_error(conn, order.account_id, found.id)
    exhausted = Exhausted(found.id, found.event_id, found.type, found.attempts, found.last_status_code, error)
    return own.data(endpoint, found.reason or "", at, exhausted)


def _tell(
    conn: Connection,
    account_id: int,
    endpoint_id: str,
    event_type: str,
    at: datetime,
    data: Callable[[Endpoint], str],
) -> bool:
    dialect = tellings.audience(conn, account_id, event_type)
    endpoint = stored.get(conn, account_id, endpoint_id) if dialect is not None else None
    if dialect is None or endpoint is None or not tellings.note(conn, endpoint_id, event_type, at):
        return False
    announcement = Announcement(
        id=clock.new_id("ann"), account_id=account_id, dialect=dialect, type=event_type, data=data(endpoint),
        actor=None, created_at=at,
    )  # fmt: skip
    announcements.add(conn, announcement)
    return True
