"""Statements about endpoints. Every one but the health of a delivery's own endpoint is scoped to an account."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, func, insert, or_, select, update

from zonehook.endpoints import Endpoint
from zonehook.store import pages
from zonehook.store.pages import Page
from zonehook.store.tables import accounts, counters, endpoints

_SEEN = [endpoints.c[name] for name in Endpoint.__dataclass_fields__]

# Asked for every event, so built once
_ALL_OF: Select[Any] = (
    select(
        endpoints.c.id,
        endpoints.c.url,
        endpoints.c.events,
        endpoints.c.dialect,
        endpoints.c.disabled_at,
        endpoints.c.suppressed_at,
        endpoints.c.consecutive_failures,
        endpoints.c.is_slow,
        accounts.c.name.label("account_name"),
        accounts.c.dialect.label("account_dialect"),
    )
    .where(
        endpoints.c.account_id == bindparam("account"),
        endpoints.c.deleted_at.is_(None),
        accounts.c.id == endpoints.c.account_id,
    )
    .order_by(endpoints.c.id)
)


def add(conn: Connection, values: dict[str, Any]) -> Endpoint:
    """Registers it under the next number: of two at once the second waits for the first, so that numbers ascend."""
    counting = update(counters).where(counters.c.name == "endpoints").values(value=counters.c.value + 1)
    number = conn.execute(counting.returning(counters.c.value)).scalar_one()
    return _endpoint(conn.execute(insert(endpoints).values(values | {"number": number}).returning(*_SEEN)).one())


def count(conn: Connection, account_id: int) -> int:
    """How many the account has; those it deleted are none."""
    query = select(func.count()).where(endpoints.c.account_id == account_id, endpoints.c.deleted_at.is_(None))
    return conn.execute(query).scalar_one()


def get(conn: Connection, account_id: int, endpoint_id: str) -> Endpoint | None:
    row = (conn.execute(_of(account_id).where(endpoints.c.id == endpoint_id))).one_or_none()
    return None if row is None else _endpoint(row)


def numbered(conn: Connection, account_id: int, number: int, of_dialects: Collection[str]) -> Endpoint | None:
    """The endpoint with this number, if it is of one of these dialects."""
    row = conn.execute(_of_dialects(account_id, of_dialects).where(endpoints.c.number == number)).one_or_none()
    return None if row is None else _endpoint(row)


def all_numbered(conn: Connection, account_id: int, of_dialects: Collection[str], descending: bool) -> list[Endpoint]:
    """The account's endpoints of these dialects, by number."""
    order = endpoints.c.number.desc() if descending else endpoints.c.number
    return [_endpoint(row) for row in conn.execute(_of_dialects(account_id, of_dialects).order_by(order))]


def page(conn: Connection, account_id: int, limit: int, cursor: str | None) -> Page[Endpoint]:
    rows, next_cursor = pages.fetch(conn, _of(account_id), endpoints.c.created_at, endpoints.c.id, limit, cursor)
    return Page([_endpoint(row) for row in rows], next_cursor)


def change(conn: Connection, account_id: int, endpoint_id: str, values: dict[str, Any]) -> bool:
    """Whether there was such an endpoint to change."""
    changed = conn.execute(
        update(endpoints)
        .where(
            endpoints.c.id == endpoint_id,
            endpoints.c.account_id == account_id,
            endpoints.c.deleted_at.is_(None),
        )
        .values(values)
    )
    return changed.rowcount == 1


def remove(conn: Connection, account_id: int, endpoint_id: str, at: datetime) -> Endpoint | None:
    """What was removed; None when there was no such endpoint (any more)."""
    row = conn.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id, endpoints.c.account_id == account_id, endpoints.c.deleted_at.is_(None))
        .values(deleted_at=at)
        .returning(*_SEEN)
    ).one_or_none()
    return None if row is None else _endpoint(row)


def secret_of(conn: Connection, account_id: int, endpoint_id: str) -> bytes | None:
    """The sealed signing secret."""
    found: bytes | None = conn.execute(_secret(account_id, endpoint_id)).scalar_one_or_none()
    return found


def held_secret_of(conn: Connection, account_id: int, endpoint_id: str) -> bytes | None:
    """The same, which nobody else replaces until this transaction ends."""
    # Without the lock PostgreSQL lets two rotations read the same old one; SQLite has one writer at a time anyway
    found: bytes | None = conn.execute(_secret(account_id, endpoint_id).with_for_update()).scalar_one_or_none()
    return found


def all_of(conn: Connection, account_id: int) -> Sequence[Row[Any]]:
    """Every endpoint of the account with what fan-out asks of it."""
    rows: Sequence[Row[Any]] = conn.execute(_ALL_OF, {"account": account_id}).all()
    return rows


def note_success(conn: Connection, endpoint_id: str, is_slow: bool) -> None:
    """Any success ends a row of failures."""
    conn.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(consecutive_failures=0, is_slow=is_slow))


def note_failure(conn: Connection, endpoint_id: str, at: datetime, limit: int | None, is_slow: bool) -> bool:
    """Counts a failure in the database itself, so that two at once are two; the limit suppresses once. Whether it was
    this one that did.
    """
    failures = endpoints.c.consecutive_failures + 1
    values: dict[str, Any] = {"consecutive_failures": failures, "is_slow": is_slow}
    if limit is not None:
        values["suppressed_at"] = case(
            (failures >= limit, func.coalesce(endpoints.c.suppressed_at, at)),
            else_=endpoints.c.suppressed_at,
        )
        values["is_recovering"] = or_(endpoints.c.is_recovering, failures >= limit)
    noting = update(endpoints).where(endpoints.c.id == endpoint_id).values(values)
    suppressed_at: datetime | None = conn.execute(noting.returning(endpoints.c.suppressed_at)).scalar_one()
    return suppressed_at == at


def note_gone(conn: Connection, endpoint_id: str, at: datetime) -> bool:
    """The receiver said that nobody lives there any more: disabled, once. Whether it was now."""
    disabled = conn.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id, endpoints.c.disabled_at.is_(None))
        .values(disabled_at=at, is_recovering=True, updated_at=at)
    )
    return disabled.rowcount == 1


def note_recovered(conn: Connection, endpoint_id: str) -> bool:
    """It takes deliveries again and confirmed one. Whether it was recovering until now."""
    recovered = conn.execute(
        update(endpoints)
        .where(
            endpoints.c.id == endpoint_id,
            endpoints.c.is_recovering,
            endpoints.c.suppressed_at.is_(None),
            endpoints.c.disabled_at.is_(None),
        )
        .values(is_recovering=False)
    )
    return recovered.rowcount == 1


def _secret(account_id: int, endpoint_id: str) -> Select[Any]:
    return select(endpoints.c.secret).where(
        endpoints.c.id == endpoint_id, endpoints.c.account_id == account_id, endpoints.c.deleted_at.is_(None)
    )


def _of(account_id: int) -> Select[Any]:
    return select(*_SEEN).where(endpoints.c.account_id == account_id, endpoints.c.deleted_at.is_(None))


def _of_dialects(account_id: int, names: Collection[str]) -> Select[Any]:
    return _of(account_id).where(endpoints.c.dialect.in_(names))


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(**row._mapping)
