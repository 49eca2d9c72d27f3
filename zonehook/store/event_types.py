"""Statements about the event types that accounts have registered."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from zonehook.store.tables import accounts, event_types


@dataclass(frozen=True)
class Entry:
    """An event type as a catalogue has it. `sample` and `schema` are JSON text, as they were registered."""

    name: str
    description: str | None
    sample: str | None
    schema: str | None


_SEEN = [event_types.c[name] for name in Entry.__dataclass_fields__]


def all_of(conn: Connection, account_id: int) -> list[Entry]:
    """By name."""
    found = select(*_SEEN).where(event_types.c.account_id == account_id).order_by(event_types.c.name)
    return [_entry(row) for row in conn.execute(found)]


def get(conn: Connection, account_id: int, name: str) -> Entry | None:
    row = conn.execute(select(*_SEEN).where(_is(account_id, name))).one_or_none()
    return None if row is None else _entry(row)


def count(conn: Connection, account_id: int) -> int:
    found = select(func.count()).select_from(event_types).where(event_types.c.account_id == account_id)
    return conn.execute(found).scalar_one()


def add(conn: Connection, account_id: int, wanted: Entry) -> None:
    conn.execute(insert(event_types).values(account_id=account_id, **asdict(wanted)))


def change(conn: Connection, account_id: int, wanted: Entry) -> None:
    conn.execute(update(event_types).where(_is(account_id, wanted.name)).values(asdict(wanted)))


def remove(conn: Connection, account_id: int, name: str) -> bool:
    """Whether there was one."""
    return conn.execute(delete(event_types).where(_is(account_id, name))).rowcount == 1


def version(conn: Connection, account_id: int) -> int:
    """How often the account's catalogue was changed; 0: nothing was ever registered."""
    found = select(accounts.c.catalogue_version).where(accounts.c.id == account_id)
    return int(conn.execute(found).scalar_one())


def begin_change(conn: Connection, account_id: int) -> None:
    """Before any change: whoever reads the new version finds the change, and no other is made until this one ends."""
    conn.execute(
        update(accounts).where(accounts.c.id == account_id).values(catalogue_version=accounts.c.catalogue_version + 1)
    )


def _is(account_id: int, name: str) -> ColumnElement[bool]:
    return (event_types.c.account_id == account_id) & (event_types.c.name == name)


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)
