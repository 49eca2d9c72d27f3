"""Statements about how many events an account had accepted in a month."""

from collections.abc import Mapping

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from zonehook.store.tables import credits

Place = tuple[int, str]  # an account and a month such as 2026-07


def add(conn: Connection, counted: Mapping[Place, int]) -> dict[Place, int]:
    """Counts so many more events; how many there are now."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    # In one order everywhere: of two processes that hold rows each, neither waits for the other's
    rows = [
        {"account_id": account_id, "month": month, "used": count}
        for (account_id, month), count in sorted(counted.items())
    ]
    insert = dialect.insert(credits).values(rows)
    counting = insert.on_conflict_do_update(
        index_elements=["account_id", "month"], set_={"used": credits.c.used + insert.excluded.used}
    ).returning(credits.c.account_id, credits.c.month, credits.c.used)
    return {(account_id, month): used for account_id, month, used in conn.execute(counting)}


def used(conn: Connection, account_id: int, month: str) -> int:
    """How many events were counted."""
    query = select(credits.c.used).where(credits.c.account_id == account_id, credits.c.month == month)
    return conn.execute(query).scalar() or 0
