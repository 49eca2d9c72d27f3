"""The desk for an account's API keys: make, rotate, revoke. A key is shown once, and what it opens is asked anew by
every request."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from zonehook import clock, keys, roles
from zonehook.errors import Conflict, Forbidden, Invalid, NotFound
from zonehook.keys import Scope
from zonehook.roles import Actor, Role
from zonehook.store import accounts, api_keys, audit, members
from zonehook.store.api_keys import ApiKey, HeldKey
from zonehook.store.database import Database
from zonehook.store.pages import Page


@dataclass(frozen=True)
class Wanted:
    """What a new key is made from. `member_id` None: held by whoever makes it; `expires_at` None: never."""

    name: str
    scope: Scope
    member_id: str | None = None
    expires_at: datetime | None = None


class Keyring:
    """Nobody makes, rotates or revokes the key of somebody who ranks higher: that would be a way to their role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, account_id: int, limit: int, cursor: str | None) -> Page[ApiKey]:
        """Those that were not revoked, newest first."""
        return await self._database.read(api_keys.page, account_id, limit, cursor)

    async def create(self, actor: Actor, wanted: Wanted) -> tuple[ApiKey, str]:
        """A new key and its text, shown this once. Raises Invalid and Forbidden."""
        if wanted.expires_at is not None and wanted.expires_at <= clock.now():
            raise Invalid.field("expires_at", "this time has passed; choose a later one, or none for a key that stays")
        return await self._database.write(_create, actor, wanted)

    async def rotate(self, actor: Actor, key_id: str, grace: timedelta) -> tuple[ApiKey, str]:
        """The same key with a new text, shown this once; the old text opens until `grace` ends, and one of a rotation
        before that nothing any more. Raises NotFound, Forbidden and Conflict.
        """
        return await self._database.write(_rotate, actor, key_id, grace)

    async def revoke(self, actor: Actor, key_id: str) -> None:
        """It opens nothing from the next request on. Raises NotFound and Forbidden."""
        await self._database.write(_revoke, actor, key_id)


def _create(conn: Connection, actor: Actor, wanted: Wanted) -> tuple[ApiKey, str]:
    accounts.hold(conn, actor.account_id)  # nobody's role changes meanwhile
    member_id = wanted.member_id or actor.member_id
    role = Role.OWNER
    if member_id is not None:
        member = members.get(conn, actor.account_id, member_id)
        if member is None:
            raise Invalid.field("member_id", f"there is no member {member_id[:60]} in this account")
        role = member.role
    _refuse_higher(actor, role)
    if not roles.is_good_for_anything(role, wanted.scope):
        raise Invalid.field("scope", f"a {role} may do nothing with a key of the scope {wanted.scope}; choose read")
    return api_keys.issue(conn, actor, wanted.name, wanted.scope, member_id, wanted.expires_at)


def _rotate(conn: Connection, actor: Actor, key_id: str, grace: timedelta) -> tuple[ApiKey, str]:
    accounts.hold(conn, actor.account_id)
    held = _held(conn, actor, key_id)
    now = clock.now()
    if held.key.expires_at is not None and held.key.expires_at <= now:
        raise Conflict("key_expired", "this key has expired, and rotated it would stay so; create a new one")
    text = clock.new_api_key()
    until = now + grace if grace else None
    values = {
        "digest": keys.digest(text),
        "previous_digest": held.digest if until else None,
        "previous_until": until,
    }
    api_keys.change(conn, actor.account_id, key_id, values)
    audit.note(conn, actor, "api_key.rotated", key_id)
    return replace(held.key, previous_until=until), text


def _revoke(conn: Connection, actor: Actor, key_id: str) -> None:
    _held(conn, actor, key_id)
    api_keys.change(conn, actor.account_id, key_id, {"revoked_at": clock.now()})
    audit.note(conn, actor, "api_key.revoked", key_id)


def _held(conn: Connection, actor: Actor, key_id: str) -> HeldKey:
    held = api_keys.get(conn, actor.account_id, key_id)
    if held is None:
        raise NotFound("not_found", f"there is no API key {key_id[:60]} in this account")
    _refuse_higher(actor, held.role or Role.OWNER)
    return held


def _refuse_higher(actor: Actor, role: Role) -> None:
    if not roles.is_at_least(actor.role, role):
        raise Forbidden("forbidden", "this key acts as an owner, so only an owner of this account may manage it")
