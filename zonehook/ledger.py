"""The desk for deliveries: open them, remember every attempt, tell how they stand."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from zonehook import clock, dialects, endpoints, schedules, verdicts
from zonehook.endpoints import EndpointStatus
from zonehook.errors import NotFound
from zonehook.messages import AcceptedEvent, DeliveryOrder, OpenedDeliveries, Sent
from zonehook.store import deliveries, events
from zonehook.store import endpoints as stored
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery, DeliveryFilter, RecordedAttempt
from zonehook.store.pages import Page
from zonehook.verdicts import DeliveryStatus, End, Progress, Wait

SUPERSEDED = End(DeliveryStatus.CANCELLED, "a replay took its place")
PAGE_OF_ORDERS = 100  # children that one run of the event's workflow starts


@dataclass(frozen=True)
class Duty:
    """All that one attempt needs: how the delivery stands, and what is to be sent where, secrets included."""

    row: Row[Any]
    progress: Progress
    url: str
    body: bytes
    secrets: tuple[str, ...]
    headers: dict[str, str]
    is_superseded: bool = False  # a replay has begun: this order's run is over


@dataclass(frozen=True)
class DeliveryRequest:
    """What is sent, as it may be shown: no signature and no custom header's value."""

    url: str
    headers: dict[str, str]
    body: str


class Ledger:
    """Keeps the records. `time_scale` multiplies the schedules of deliveries opened from now on."""

    def __init__(self, database: Database, cipher: Cipher, time_scale: float) -> None:
        self._database = database
        self._cipher = cipher
        self._time_scale = time_scale

    async def open(self, event: AcceptedEvent) -> OpenedDeliveries:
        """Writes the event and a delivery for each endpoint that subscribes, all in one transaction.

        Calling again, after a crash or for the next page, opens nothing twice. Raises Unavailable.
        """
        if event.after is None:
            try:
                async with self._database.write() as conn:
                    await events.add(conn, event)
                    await self._open_each(conn, event)
            except IntegrityError:  # it was opened before, and what it opened stands
                async with self._database.read() as conn:
                    if await events.get(conn, event.account_id, event.id) is None:
                        raise
        async with self._database.read() as conn:
            rows = await deliveries.opened(conn, event.account_id, event.id, event.after or "", PAGE_OF_ORDERS)
        orders = tuple(self._order(event.account_id, event.type, row) for row in rows)
        return OpenedDeliveries(orders, next=rows[-1].id if len(rows) == PAGE_OF_ORDERS else None)

    async def duty(self, order: DeliveryOrder) -> Duty:
        """What the records say of a delivery whose turn has come. Raises NotFound, Unavailable."""
        async with self._database.read() as conn:
            row = await deliveries.duty(conn, order.account_id, order.delivery_id)
        if row is None:
            raise _not_found(order.delivery_id)
        if row.run < order.run:  # the replay was ordered, and a crash came before the records knew
            await self.reopen(order)
            return await self.duty(order)
        previous = row.previous_secret_until is not None and row.previous_secret_until > clock.now()
        sealed = [row.secret, row.previous_secret] if previous else [row.secret]
        return Duty(
            row=row,
            progress=_progress(row),
            url=row.url,
            body=row.body,
            secrets=tuple(self._cipher.open(each) for each in sealed),
            headers=self._cipher.open_map(row.headers),
            is_superseded=row.run > order.run,
        )

    async def record(self, order: DeliveryOrder, duty: Duty, sent: Sent) -> Wait | End:
        """Writes an attempt, the delivery's progress and the endpoint's health in one commit.

        Returns what follows. An attempt already written is not written again. Raises Unavailable.
        """
        while True:
            if sent.number != duty.progress.number + 1:  # it was kept for later, or somebody else wrote meanwhile
                if await self.is_recorded(sent):
                    return _standing(duty.progress)
                sent = replace(sent, number=duty.progress.number + 1)
            if duty.is_superseded:
                decision: Wait | End = SUPERSEDED
            else:
                decision = verdicts.after(sent, duty.progress, order.policy, order.delivery_id)
            if await self._write_attempt(order, duty, sent, decision):
                return decision
            duty = await self.duty(order)

    async def is_recorded(self, sent: Sent) -> bool:
        """Whether this very attempt is written down."""
        async with self._database.read() as conn:
            return await deliveries.is_recorded(conn, sent.id)

    async def end(self, order: DeliveryOrder, end: End) -> None:
        """Writes that a delivery ended without another attempt. Raises Unavailable."""
        async with self._database.write() as conn:
            await deliveries.end(conn, order.account_id, order.delivery_id, end.status, end.reason, clock.now())

    async def get(self, account_id: int, delivery_id: str) -> Delivery:
        """Raises NotFound."""
        async with self._database.read() as conn:
            delivery = await deliveries.get(conn, account_id, delivery_id)
        if delivery is None:
            raise _not_found(delivery_id)
        return delivery

    async def page(self, account_id: int, wanted: DeliveryFilter, limit: int, cursor: str | None) -> Page[Delivery]:
        async with self._database.read() as conn:
            return await deliveries.page(conn, account_id, wanted, limit, cursor)

    async def attempts(self, account_id: int, delivery_id: str) -> list[RecordedAttempt]:
        """Every attempt, the first one first. Raises NotFound."""
        await self.get(account_id, delivery_id)
        async with self._database.read() as conn:
            return await deliveries.attempts_of(conn, account_id, delivery_id)

    async def request(self, account_id: int, delivery_id: str) -> DeliveryRequest:
        """What is sent, without what must not be shown. Raises NotFound."""
        async with self._database.read() as conn:
            row = await deliveries.duty(conn, account_id, delivery_id)
        if row is None:
            raise _not_found(delivery_id)
        shown = dialects.headers((), delivery_id, row.created_at, row.body)
        hidden = dict.fromkeys([*self._cipher.open_map(row.headers), "webhook-signature"], "[redacted]")
        return DeliveryRequest(row.url, shown | hidden, row.body.decode())

    async def standing(self, account_id: int, delivery_id: str) -> tuple[Progress, DeliveryOrder]:
        """How a delivery stands, and the order of its current run. Raises NotFound."""
        async with self._database.read() as conn:
            row = await deliveries.duty(conn, account_id, delivery_id)
        if row is None:
            raise _not_found(delivery_id)
        return _progress(row), replace(self._order(account_id, row.type, row), run=row.run)

    async def reopen(self, order: DeliveryOrder) -> None:
        """Begins the run of this order with a fresh budget; again for the same run does nothing."""
        async with self._database.write() as conn:
            await deliveries.reopen(conn, order.account_id, order.delivery_id, order.run)

    async def _open_each(self, conn: Any, event: AcceptedEvent) -> None:
        frozen: dict[bytes, str] = {}
        rows = []
        now = clock.now()
        for endpoint in await stored.all_of(conn, event.account_id):
            if not endpoints.subscribes(endpoint.events, event.type):
                continue
            delivery_id = clock.new_id("dlv")
            body = dialects.named(endpoint.dialect).envelope(event, delivery_id)
            inactive = _inactive_because(endpoint)
            rows.append(
                {
                    "id": delivery_id, "account_id": event.account_id, "event_id": event.id, "run": 0,
                    "endpoint_id": endpoint.id, "type": event.type, "attempts": 0, "attempts_before_run": 0,
                    "body_id": frozen.setdefault(body, delivery_id.replace("dlv_", "body_")),
                    "status": DeliveryStatus.SKIPPED if inactive else DeliveryStatus.PENDING,
                    "reason": f"the endpoint was {inactive} when the event came" if inactive else None,
                    "created_at": now, "completed_at": now if inactive else None,
                }
            )  # fmt: skip
        if rows:
            await deliveries.add_all(conn, {key: body for body, key in frozen.items()}, rows)

    async def _write_attempt(self, order: DeliveryOrder, duty: Duty, sent: Sent, decision: Wait | End) -> bool:
        succeeded = verdicts.succeeded(sent, order.policy)
        async with self._database.write() as conn:
            written = await deliveries.advance(conn, duty.row, _progress_values(duty, sent, decision))
            if not written:
                return False
            await deliveries.add_attempt(conn, _attempt_values(order, sent))
            if succeeded:
                await stored.note_success(conn, order.endpoint_id)
            else:
                await stored.note_failure(conn, order.endpoint_id, sent.ended_at, order.policy.suppress_after)
        return True

    def _order(self, account_id: int, event_type: str, row: Row[Any]) -> DeliveryOrder:
        return DeliveryOrder(
            account_id=account_id,
            delivery_id=row.id,
            endpoint_id=row.endpoint_id,
            event_type=event_type,
            host=urlsplit(row.url).hostname or "",
            policy=schedules.scaled(dialects.named(row.dialect).policy, self._time_scale),
        )


