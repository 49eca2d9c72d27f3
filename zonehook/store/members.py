"""Statements about members. One who was removed is not found any more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from zonehook.roles import Role
from zonehook.store import pages
from zonehook.store.pages import Page
from zonehook.store.tables import members


@dataclass(frozen=True)
class Member:
    """A person in an account; the same `email` may be a member of others."""

    id: str
    email: str
    role: Role
    created_at: datetime


_SEEN = [members.c[name] for name in Member.__dataclass_fields__]


def add(conn: Connection, account_id: int, member: Member) -> None:
    values = vars(member) | {"role": member.role.value, "account_id": account_id}
    conn.execute(insert(members).values(values))


def get(conn: Connection, account_id: int, member_id: str) -> Member | None:
    row = conn.execute(_of(account_id).where(members.c.id == member_id)).one_or_none()
    return None if row is None else _member(row._mapping)


def has_email(conn: Connection, account_id: int, email: str) -> bool:
    return conn.execute(_of(account_id).where(members.c.email == email)).one_or_none() is not None


def owners(conn: Connection, account_id: int) -> int:
    """How many there are."""
    of_account = _of(account_id).where(members.c.role == Role.OWNER.value).subquery()
    return conn.execute(select(func.count()).select_from(of_account)).scalar_one()


def first_owner(conn: Connection, account_id: int) -> Member | None:
    of_account = _of(account_id).where(members.c.role == Role.OWNER.value)
    row = conn.execute(of_account.order_by(members.c.created_at, members.c.id).limit(1)).one_or_none()
    return None if row is None else _member(row._mapping)


def page(conn: Connection, account_id: int, limit: int, cursor: str | None) -> Page[Member]:
    rows, next_cursor = pages.fetch(conn, _of(account_id), members.c.created_at, members.c.id, limit, cursor)
    return Page([_member(row._mapping) for row in rows], next_cursor)


def change(conn: Connection, account_id: int, member_id: str, values: dict[str, Any]) -> None:
    conn.execute(
        update(members)
        .where(members.c.id == member_id, members.c.account_id == account_id, members.c.removed_at.is_(None))
        .values(values)
    )


def _of(account_id: int) -> Select[Any]:
    return select(*_SEEN).where(members.c.account_id == account_id, members.c.removed_at.is_(None))


def _member(row: Any) -> Member:
    return Member(**{**row, "role": Role(row["role"])})
