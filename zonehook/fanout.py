"""The desk for fan-out: who listens to an event, and a delivery with its frozen bytes for each of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from zonehook import clock, dialects, endpoints
from zonehook.dialects import Letter
from zonehook.messages import AcceptedEvent, OpenedDeliveries
from zonehook.store import deliveries, events
from zonehook.store import endpoints as stored
from zonehook.store.database import Database
from zonehook.verdicts import DeliveryStatus

PAGE_OF_ORDERS = 100  # children that one run of the event's workflow starts


@dataclass(frozen=True)
class _Frozen:
    """What will be sent to one endpoint; `skipped_because` says why nothing will."""

    body: bytes
    skipped_because: str | None


class Fanout:
    """Opens deliveries. `time_scale` multiplies the schedules of those opened from now on."""

    def __init__(self, database: Database, time_scale: float) -> None:
        self._database = database
        self._time_scale = time_scale

    async def open(self, event: AcceptedEvent) -> OpenedDeliveries:
        """Writes the event and a delivery for each endpoint that subscribes, all in one transaction.

        Calling again, after a crash or for the next page, opens nothing twice. Raises Unavailable.
        """
        if event.after is None:
            try:
                async with self._database.write() as conn:
                    await events.add(conn, event)
                    await _open_each(conn, event)
            except IntegrityError:  # it was opened before, and what it opened stands
                async with self._database.read() as conn:
                    if await events.get(conn, event.account_id, event.id) is None:
                        raise
        async with self._database.read() as conn:
            rows = await deliveries.opened(conn, event.account_id, event.id, event.after or "", PAGE_OF_ORDERS)
        orders = tuple(
            deliveries.order(event.account_id, row, dialects.policy(row.dialect, self._time_scale)) for row in rows
        )
        return OpenedDeliveries(orders, next=rows[-1].id if len(rows) == PAGE_OF_ORDERS else None)


async def _open_each(conn: AsyncConnection, event: AcceptedEvent) -> None:
    bodies: dict[bytes, str] = {}
    rows = []
    now = clock.now()
    for endpoint in await stored.all_of(conn, event.account_id):
        if dialects.named(endpoint.dialect).knows(event.type) and endpoints.subscribes(endpoint.events, event.type):
            delivery_id = clock.new_id("dlv")
            frozen = _frozen(event, delivery_id, endpoint)
            body_id = bodies.setdefault(frozen.body, delivery_id.replace("dlv_", "body_"))
            rows.append(_row(event, delivery_id, endpoint.id, body_id, frozen.skipped_because, now))
    if rows:
        await deliveries.add_all(conn, {key: body for body, key in bodies.items()}, rows)


def _frozen(event: AcceptedEvent, delivery_id: str, endpoint: Row[Any]) -> _Frozen:
    """An event was held against its account's dialect when it came; an endpoint of another may need more of it."""
    if endpoint.dialect != endpoint.account_dialect and (found := dialects.problems(endpoint.dialect, event)):
        return _Frozen(b"", f"the event cannot be written for a {endpoint.dialect} endpoint: {found[0].message}")
    body = dialects.named(endpoint.dialect).envelope(Letter(event, delivery_id, endpoint.account_name))
    inactive = endpoints.inactive_because(endpoint.disabled_at, endpoint.suppressed_at)
    return _Frozen(body, f"the endpoint was {inactive} when the event came" if inactive else None)


def _row(
    event: AcceptedEvent, delivery_id: str, endpoint_id: str, body_id: str, skipped_because: str | None, now: datetime
) -> dict[str, Any]:
    return {
        "id": delivery_id, "account_id": event.account_id, "event_id": event.id, "run": 0,
        "endpoint_id": endpoint_id, "type": event.type, "attempts": 0, "attempts_before_run": 0, "body_id": body_id,
        "status": DeliveryStatus.SKIPPED if skipped_because else DeliveryStatus.PENDING,
        "reason": skipped_because, "created_at": now, "completed_at": now if skipped_because else None,
    }  # fmt: skip