def _progress(row: Row[Any]) -> Progress:
    return Progress(
        status=DeliveryStatus(row.status),
        reason=row.reason,
        made=row.attempts - row.attempts_before_run,
        number=row.attempts,
        first_attempt_at=row.first_attempt_at,
        next_retry_at=row.next_retry_at,
        inactive_because=_inactive_because(row),
    )


def _progress_values(duty: Duty, sent: Sent, decision: Wait | End) -> dict[str, Any]:
    if duty.is_superseded:  # listed, but no attempt of the replay's
        return {"attempts": sent.number, "attempts_before_run": duty.row.attempts_before_run + 1}
    values: dict[str, Any] = {
        "attempts": sent.number,
        "first_attempt_at": duty.progress.first_attempt_at or sent.started_at,
        "last_status_code": sent.status_code,
    }
    match decision:
        case Wait(until):
            values |= {"status": DeliveryStatus.RETRYING, "next_retry_at": until}
        case End(status, reason):
            values |= {
                "status": status,
                "reason": reason,
                "next_retry_at": None,
                "completed_at": sent.ended_at,
            }
    return values


def _attempt_values(order: DeliveryOrder, sent: Sent) -> dict[str, Any]:
    return {
        "id": sent.id,
        "account_id": order.account_id,
        "delivery_id": order.delivery_id,
        "number": sent.number,
        "trigger": "replay" if order.run else "schedule",
        "started_at": sent.started_at,
        "duration_ms": sent.duration_ms,
        "status_code": sent.status_code,
        "error": sent.error,
        "response_excerpt": sent.excerpt,
    }


def _standing(progress: Progress) -> Wait | End:
    if progress.next_retry_at is not None:
        return Wait(progress.next_retry_at)
    return End(progress.status, progress.reason)


def _inactive_because(endpoint: Row[Any]) -> str | None:
    if getattr(endpoint, "deleted_at", None) is not None:
        return "deleted"
    status = endpoints.status(endpoint.disabled_at, endpoint.suppressed_at)
    return None if status is EndpointStatus.ENABLED else status.value


def _not_found(delivery_id: str) -> NotFound:
    return NotFound("not_found", f"there is no delivery {delivery_id[:60]} in this account")
