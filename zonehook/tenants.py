"""The desk for accounts and API keys: who is calling, and what they may do."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection

from zonehook import clock, dialects, keys
from zonehook.errors import Forbidden, Invalid, NotFound, Unauthorized
from zonehook.keys import Scope
from zonehook.store import accounts
from zonehook.store.accounts import Account
from zonehook.store.database import Database

_NAMES = {
    Scope.MANAGE: "may manage everything in its account",
    Scope.READ: "may only read",
    Scope.PUBLISH: "may only publish events",
    Scope.OPERATOR: "belongs to the operator and manages accounts alone",
}


@dataclass(frozen=True)
class Caller:
    """Who sent a request: the account that everything it touches must belong to."""

    key_id: str
    account_id: int
    dialect: str


@dataclass(frozen=True)
class FirstKeys:
    """The keys of a first start, shown this once."""

    account: Account
    api_key: str
    operator_key: str


class Tenants:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def caller(self, key: str | None, allowed: tuple[Scope, ...]) -> Caller:
        """Who holds this key. Raises Unauthorized for an unknown one, Forbidden when its scope does not reach."""
        known = await self._known(key)
        if known.scope not in allowed or known.account_id is None or known.dialect is None:
            raise Forbidden("forbidden", f"this key {_NAMES[known.scope]}")
        return Caller(known.id, known.account_id, known.dialect)

    async def operator(self, key: str | None) -> str:
        """The id of an operator's key. Raises Unauthorized or Forbidden."""
        known = await self._known(key)
        if known.scope is not Scope.OPERATOR:
            raise Forbidden("forbidden", "this needs the operator's key")
        return known.id

    async def open_account(self, name: str, dialect: str, plan: str) -> tuple[Account, str]:
        """A new account and its owner's key, shown this once. Raises Invalid for a dialect there is not."""
        if dialect not in dialects.NAMES:
            raise Invalid.field("dialect", f"choose one of {', '.join(dialects.NAMES)}")
        return await self._database.write(_open_account, name, dialect, plan)

    async def account(self, account_id: int) -> Account:
        """Raises NotFound."""
        account = await self._database.read(accounts.get, account_id)
        if account is None:
            raise NotFound("not_found", f"there is no account {account_id}")
        return account

    async def first_start(self) -> FirstKeys:
        """The first account, made if there is none, and fresh keys to it: stored keys cannot be shown again."""
        return await self._database.write(_first_start)

    async def _known(self, key: str | None) -> accounts.KnownKey:
        if not key:
            raise Unauthorized("unauthorized", "send your API key as Authorization: Bearer zhk_…")
        known = await self._database.read(accounts.key_with, keys.digest(key))
        if known is None:
            raise Unauthorized("unauthorized", "this API key is not known")
        return known


def _open_account(conn: Connection, name: str, dialect: str, plan: str) -> tuple[Account, str]:
    account = accounts.add(conn, name, dialect, plan, clock.now())
    return account, _new_key(conn, account.id, "owner", Scope.MANAGE)


def _first_start(conn: Connection) -> FirstKeys:
    account = accounts.first(conn)
    if account is None:
        account = accounts.add(conn, "default", "standard", "unlimited", clock.now())
    api_key = _new_key(conn, account.id, "credentials.json", Scope.MANAGE)
    operator_key = _new_key(conn, None, "credentials.json", Scope.OPERATOR)
    return FirstKeys(account, api_key, operator_key)


def _new_key(conn: Connection, account_id: int | None, name: str, scope: Scope) -> str:
    key = keys.api_key(secrets.token_bytes(keys.ENTROPY_BYTES))
    accounts.add_key(conn, clock.new_id("key"), account_id, name, scope, keys.digest(key), clock.now())
    return key
