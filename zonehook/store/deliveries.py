"""Statements about deliveries, their frozen bodies and their attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, insert, select, update

from zonehook import verdicts
from zonehook.messages import DeliveryOrder, Policy
from zonehook.store import pages
from zonehook.store.pages import Page
from zonehook.store.tables import attempts, deliveries, endpoints, events
from zonehook.verdicts import DeliveryStatus


@dataclass(frozen=True)
class Delivery:
    """A delivery as its account sees it."""

    id: str
    event_id: str
    endpoint_id: str
    type: str
    test: bool
    status: DeliveryStatus
    reason: str | None
    attempts: int
    next_retry_at: datetime | None
    last_status_code: int | None
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries to list; None lists all."""

    status: str | None = None
    endpoint_id: str | None = None
    event_id: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class RecordedAttempt:
    id: str
    number: int
    trigger: str
    started_at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None
    response_excerpt: str | None


@dataclass(frozen=True)
class Opened:
    """A delivery that has to be made, and what there is to know of its endpoint."""

    id: str
    endpoint_id: str
    type: str
    url: str
    dialect: str
    consecutive_failures: int
    is_slow: bool


_SEEN = [deliveries.c[name] for name in Delivery.__dataclass_fields__]
_ATTEMPT = [attempts.c[name] for name in RecordedAttempt.__dataclass_fields__]
_holder = deliveries.alias("holder")
_DUTY: Select[Any] = (
    select(
        *(column for column in deliveries.c if column is not deliveries.c.body),
        endpoints.c.url,
        endpoints.c.dialect,
        endpoints.c.secret,
        endpoints.c.previous_secret,
        endpoints.c.previous_secret_until,
        endpoints.c.headers,
        endpoints.c.disabled_at,
        endpoints.c.suppressed_at,
        endpoints.c.deleted_at,
        endpoints.c.is_slow,
        endpoints.c.is_recovering,
        func.coalesce(deliveries.c.body, _holder.c.body).label("body"),
    )
    .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
    .join(_holder, _holder.c.id == deliveries.c.body_of, isouter=True)
    .where(deliveries.c.id == bindparam("delivery"), deliveries.c.account_id == bindparam("account"))
)
_FAILURES = select(endpoints.c.consecutive_failures).where(endpoints.c.id == deliveries.c.endpoint_id).scalar_subquery()
# What every attempt says to the database is built once: to build it anew costs five times what it takes to execute
_ADVANCE = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("seen_id"),
        deliveries.c.run == bindparam("seen_run"),
        deliveries.c.attempts == bindparam("seen_attempts"),
        deliveries.c.status == bindparam("seen_status"),
    )
    .returning(_FAILURES)
)
_ADD = insert(deliveries)
_ADD_ATTEMPT = insert(attempts)


