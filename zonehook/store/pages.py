"""Cursor pages, newest first: the cursor is the place after which the next page begins."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Connection, Integer, Row, Select, tuple_

from zonehook import ids
from zonehook.errors import Invalid

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """`next_cursor` is None on the last page."""

    data: list[Item]
    next_cursor: str | None


def fetch(
    conn: Connection,
    query: Select[Any],
    at: Column[Any],
    key: Column[Any],
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[Row[Any]], str | None]:
    """One page of `query` ordered by time `at` and id `key`. Raises Invalid for a cursor that is not ours."""
    if cursor is not None:
        after = _read(cursor, is_number=isinstance(key.type, Integer))
        query = query.where(tuple_(at, key) < tuple_(*after, types=(at.type, key.type)))
    rows = (conn.execute(query.order_by(at.desc(), key.desc()).limit(limit + 1))).all()
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]._mapping
    return rows[:limit], _write(last[at], last[key])


def _write(at: datetime, key: str | int) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {key}".encode()).decode()


def _read(cursor: str, is_number: bool) -> tuple[datetime, str | int]:
    try:
        at, _, key = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not (ids.is_number(key) if is_number else ids.is_id(key)):
            raise ValueError(at)
        return moment.astimezone(UTC), int(key) if is_number else key
    except (ValueError, OverflowError, binascii.Error):
        raise Invalid.field("cursor", "use the next_cursor of the page before, unchanged") from None
