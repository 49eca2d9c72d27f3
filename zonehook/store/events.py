"""Statements about events. Deliveries are opened in the transaction that makes one `published`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from zonehook.messages import ACCEPTED, CANCELLED, PUBLISHED, SCHEDULED, AcceptedEvent, EventChange
from zonehook.store import pages
from zonehook.store.pages import Page
from zonehook.store.tables import events

_COLUMNS = (
    "account_id",
    "id",
    "type",
    "data",
    "accepted_at",
    "fingerprint",
    "key",
    "subject",
    "actor",
    "occurred_at",
    "deliver_at",
    "status",
)
_ADD = insert(events)
_SEEN = [events.c[name] for name in _COLUMNS]
_IS_SCHEDULED = events.c.status == literal_column(f"'{SCHEDULED}'")  # as in the index, which is not asked otherwise
_THIS = (events.c.id == bindparam("event"), events.c.account_id == bindparam("account"))
_RELEASE = (
    update(events)
    .where(
        *_THIS,
        events.c.status.in_((ACCEPTED, SCHEDULED)),
        or_(events.c.deliver_at.is_(None), events.c.deliver_at <= bindparam("as_of", type_=events.c.deliver_at.type)),
    )
    .values(status=PUBLISHED)
    .returning(*_SEEN)
)


@dataclass(frozen=True)
class EventFilter:
    """Which events to list; None lists all."""

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_scheduled: bool | None = None


def add(conn: Connection, event: AcceptedEvent) -> None:
    conn.execute(_ADD, {name: getattr(event, name) for name in _COLUMNS})


def hold(conn: Connection, accepted: Sequence[AcceptedEvent]) -> None:
    """Writes those that are not there yet, in an order that all keep: PostgreSQL lets two writers of the same ids in
    opposite orders wait for each other.
    """
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    in_order = sorted(accepted, key=lambda event: event.id)
    rows = [{name: getattr(event, name) for name in _COLUMNS} for event in in_order]
    conn.execute(dialect.insert(events).on_conflict_do_nothing(), rows)


def release(conn: Connection, account_id: int, event_id: str, as_of: datetime) -> AcceptedEvent | None:
    """The event as it is now, published by this; None when it is not due then, was cancelled, or was published before:
    whoever gets it opens its deliveries, in this transaction.
    """
    released = conn.execute(_RELEASE, {"account": account_id, "event": event_id, "as_of": as_of}).one_or_none()
    return None if released is None else _event(released)


def change(conn: Connection, wanted: EventChange) -> bool:
    """Whether the event was still scheduled, and so was changed."""
    values = {"status": CANCELLED} if wanted.deliver_at is None else {"deliver_at": wanted.deliver_at}
    changing = update(events).where(*_THIS, _IS_SCHEDULED).values(values)
    return conn.execute(changing, {"account": wanted.account_id, "event": wanted.event_id}).rowcount == 1


def get(conn: Connection, account_id: int, event_id: str) -> AcceptedEvent | None:
    found = select(*_SEEN).where(events.c.id == event_id, events.c.account_id == account_id)
    row = (conn.execute(found)).one_or_none()
    return None if row is None else _event(row)


def firsts(conn: Connection, account_id: int, event_ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
    """Fingerprint and time of acceptance of those that are there, by id."""
    query = select(events.c.id, events.c.fingerprint, events.c.accepted_at)
    query = query.where(events.c.account_id == account_id, events.c.id.in_(event_ids))
    return {row.id: (row.fingerprint, row.accepted_at) for row in conn.execute(query)}


def page(conn: Connection, account_id: int, wanted: EventFilter, limit: int, cursor: str | None) -> Page[AcceptedEvent]:
    query = select(*_SEEN).where(events.c.account_id == account_id)
    if wanted.type is not None:
        query = query.where(events.c.type == wanted.type)
    if wanted.since is not None:
        query = query.where(events.c.accepted_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(events.c.accepted_at < wanted.until)
    if wanted.is_scheduled is not None:
        query = query.where(_IS_SCHEDULED if wanted.is_scheduled else ~_IS_SCHEDULED)
    rows, next_cursor = pages.fetch(conn, query, events.c.accepted_at, events.c.id, limit, cursor)
    return Page([_event(row) for row in rows], next_cursor)


def _event(row: Row[Any]) -> AcceptedEvent:
    return AcceptedEvent(**row._mapping)