def add_all(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    conn.execute(_ADD, rows)


def duty(conn: Connection, account_id: int, delivery_id: str) -> Row[Any] | None:
    """All that an attempt needs to know, in one statement: delivery, endpoint and body."""
    row: Row[Any] | None = conn.execute(_DUTY, {"delivery": delivery_id, "account": account_id}).one_or_none()
    return row


def opened(conn: Connection, account_id: int, event_id: str, after: str, limit: int) -> list[Opened]:
    """Deliveries of an event that still have to be made, by id, from `after` on."""
    query: Select[Any] = (
        select(
            deliveries.c.id,
            deliveries.c.endpoint_id,
            deliveries.c.type,
            endpoints.c.url,
            endpoints.c.dialect,
            endpoints.c.consecutive_failures,
            endpoints.c.is_slow,
        )
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(
            deliveries.c.account_id == account_id,
            deliveries.c.event_id == event_id,
            deliveries.c.id > after,
            deliveries.c.status != DeliveryStatus.SKIPPED,
        )
    )
    return [Opened(*row) for row in (conn.execute(query.order_by(deliveries.c.id).limit(limit))).all()]


def order(account_id: int, row: Opened | Row[Any], policy: Policy) -> DeliveryOrder:
    """What Temporal is told of a delivery, from what was `opened` or a row of `duty`."""
    return DeliveryOrder(
        account_id=account_id,
        delivery_id=row.id,
        endpoint_id=row.endpoint_id,
        event_type=row.type,
        host=urlsplit(row.url).hostname or "",
        policy=policy,
    )


def get(conn: Connection, account_id: int, delivery_id: str) -> Delivery | None:
    found = select(*_SEEN).where(deliveries.c.id == delivery_id, deliveries.c.account_id == account_id)
    row = (conn.execute(found)).one_or_none()
    return None if row is None else _delivery(row)


def page(conn: Connection, account_id: int, wanted: DeliveryFilter, limit: int, cursor: str | None) -> Page[Delivery]:
    query = select(*_SEEN).where(deliveries.c.account_id == account_id)
    led_by = _led_by(wanted)
    for name in ("event_id", "endpoint_id", "status", "type"):
        value = getattr(wanted, name)
        if value is not None:
            # Text with nothing added is in no index: these columns choose it, the others are looked at there
            column = deliveries.c[name] if name in led_by else deliveries.c[name].concat("")
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(deliveries.c.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(deliveries.c.created_at < wanted.until)
    rows, next_cursor = pages.fetch(conn, query, deliveries.c.created_at, deliveries.c.id, limit, cursor)
    return Page([_delivery(row) for row in rows], next_cursor)


def _led_by(wanted: DeliveryFilter) -> tuple[str, ...]:
    """The columns of the index to be used: what finds fewest first, and what it can be combined with."""
    if wanted.event_id is not None:
        return ("event_id",)
    if wanted.endpoint_id is not None:
        return ("endpoint_id", "status")
    return ("status", "type")


def of_event(conn: Connection, account_id: int, event_id: str) -> list[Delivery]:
    query = select(*_SEEN).where(deliveries.c.event_id == event_id, deliveries.c.account_id == account_id)
    return [_delivery(row) for row in (conn.execute(query.order_by(deliveries.c.id))).all()]


def standing_of_event(conn: Connection, account_id: int, event_id: str) -> tuple[str, list[str]] | None:
    """How far an event is, and in which statuses there are deliveries of it; None before its row is there."""
    # A status with nothing added is in no index: the event chooses it
    query = select(events.c.status, deliveries.c.status.concat("").label("delivery")).distinct()
    of_it = and_(deliveries.c.account_id == account_id, deliveries.c.event_id == event_id)
    query = query.join(deliveries, of_it, isouter=True)
    rows = conn.execute(query.where(events.c.id == event_id, events.c.account_id == account_id)).all()
    return (rows[0].status, [row.delivery for row in rows if row.delivery is not None]) if rows else None


def attempts_of(conn: Connection, account_id: int, delivery_id: str) -> list[RecordedAttempt]:
    query = select(*_ATTEMPT).where(attempts.c.delivery_id == delivery_id, attempts.c.account_id == account_id)
    return [RecordedAttempt(*row) for row in (conn.execute(query.order_by(attempts.c.number))).all()]


def last_error(conn: Connection, account_id: int, delivery_id: str) -> str | None:
    """Of its last attempt; None where that was answered, or none was made."""
    query = select(attempts.c.error).where(attempts.c.delivery_id == delivery_id, attempts.c.account_id == account_id)
    error: str | None = conn.execute(query.order_by(attempts.c.number.desc()).limit(1)).scalar()
    return error


def is_recorded(conn: Connection, attempt_id: str) -> bool:
    return (conn.execute(select(attempts.c.id).where(attempts.c.id == attempt_id))).first() is not None


def add_attempt(conn: Connection, values: dict[str, Any]) -> None:
    conn.execute(_ADD_ATTEMPT, values)


def advance(conn: Connection, seen: Row[Any], values: dict[str, Any]) -> int | None:
    """Writes a delivery's progress if it still stands as it was `seen`. Returns how often its endpoint had failed in a
    row until now; None where the delivery stands otherwise, and nothing was written.
    """
    stood = {"seen_id": seen.id, "seen_run": seen.run, "seen_attempts": seen.attempts, "seen_status": seen.status}
    written = conn.execute(_ADVANCE, values | stood)
    failures: int | None = written.scalar_one_or_none()
    return failures


def end(conn: Connection, wanted: DeliveryOrder, status: DeliveryStatus, reason: str | None, at: datetime) -> bool:
    """Ends this run of a delivery if it is still open, and says whether it was; one that is over stays as it ended."""
    ended = conn.execute(
        update(deliveries)
        .where(*_open_run(wanted))
        .values(status=status, reason=reason, next_retry_at=None, completed_at=at)
    )
    return ended.rowcount == 1


def hurry(conn: Connection, wanted: DeliveryOrder, now: datetime) -> bool:
    """Makes the waiting attempt of this run due `now`; says whether one waited."""
    hurried = conn.execute(
        update(deliveries)
        .where(*_open_run(wanted), deliveries.c.next_retry_at > now)
        .values(next_retry_at=now, hurried=True)
    )
    return hurried.rowcount == 1


def cancel_of_endpoint(conn: Connection, account_id: int, endpoint_id: str, reason: str, at: datetime) -> None:
    """Ends every delivery still open for this endpoint."""
    conn.execute(
        update(deliveries)
        .where(
            deliveries.c.account_id == account_id,
            deliveries.c.endpoint_id == endpoint_id,
            deliveries.c.status.in_(verdicts.OPEN),
        )
        .values(status=DeliveryStatus.CANCELLED, reason=reason, next_retry_at=None, completed_at=at)
    )


def reopen(conn: Connection, account_id: int, delivery_id: str, run: int) -> None:
    """Begins the delivery's `run`-th replay with a fresh budget; a second call for the same run does nothing."""
    conn.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.account_id == account_id, deliveries.c.run == run - 1)
        .values(
            run=run,
            status=DeliveryStatus.PENDING,
            reason=None,
            attempts_before_run=deliveries.c.attempts,
            hurried=False,
            first_attempt_at=None,
            next_retry_at=None,
            completed_at=None,
        )
    )


def _open_run(wanted: DeliveryOrder) -> tuple[ColumnElement[bool], ...]:
    return (
        deliveries.c.id == wanted.delivery_id,
        deliveries.c.account_id == wanted.account_id,
        deliveries.c.run == wanted.run,
        deliveries.c.status.in_(verdicts.OPEN),
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**{**row._mapping, "status": DeliveryStatus(row.status)})
