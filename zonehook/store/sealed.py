"""Statements about what is encrypted: which keys are retired, and sealing everything anew with the one that is not.

A transaction that seals asks for the `retired` keys first, and none is retired before it ends. So once `retire` has
committed, nothing sealed with those keys can come any more, from whichever process: one walk over the tables finds all.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, func, insert, inspect, select, text, update

from zonehook.store.tables import metadata, retired_keys

Reseal = Callable[[bytes], bytes | None]


def is_ready(conn: Connection) -> bool:
    """Whether the database is of a version that knows of retired keys."""
    return inspect(conn).has_table(retired_keys.name)


def retired(conn: Connection) -> frozenset[str]:
    """The ids of the retired keys, which stay all of them until this transaction ends."""
    if conn.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        conn.execute(text(f"LOCK TABLE {retired_keys.name} IN SHARE MODE"))
    return known_retired(conn)


def known_retired(conn: Connection) -> frozenset[str]:
    """The same, for whoever seals nothing."""
    return frozenset(conn.execute(select(retired_keys.c.id)).scalars())


def retire(conn: Connection, ids: Sequence[str], at: datetime) -> None:
    """Waits for every transaction that seals just now. A key that is retired already stays so."""
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"LOCK TABLE {retired_keys.name} IN EXCLUSIVE MODE"))
    fresh = [{"id": each, "retired_at": at} for each in ids if each not in known_retired(conn)]
    if fresh:
        conn.execute(insert(retired_keys), fresh)


def tables() -> list[Table]:
    """Those with a sealed column."""
    return [table for table in metadata.sorted_tables if _columns(table)]


def count(conn: Connection) -> int:
    """How many rows may hold something sealed."""
    counted = [conn.execute(select(func.count()).select_from(each)).scalar_one() for each in tables()]
    return sum(counted)


def reseal_some(conn: Connection, table: Table, after: str, limit: int, reseal: Reseal) -> tuple[str, int] | None:
    """Seals the next rows of a table anew, by id. Returns the last one's id and how many; None when no more are left.

    `reseal` gives None for what need not be touched.
    """
    query = select(table.c.id, *_columns(table)).where(table.c.id > after).order_by(table.c.id).limit(limit)
    rows = conn.execute(query.with_for_update(key_share=True)).all()  # inserted references need not wait for it
    for row in rows:
        if fresh := _fresh(row, table, reseal):
            conn.execute(update(table).where(table.c.id == row.id).values(fresh))
    return (rows[-1].id, len(rows)) if rows else None


def _fresh(row: Row[Any], table: Table, reseal: Reseal) -> dict[str, bytes]:
    held = {column.name: row._mapping[column.name] for column in _columns(table)}
    sealed = {name: reseal(value) for name, value in held.items() if value is not None}
    return {name: value for name, value in sealed.items() if value is not None}


def _columns(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if column.info.get("sealed")]
