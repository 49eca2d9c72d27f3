"""Statements about accounts and their API keys."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from zonehook.keys import Scope
from zonehook.store.tables import accounts, api_keys


@dataclass(frozen=True)
class Account:
    id: int
    name: str
    dialect: str
    plan: str
    created_at: datetime


@dataclass(frozen=True)
class KnownKey:
    """A key that was recognised: whose it is (None: the operator's) and what it may do."""

    id: str
    account_id: int | None
    scope: Scope
    dialect: str | None


# Asked by every request, so built once
_KEY_WITH = (
    select(api_keys.c.id, api_keys.c.account_id, api_keys.c.scope, accounts.c.dialect)
    .join(accounts, isouter=True)
    .where(api_keys.c.digest == bindparam("wanted"))
)


def add(conn: Connection, name: str, dialect: str, plan: str, at: datetime) -> Account:
    result = conn.execute(
        insert(accounts).values(name=name, dialect=dialect, plan=plan, created_at=at).returning(accounts.c.id)
    )
    return Account(result.scalar_one(), name, dialect, plan, at)


def get(conn: Connection, account_id: int) -> Account | None:
    row = conn.execute(select(accounts).where(accounts.c.id == account_id)).one_or_none()
    return None if row is None else Account(*row)


def first(conn: Connection) -> Account | None:
    """The account with the lowest id."""
    row = (conn.execute(select(accounts).order_by(accounts.c.id).limit(1))).one_or_none()
    return None if row is None else Account(*row)


def add_key(
    conn: Connection,
    key_id: str,
    account_id: int | None,
    name: str,
    scope: Scope,
    digest: str,
    at: datetime,
) -> None:
    conn.execute(
        insert(api_keys).values(
            id=key_id, account_id=account_id, name=name, scope=scope.value, digest=digest, created_at=at
        )
    )


def key_with(conn: Connection, digest: str) -> KnownKey | None:
    row = conn.execute(_KEY_WITH, {"wanted": digest}).one_or_none()
    return None if row is None else KnownKey(row.id, row.account_id, Scope(row.scope), row.dialect)
