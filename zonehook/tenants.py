"""The desk for accounts: who is calling, which accounts there are, what was changed in them."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from zonehook import clock, dialects, keys, plans, roles
from zonehook.errors import Forbidden, Invalid, NotFound, Unauthorized
from zonehook.keys import Scope
from zonehook.roles import Action, Actor, Role
from zonehook.store import accounts, api_keys, audit, members
from zonehook.store.accounts import Account
from zonehook.store.api_keys import KnownKey
from zonehook.store.audit import Entry
from zonehook.store.database import Database
from zonehook.store.members import Member
from zonehook.store.pages import Page


@dataclass(frozen=True, kw_only=True)
class Caller(Actor):
    """Who sent a request, and how their account speaks. `catalogue_version` tells whether it has registered event
    types, and whether they are still the same.
    """

    dialect: str
    catalogue_version: int


@dataclass(frozen=True)
class Operator:
    """The operator's key, or without one Zonehook itself at its first start."""

    key_id: str | None = None
    address: str | None = None

    def acting_in(self, account_id: int) -> Actor:
        return Actor(account_id, key_id=self.key_id, address=self.address)


@dataclass(frozen=True)
class FirstKeys:
    """The keys of a first start, shown this once."""

    account: Account
    api_key: str
    operator_key: str


_ITSELF = Operator()


class Tenants:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def caller(self, key: str | None, action: Action, address: str | None = None) -> Caller:
        """Who holds this key. Raises Unauthorized for one that opens nothing, Forbidden when it does not go so far."""
        return self.admitted(await self.known(key), action, address)

    def admitted(self, known: KnownKey, action: Action, address: str | None = None) -> Caller:
        """Who holds a key that opens something. Raises Forbidden when it does not go so far."""
        role = known.role if known.role is not None else Role.OWNER
        if refused := roles.refusal(role, known.scope, action):
            raise Forbidden("forbidden", refused)
        if known.account_id is None or known.dialect is None:
            raise Forbidden("forbidden", "this key belongs to no account")
        return Caller(
            known.account_id, known.id, known.member_id, known.email, role, address,
            dialect=known.dialect, catalogue_version=known.catalogue_version or 0,
        )  # fmt: skip

    async def operator(self, key: str | None, address: str | None = None) -> Operator:
        """Raises Unauthorized or, for the key of an account, Forbidden."""
        return self.admitted_operator(await self.known(key), address)

    def admitted_operator(self, known: KnownKey, address: str | None = None) -> Operator:
        """Raises Forbidden for the key of an account."""
        if known.scope is not Scope.OPERATOR:
            raise Forbidden("forbidden", "this needs the operator's key")
        return Operator(known.id, address)

    async def open_account(
        self, name: str, dialect: str, plan: str, owner_email: str | None = None, by: Operator = _ITSELF
    ) -> tuple[Account, str]:
        """A new account and its owner's key, shown this once. With an email the owner is its first member, who holds
        that key. Raises Invalid.
        """
        if dialect not in dialects.NAMES:
            raise Invalid.field("dialect", f"choose one of {', '.join(dialects.NAMES)}")
        _check_plan(plan)
        if owner_email is not None and (problem := roles.email_problem(owner_email)):
            raise Invalid.field("owner_email", problem)
        return await self._database.write(_open_account, by, name, dialect, plan, owner_email)

    async def account(self, account_id: int) -> Account:
        """Raises NotFound."""
        found = await self._database.read(accounts.get, account_id)
        if found is None:
            raise _not_found(account_id)
        return found

    async def page(self, limit: int, cursor: str | None) -> Page[Account]:
        """All accounts, newest first: for the operator."""
        return await self._database.read(accounts.page, limit, cursor)

    async def change_account(self, by: Operator, account_id: int, changes: dict[str, Any]) -> Account:
        """Changes name or plan. Raises Invalid and NotFound."""
        if "plan" in changes:
            _check_plan(changes["plan"])
        changed = await self._database.write(_change_account, by, account_id, changes)
        if changed is None:
            raise _not_found(account_id)
        return changed

    async def audit_log(self, account_id: int, limit: int, cursor: str | None) -> Page[Entry]:
        """Every change in the account, newest first."""
        return await self._database.read(audit.page, account_id, limit, cursor)

    async def first_start(self) -> FirstKeys:
        """The first account, made if there is none, and fresh keys to it: stored keys cannot be shown again."""
        return await self._database.write(_first_start)

    async def known(self, key: str | None) -> KnownKey:
        """What this key is. Raises Unauthorized for one that opens nothing."""
        if not key:
            raise Unauthorized("unauthorized", "send your API key as Authorization: Bearer zhk_…")
        digest = keys.digest(key)
        known = await self._database.read_at_once(api_keys.with_digest, digest)
        if known is None:
            raise Unauthorized("unauthorized", "this API key is not known")
        if refused := _refusal(known, digest, clock.now()):
            raise Unauthorized("unauthorized", refused)
        return known


def _refusal(known: KnownKey, digest: str, now: datetime) -> str | None:
    """Why the key that was found opens nothing any more."""
    # The database compares in its own time; that the digest is this very one is decided here, in constant time
    if not hmac.compare_digest(known.digest, digest):
        if not hmac.compare_digest(known.previous_digest or "", digest):
            return "this API key is not known"
        if known.previous_until is None or known.previous_until <= now:
            return "this API key was rotated; use the new one"
    if known.revoked_at is not None:
        return "this API key was revoked"
    if known.expires_at is not None and known.expires_at <= now:
        return "this API key has expired"
    if known.member_id is not None and known.role is None:
        return "the member whose key this is was removed from the account"
    return None


def _open_account(
    conn: Connection, by: Operator, name: str, dialect: str, plan: str, owner_email: str | None
) -> tuple[Account, str]:
    account = accounts.add(conn, name, dialect, plan, clock.now())
    actor = by.acting_in(account.id)
    audit.note(conn, actor, "account.created", account.id)
    owner_id = None
    if owner_email is not None:
        owner = Member(clock.new_id("mem"), owner_email.lower(), Role.OWNER, clock.now())
        members.add(conn, account.id, owner)
        audit.note(conn, actor, "member.created", owner.id)
        owner_id = owner.id
    _, key = api_keys.issue(conn, actor, "owner", Scope.MANAGE, owner_id)
    return account, key


def _change_account(conn: Connection, by: Operator, account_id: int, changes: dict[str, Any]) -> Account | None:
    if changes and accounts.change(conn, account_id, changes):
        audit.note(conn, by.acting_in(account_id), "account.changed", account_id)
    return accounts.get(conn, account_id)


def _first_start(conn: Connection) -> FirstKeys:
    account = accounts.first(conn)
    if account is None:
        account = accounts.add(conn, "default", "standard", "unlimited", clock.now())
        audit.note(conn, _ITSELF.acting_in(account.id), "account.created", account.id)
    _, api_key = api_keys.issue(conn, _ITSELF.acting_in(account.id), "credentials.json", Scope.MANAGE)
    _, operator_key = api_keys.issue(conn, None, "credentials.json", Scope.OPERATOR)
    return FirstKeys(account, api_key, operator_key)


def _check_plan(plan: str) -> None:
    if plan not in plans.NAMES:
        raise Invalid.field("plan", f"choose one of {', '.join(plans.NAMES)}")


def _not_found(account_id: int) -> NotFound:
    return NotFound("not_found", f"there is no account {account_id}")
