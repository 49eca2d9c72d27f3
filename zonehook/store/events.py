"""Statements about events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from zonehook.messages import AcceptedEvent
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
)
_ADD = insert(events)
_SEEN = [events.c[name] for name in _COLUMNS]


@dataclass(frozen=True)
class EventFilter:
    """Which events to list; None lists all."""

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def add(conn: Connection, event: AcceptedEvent) -> None:
    conn.execute(_ADD, {name: getattr(event, name) for name in _COLUMNS})


def get(conn: Connection, account_id: int, event_id: str) -> AcceptedEvent | None:
    found = select(*_SEEN).where(events.c.id == event_id, events.c.account_id == account_id)
    row = (conn.execute(found)).one_or_none()
    return None if row is None else _event(row)


def page(conn: Connection, account_id: int, wanted: EventFilter, limit: int, cursor: str | None) -> Page[AcceptedEvent]:
    query = select(*_SEEN).where(events.c.account_id == account_id)
    if wanted.type is not None:
        query = query.where(events.c.type == wanted.type)
    if wanted.since is not None:
        query = query.where(events.c.accepted_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(events.c.accepted_at < wanted.until)
    rows, next_cursor = pages.fetch(conn, query, events.c.accepted_at, events.c.id, limit, cursor)
    return Page([_event(row) for row in rows], next_cursor)


def _event(row: Row[Any]) -> AcceptedEvent:
    return AcceptedEvent(**row._mapping)
