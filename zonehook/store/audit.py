"""The audit log: who changed what, written in the transaction of the change, so that neither is there alone."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from zonehook import clock
from zonehook.roles import Actor
from zonehook.store import pages
from zonehook.store.pages import Page
from zonehook.store.tables import audit_log


@dataclass(frozen=True)
class Entry:
    """One change: `action` such as `endpoint.created`, of `object_id`, by a key and the member who held it then."""

    id: str
    action: str
    object_id: str
    key_id: str | None
    email: str | None
    address: str | None
    created_at: datetime


_ADD = insert(audit_log)
_SEEN = [audit_log.c[name] for name in Entry.__dataclass_fields__]


def note(conn: Connection, actor: Actor, action: str, object_id: str | int) -> None:
    """Writes down that `actor` did this. Call it where the change is made, with the same connection."""
    _add(conn, actor.account_id, actor, action, str(object_id))


def note_operator_key(conn: Connection, key_id: str) -> None:
    """A new key of the operator's, which belongs to no account."""
    _add(conn, None, Actor(0), "api_key.created", key_id)


def page(conn: Connection, account_id: int, limit: int, cursor: str | None) -> Page[Entry]:
    """Newest first."""
    query = select(*_SEEN).where(audit_log.c.account_id == account_id)
    rows, next_cursor = pages.fetch(conn, query, audit_log.c.created_at, audit_log.c.id, limit, cursor)
    return Page([Entry(**row._mapping) for row in rows], next_cursor)


def _add(conn: Connection, account_id: int | None, actor: Actor, action: str, object_id: str) -> None:
    entry = {"key_id": actor.key_id, "email": actor.email, "address": actor.address, "action": action}
    own = {"id": clock.new_id("aud"), "account_id": account_id, "object_id": object_id, "created_at": clock.now()}
    conn.execute(_ADD, own | entry)
