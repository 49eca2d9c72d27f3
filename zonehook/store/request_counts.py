"""Statements about how often somebody called in this minute, for API processes that share a database."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from zonehook.store.tables import request_counts

_WINDOW = timedelta(minutes=1)


def add(conn: Connection, who: str, count: int, now: datetime) -> tuple[int, datetime]:
    """Counts so many more calls, none to look: how many there were since the minute began, and when it ends."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(request_counts).values(who=who, used=count, resets_at=now + _WINDOW)
    is_over = request_counts.c.resets_at <= bindparam("now", now)
    counting = insert.on_conflict_do_update(
        index_elements=["who"],
        set_={
            "used": case((is_over, count), else_=request_counts.c.used + count),
            "resets_at": case((is_over, now + _WINDOW), else_=request_counts.c.resets_at),
        },
    ).returning(request_counts.c.used, request_counts.c.resets_at)
    used, resets_at = conn.execute(counting).one()
    return used, resets_at


def forget(conn: Connection, now: datetime) -> None:
    """Removes who has not called lately."""
    conn.execute(delete(request_counts).where(request_counts.c.resets_at < now - _WINDOW))


def all_of(conn: Connection) -> list[str]:
    """Who is remembered."""
    return list(conn.execute(select(request_counts.c.who)).scalars())
