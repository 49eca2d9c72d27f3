"""Statements about announcements: events of our own, written with the change they tell of, until Temporal has them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from zonehook.store.tables import announcements


@dataclass(frozen=True)
class Announcement:
    """An event to be published for an account of this dialect. `data` and `actor` are JSON text."""

    id: str
    account_id: int
    dialect: str
    type: str
    data: str
    actor: str | None
    created_at: datetime


_SEEN = [announcements.c[name] for name in Announcement.__dataclass_fields__]
_WAITING = select(*_SEEN).where(announcements.c.parked_because.is_(None)).order_by(announcements.c.id)


def add(conn: Connection, announcement: Announcement) -> None:
    conn.execute(insert(announcements).values(vars(announcement)))


def after(conn: Connection, last: str, limit: int) -> list[Announcement]:
    """The oldest of those that wait; `last` is the id of the one before them, or empty."""
    return [Announcement(*row) for row in conn.execute(_WAITING.where(announcements.c.id > last).limit(limit))]


def remove(conn: Connection, announcement_id: str) -> None:
    conn.execute(delete(announcements).where(announcements.c.id == announcement_id))


def park(conn: Connection, announcement_id: str, because: str) -> None:
    """It waits no more, but stays: `because` says why it cannot be published."""
    conn.execute(update(announcements).where(announcements.c.id == announcement_id).values(parked_because=because))


def unpark(conn: Connection) -> None:
    """All that were parked wait again."""
    conn.execute(update(announcements).where(announcements.c.parked_because.is_not(None)).values(parked_because=None))
