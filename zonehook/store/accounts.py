"""Statements about accounts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from zonehook.store import pages
from zonehook.store.pages import Page
from zonehook.store.tables import accounts


@dataclass(frozen=True)
class Account:
    id: int
    name: str
    dialect: str
    plan: str
    created_at: datetime


_SEEN = [accounts.c[name] for name in Account.__dataclass_fields__]


def add(conn: Connection, name: str, dialect: str, plan: str, at: datetime) -> Account:
    result = conn.execute(
        insert(accounts).values(name=name, dialect=dialect, plan=plan, created_at=at).returning(accounts.c.id)
    )
    return Account(result.scalar_one(), name, dialect, plan, at)


def first(conn: Connection) -> Account | None:
    """The account with the lowest id."""
    return _account((conn.execute(select(*_SEEN).order_by(accounts.c.id).limit(1))).one_or_none())


def get(conn: Connection, account_id: int) -> Account | None:
    return _account(conn.execute(select(*_SEEN).where(accounts.c.id == account_id)).one_or_none())


def page(conn: Connection, limit: int, cursor: str | None) -> Page[Account]:
    rows, next_cursor = pages.fetch(conn, select(*_SEEN), accounts.c.created_at, accounts.c.id, limit, cursor)
    return Page([Account(**row._mapping) for row in rows], next_cursor)


def change(conn: Connection, account_id: int, values: dict[str, Any]) -> bool:
    """Whether there was such an account to change."""
    return conn.execute(update(accounts).where(accounts.c.id == account_id).values(values)).rowcount == 1


def hold(conn: Connection, account_id: int) -> str:
    """The account's plan. Until this transaction ends nobody changes it, nor goes on who holds the account as well."""
    # Not a lock that whoever writes an event of the account would wait for; SQLite has one writer at a time anyway
    query = select(accounts.c.plan).where(accounts.c.id == account_id).with_for_update(key_share=True)
    plan: str = conn.execute(query).scalar_one()
    return plan


def _account(row: Row[Any] | None) -> Account | None:
    return None if row is None else Account(**row._mapping)
