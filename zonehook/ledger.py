"""The desk for attempts: what is to be done for a delivery, and what was, one commit each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from zonehook import clock, dialects, endpoints, reports, verdicts
from zonehook.dialects import own
from zonehook.errors import NotFound
from zonehook.messages import DeliveryEnd, DeliveryOrder, Sent
from zonehook.store import deliveries
from zonehook.store import endpoints as stored
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.verdicts import DeliveryStatus, End, Progress, Wait

SUPERSEDED = End(DeliveryStatus.CANCELLED, "a replay took its place")


@dataclass(frozen=True)
class Duty:
    """All that one attempt needs: how the delivery stands, and what is to be sent where, secrets included."""

    row: Row[Any]
    progress: Progress
    url: str
    dialect: str
    body: bytes
    secrets: tuple[str, ...]
    headers: dict[str, str]
    is_superseded: bool = False  # a replay has begun: this order's run is over


@dataclass(frozen=True)
class Standing:
    """A delivery as whoever steers it by hand finds it: `order` is that of its current run."""

    progress: Progress
    order: DeliveryOrder
    event_id: str
    dialect: str
    is_writable: bool  # the event could be written in the endpoint's dialect


class Ledger:
    """Keeps the records of attempts. `time_scale` multiplies the schedules of replays ordered from now on;
    `on_announcement` is called once there is something for the announcer.
    """

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        time_scale: float,
        on_announcement: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._time_scale = time_scale
        self._on_announcement = on_announcement

    async def duty(self, order: DeliveryOrder) -> Duty:
        """What the records say of a delivery whose turn has come. Raises NotFound, Unavailable."""
        row = await self._row(order.account_id, order.delivery_id)
        if row.run < order.run:  # the replay was ordered, and a crash came before the records knew
            await self.reopen(order)
            return await self.duty(order)
        previous = row.previous_secret_until is not None and row.previous_secret_until > clock.now()
        sealed = [row.secret, row.previous_secret] if previous else [row.secret]
        return Duty(
            row=row,
            progress=_progress(row),
            url=row.url,
            dialect=row.dialect,
            body=row.body,
            # An endpoint that signs nothing has the empty secret
            secrets=tuple(filter(None, map(self._cipher.open, sealed))),
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
            # A failure may have to be told, and then all endpoints of the account are looked at
            is_plain = decision == End(DeliveryStatus.DELIVERED) and not duty.row.is_recovering
            write = self._database.write_at_once if is_plain else self._database.write
            told = await write(_write_attempt, order, duty, sent, decision)
            if told:
                self._on_announcement()
            if told is not None:
                return decision
            duty = await self.duty(order)

    async def is_recorded(self, sent: Sent) -> bool:
        """Whether this very attempt is written down."""
        return await self._database.read(deliveries.is_recorded, sent.id)

    async def end(self, order: DeliveryOrder, end: End) -> DeliveryEnd:
        """Writes that this run of a delivery ended without another attempt, and says how it ended: what was over
        before stays as it was. Raises NotFound, Unavailable.
        """
        if await self._database.write(_write_end, order, end):
            self._on_announcement()
        row = await self._row(order.account_id, order.delivery_id)
        if row.run != order.run:
            return DeliveryEnd(SUPERSEDED.status, row.attempts, SUPERSEDED.reason)
        return DeliveryEnd(row.status, row.attempts, row.reason)

    async def hurry(self, order: DeliveryOrder) -> bool:
        """Makes the waiting attempt due at once; says whether one waited. None does for an endpoint that takes nothing:
        it may be back before the attempt is due. Raises NotFound, Unavailable.
        """
        if _progress(await self._row(order.account_id, order.delivery_id)).inactive_because is not None:
            return False
        return await self._database.write(deliveries.hurry, order, clock.now())

    async def standing(self, account_id: int, delivery_id: str) -> Standing:
        """How a delivery stands just now. Raises NotFound."""
        row = await self._row(account_id, delivery_id)
        policy = dialects.policy(row.dialect, self._time_scale)
        order = replace(deliveries.order(account_id, row, policy), run=row.run)
        return Standing(_progress(row), order, row.event_id, row.dialect, is_writable=row.body != b"")

    async def reopen(self, order: DeliveryOrder) -> None:
        """Begins the run of this order with a fresh budget; again for the same run does nothing."""
        await self._database.write(deliveries.reopen, order.account_id, order.delivery_id, order.run)

    async def _row(self, account_id: int, delivery_id: str) -> Row[Any]:
        row = await self._database.read_at_once(deliveries.duty, account_id, delivery_id)
        if row is None:
            raise NotFound.delivery(delivery_id)
        return row


def _write_attempt(conn: Connection, order: DeliveryOrder, duty: Duty, sent: Sent, decision: Wait | End) -> bool | None:
    """Whether there is something for the announcer; None where the delivery does not stand any more as it did when the
    attempt began, and nothing was written.
    """
    failures = deliveries.advance(conn, duty.row, _progress_values(duty, sent, decision))
    if failures is None:
        return None
    deliveries.add_attempt(conn, _attempt_values(order, duty, sent))
    news = _write_health(conn, order, duty, sent, failures)
    if own.is_own(order.event_type):  # of those that tell nothing is told: it could go on for ever
        return False
    told = [reports.of_endpoint(conn, order.account_id, order.endpoint_id, *each, sent.ended_at) for each in news]
    if _has_failed(decision) and duty.progress.status in verdicts.OPEN:
        told.append(reports.of_delivery(conn, order, sent.ended_at))
    return any(told)


def _write_health(
    conn: Connection, order: DeliveryOrder, duty: Duty, sent: Sent, failures: int
) -> list[tuple[str, str]]:
    """How the attempt leaves its endpoint. Returns what there is to be told of that: types, each with the reason."""
    is_slow, news = endpoints.is_slow(sent.duration_ms), []
    if verdicts.succeeded(sent, order.policy):
        if failures or is_slow != duty.row.is_slow:  # most deliveries leave their endpoint as it is
            stored.note_success(conn, order.endpoint_id, is_slow)
        is_recovery = duty.row.is_recovering and not own.is_own(order.event_type)
        if is_recovery and stored.note_recovered(conn, order.endpoint_id):
            news.append((own.RECOVERED, "a delivery was confirmed, after the endpoint had been suppressed or disabled"))
        return news
    limit = order.policy.suppress_after
    if stored.note_failure(conn, order.endpoint_id, sent.ended_at, limit, is_slow):
        news.append((own.SUPPRESSED, f"{limit} attempts in a row failed"))
    if verdicts.disables(sent, order.policy) and stored.note_gone(conn, order.endpoint_id, sent.ended_at):
        news.append((own.DISABLED, "the receiver answered 410 (gone)"))
    return news


def _write_end(conn: Connection, order: DeliveryOrder, end: End) -> bool:
    """Whether there is something for the announcer."""
    now = clock.now()
    ended = deliveries.end(conn, order, end.status, end.reason, now)
    if not ended or not _has_failed(end) or own.is_own(order.event_type):
        return False
    return reports.of_delivery(conn, order, now)


def _has_failed(decision: Wait | End) -> bool:
    return isinstance(decision, End) and decision.status is DeliveryStatus.FAILED


def _progress(row: Row[Any]) -> Progress:
    inactive = endpoints.inactive_because(row.disabled_at, row.suppressed_at)
    return Progress(
        status=DeliveryStatus(row.status),
        reason=row.reason,
        made=row.attempts - row.attempts_before_run,
        number=row.attempts,
        first_attempt_at=row.first_attempt_at,
        next_retry_at=row.next_retry_at,
        inactive_because="deleted" if row.deleted_at is not None else inactive,
    )


def _progress_values(duty: Duty, sent: Sent, decision: Wait | End) -> dict[str, Any]:
    if duty.is_superseded:  # listed, but no attempt of the replay's
        return {"attempts": sent.number, "attempts_before_run": duty.row.attempts_before_run + 1}
    values: dict[str, Any] = {
        "attempts": sent.number,
        "first_attempt_at": duty.progress.first_attempt_at or sent.started_at,
        "last_status_code": sent.status_code,
        "hurried": False,
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


def _attempt_values(order: DeliveryOrder, duty: Duty, sent: Sent) -> dict[str, Any]:
    by_itself = "replay" if order.run else "schedule"
    return {
        "id": sent.id,
        "account_id": order.account_id,
        "delivery_id": order.delivery_id,
        "endpoint_id": order.endpoint_id,
        "number": sent.number,
        "trigger": "manual" if duty.row.hurried else by_itself,
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
