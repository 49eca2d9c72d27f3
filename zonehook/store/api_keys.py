"""Statements about API keys: what a presented key is, and whose keys an account has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, insert, or_, select, update

from zonehook import clock, keys
from zonehook.keys import Scope
from zonehook.roles import Actor, Role
from zonehook.store import audit, pages
from zonehook.store.pages import Page
from zonehook.store.tables import accounts, api_keys, members


@dataclass(frozen=True)
class KnownKey:
    """A key that was recognised: whose it is (account None: the operator's), what it may do, and until when."""

    id: str
    account_id: int | None
    dialect: str | None
    catalogue_version: int | None
    plan: str | None
    scope: Scope
    member_id: str | None
    email: str | None  # of its member; None for a member who was removed, too
    role: Role | None
    digest: str
    previous_digest: str | None
    previous_until: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class ApiKey:
    """A key as its account sees it. `previous_until`: so long its text before the last rotation opens, too."""

    id: str
    name: str
    scope: Scope
    member_id: str | None
    created_at: datetime
    expires_at: datetime | None
    previous_until: datetime | None


@dataclass(frozen=True)
class HeldKey:
    """A key and the role of who holds it: None for the account's own."""

    key: ApiKey
    digest: str
    role: Role | None


_is_here: ColumnElement[bool] = and_(members.c.id == api_keys.c.member_id, members.c.removed_at.is_(None))
# Asked by every request, so built once
_KEY_WITH: Select[Any] = (
    select(
        api_keys.c.id,
        api_keys.c.account_id,
        accounts.c.dialect,
        accounts.c.catalogue_version,
        accounts.c.plan,
        api_keys.c.scope,
        api_keys.c.member_id,
        members.c.email,
        members.c.role,
        api_keys.c.digest,
        api_keys.c.previous_digest,
        api_keys.c.previous_until,
        api_keys.c.expires_at,
        api_keys.c.revoked_at,
    )
    .select_from(api_keys)
    .join(accounts, accounts.c.id == api_keys.c.account_id, isouter=True)
    .join(members, _is_here, isouter=True)
    .where(or_(api_keys.c.digest == bindparam("wanted"), api_keys.c.previous_digest == bindparam("wanted")))
)
_SEEN = [api_keys.c[name] for name in ApiKey.__dataclass_fields__]


def issue(
    conn: Connection,
    actor: Actor | None,
    name: str,
    scope: Scope,
    member_id: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, of which the digest alone is kept. `actor` None: the operator's, of no account."""
    text = clock.new_api_key()
    key = ApiKey(clock.new_id("key"), name, scope, member_id, clock.now(), expires_at, None)
    own = {"scope": scope.value, "account_id": actor.account_id if actor else None, "digest": keys.digest(text)}
    conn.execute(insert(api_keys).values(vars(key) | own))
    if actor is None:
        audit.note_operator_key(conn, key.id)
    else:
        audit.note(conn, actor, "api_key.created", key.id)
    return key, text


def with_digest(conn: Connection, digest: str) -> KnownKey | None:
    """The key that has this digest, or had it before it was rotated; also one that opens nothing any more."""
    row = conn.execute(_KEY_WITH, {"wanted": digest}).one_or_none()
    if row is None:
        return None
    return KnownKey(**{**row._mapping, "scope": Scope(row.scope), "role": row.role and Role(row.role)})


def get(conn: Connection, account_id: int, key_id: str) -> HeldKey | None:
    """One that was not revoked, which nobody else changes until this transaction ends."""
    query = select(api_keys.c.digest, members.c.role, *_SEEN).where(api_keys.c.id == key_id)
    row = conn.execute(_listed(query, account_id).with_for_update(of=api_keys)).one_or_none()
    if row is None:
        return None
    return HeldKey(_key(row._mapping), row.digest, row.role and Role(row.role))


def page(conn: Connection, account_id: int, limit: int, cursor: str | None) -> Page[ApiKey]:
    query = _listed(select(*_SEEN), account_id)
    rows, next_cursor = pages.fetch(conn, query, api_keys.c.created_at, api_keys.c.id, limit, cursor)
    return Page([_key(row._mapping) for row in rows], next_cursor)


def change(conn: Connection, account_id: int, key_id: str, values: dict[str, Any]) -> None:
    conn.execute(update(api_keys).where(api_keys.c.id == key_id, api_keys.c.account_id == account_id).values(values))


def revoke_of(conn: Connection, account_id: int, member_id: str, at: datetime) -> list[str]:
    """Revokes every key of a member; their ids."""
    held = (api_keys.c.member_id == member_id, api_keys.c.account_id == account_id, api_keys.c.revoked_at.is_(None))
    return list(conn.execute(update(api_keys).where(*held).values(revoked_at=at).returning(api_keys.c.id)).scalars())


def _listed(query: Select[Any], account_id: int) -> Select[Any]:
    """Those that were not revoked and whose member, where they have one, is still there."""
    return (
        query.select_from(api_keys)
        .join(members, _is_here, isouter=True)
        .where(
            api_keys.c.account_id == account_id,
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.member_id.is_(None), members.c.id.is_not(None)),
        )
    )


def _key(row: Any) -> ApiKey:
    return ApiKey(**{name: row[name] for name in ApiKey.__dataclass_fields__} | {"scope": Scope(row["scope"])})
