"""The desk for fan-out: who listens to an event, and a delivery with its frozen bytes for each of them."""

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from zonehook import clock, dialects, endpoints
from zonehook.dialects import Letter
from zonehook.messages import PUBLISHED, SCHEDULED, AcceptedEvent, DeliveryOrder, OpenedDeliveries
from zonehook.store import deliveries, events
from zonehook.store import endpoints as stored
from zonehook.store.database import Database
from zonehook.store.deliveries import Opened
from zonehook.verdicts import DeliveryStatus

PAGE_OF_ORDERS = 100  # children that one run of the event's workflow starts


@dataclass(frozen=True)
class _Frozen:
    """What will be sent to one endpoint; `skipped_because` says why nothing will."""

    body: bytes
    skipped_because: str | None


class Fanout:
    """Opens deliveries. `time_scale` multiplies the schedules of those opened from now on; `is_fast` lets their first
    attempts be made in the fast lane.
    """

    def __init__(self, database: Database, time_scale: float, is_fast: bool) -> None:
        self._database = database
        self._time_scale = time_scale
        self._is_fast = is_fast

    async def open(self, event: AcceptedEvent) -> OpenedDeliveries:
        """Writes the event and a delivery for each endpoint that subscribes, all in one transaction.

        Calling again, after a crash or for the next page, opens nothing twice. What is scheduled for later is written
        alone, and says when to call again; what was cancelled has no deliveries. Raises Unavailable.
        """
        opened = await self._write(event) if event.after is None else None
        if opened is None:
            if event.after is None and (waits_until := await self._waits_until(event)) is not None:
                return OpenedDeliveries((), None, waits_until=waits_until)
            found = await self._database.read(
                deliveries.opened, event.account_id, event.id, event.after or "", PAGE_OF_ORDERS
            )
        else:
            found = opened[:PAGE_OF_ORDERS]
        next_page = found[-1].id if len(found) == PAGE_OF_ORDERS else None
        # A slow receiver of one page must not hold up the next
        is_fast = self._is_fast and event.after is None and next_page is None
        return OpenedDeliveries(tuple(self._order(event, each) for each in found), next_page, is_fast)

    async def _write(self, event: AcceptedEvent) -> list[Opened] | None:
        """The deliveries that were opened, by id; None when none were: they had been before, and what was opened
        stands, or they are not to be opened now.
        """
        if not event.is_held:
            with contextlib.suppress(IntegrityError):  # it is there: opened before, or held by a batch that has it, too
                return await self._database.write(_add, event)
        return await self._database.write(_release, event)

    async def _waits_until(self, event: AcceptedEvent) -> datetime | None:
        now = await self._database.read(events.get, event.account_id, event.id)
        return now.deliver_at if now is not None and now.status == SCHEDULED else None

    def _order(self, event: AcceptedEvent, opened: Opened) -> DeliveryOrder:
        policy = dialects.policy(opened.dialect, self._time_scale)
        order = deliveries.order(event.account_id, opened, policy)
        return replace(order, at_once=endpoints.is_prompt(opened.consecutive_failures, opened.is_slow))


def _add(conn: Connection, event: AcceptedEvent) -> list[Opened]:
    events.add(conn, replace(event, status=PUBLISHED))
    return _opened_each(conn, event)


def _release(conn: Connection, event: AcceptedEvent) -> list[Opened] | None:
    """None for an event that is not, or no longer, to be let go."""
    events.hold(conn, [event])
    released = events.release(conn, event.account_id, event.id, event.as_of or event.accepted_at)
    return None if released is None else _opened_each(conn, replace(released, trial_of=event.trial_of))


def _opened_each(conn: Connection, event: AcceptedEvent) -> list[Opened]:
    """Those to be made, by id."""
    holders: dict[bytes, str] = {}
    rows, opened = [], []
    now = clock.now()
    for endpoint in stored.all_of(conn, event.account_id):
        if _listens(endpoint, event):
            delivery_id = clock.new_id("dlv")
            frozen = _frozen(event, delivery_id, endpoint)
            holder = holders.setdefault(frozen.body, delivery_id)
            own = (frozen.body, None) if holder == delivery_id else (None, holder)
            body = dict(zip(("body", "body_of"), own, strict=True))
            rows.append(_row(event, delivery_id, endpoint.id, frozen.skipped_because, now) | body)
            if not frozen.skipped_because:
                opened.append(_opened(delivery_id, event.type, endpoint))
    if rows:
        deliveries.add_all(conn, rows)
    return sorted(opened, key=lambda each: each.id)


def _listens(endpoint: Row[Any], event: AcceptedEvent) -> bool:
    if event.trial_of is not None:
        return bool(endpoint.id == event.trial_of)
    return dialects.listens(endpoint.dialect, endpoint.events, event.type)


def _opened(delivery_id: str, event_type: str, endpoint: Row[Any]) -> Opened:
    return Opened(
        id=delivery_id,
        endpoint_id=endpoint.id,
        type=event_type,
        url=endpoint.url,
        dialect=endpoint.dialect,
        consecutive_failures=endpoint.consecutive_failures,
        is_slow=endpoint.is_slow,
    )


def _frozen(event: AcceptedEvent, delivery_id: str, endpoint: Row[Any]) -> _Frozen:
    """An event was held against its account's dialect when it came; an endpoint of another may need more of it."""
    if endpoint.dialect != endpoint.account_dialect and (found := dialects.problems(endpoint.dialect, event)):
        return _Frozen(b"", f"the event cannot be written for a {endpoint.dialect} endpoint: {found[0].message}")
    body = dialects.named(endpoint.dialect).envelope(Letter(event, delivery_id, endpoint.account_name))
    inactive = endpoints.inactive_because(endpoint.disabled_at, endpoint.suppressed_at)
    return _Frozen(body, f"the endpoint was {inactive} when the event came" if inactive else None)


def _row(
    event: AcceptedEvent, delivery_id: str, endpoint_id: str, skipped_because: str | None, now: datetime
) -> dict[str, Any]:
    return {
        "id": delivery_id, "account_id": event.account_id, "event_id": event.id, "run": 0,
        "endpoint_id": endpoint_id, "type": event.type, "attempts": 0, "attempts_before_run": 0,
        "status": DeliveryStatus.SKIPPED if skipped_because else DeliveryStatus.PENDING,
        "reason": skipped_because, "created_at": now, "completed_at": now if skipped_because else None,
        "test": event.trial_of is not None,
    }  # fmt: skip
