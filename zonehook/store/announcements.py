"""Statements about announcements: events of our own, written with the change they tell of, until Temporal has them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from zonehook.store.tables import announcements

_ALL = select(announcements).order_by(announcements.c.id)


@dataclass(frozen=True)
class Announcement:
    """An event to be published for an account of this dialect. `data` and `actor` are JSON text."""

    id: str
    account_id: int
    dialect: str
    type: str
    data: str
    actor: str
    created_at: datetime


def add(conn: Connection, announcement: Announcement) -> None:
    conn.execute(insert(announcements).values(vars(announcement)))


def after(conn: Connection, last: str, limit: int) -> list[Announcement]:
    """The oldest of those that wait; `last` is the id of the one before them, or empty."""
    return [Announcement(*row) for row in conn.execute(_ALL.where(announcements.c.id > last).limit(limit))]


def remove(conn: Connection, announcement_id: str) -> None:
    conn.execute(delete(announcements).where(announcements.c.id == announcement_id))
