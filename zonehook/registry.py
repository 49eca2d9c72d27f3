"""The desk for endpoints: register, change, switch on and off, delete."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from zonehook import addresses, clock, dialects, plans, reports
from zonehook.dialects import dnsimple, own
from zonehook.endpoints import Endpoint
from zonehook.errors import Conflict, Invalid, NotFound, QuotaExceeded
from zonehook.registration import Checks, Registration, first_secret, new_secret
from zonehook.roles import Actor
from zonehook.store import accounts, announcements, audit, deliveries, sealed
from zonehook.store import endpoints as stored
from zonehook.store.announcements import Announcement
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.pages import Page


class Registry:
    """Registers and changes endpoints. `targets` are the networks allowed although they are not public; `fair_use` is
    how many endpoints an account may have whose plan has no number of its own. `on_announcement` is called once there
    is something for the announcer, who comes by himself, but later.
    """

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        targets: Sequence[addresses.Network],
        fair_use: int = plans.FAIR_USE,
        on_announcement: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._checks = Checks(targets)
        self._fair_use = fair_use
        self._on_announcement = on_announcement

    async def register(self, actor: Actor, wanted: Registration) -> tuple[Endpoint, str | None]:
        """A new endpoint and its signing secret, shown this once; None where the dialect signs nothing by itself.

        Raises Invalid, and QuotaExceeded when the account's plan has no room for it.
        """
        if wanted.dialect not in dialects.NAMES:
            raise Invalid.field("dialect", f"choose one of {', '.join(dialects.NAMES)}")
        given = {"url": wanted.url, "events": wanted.events, "headers": wanted.headers}
        await self._checks.of(wanted.dialect, given)
        secret = first_secret(wanted)
        now = clock.now()
        values = {
            "id": clock.new_id("ep"), "url": wanted.url, "events": wanted.events, "description": wanted.description,
            "dialect": wanted.dialect, "secret": secret or "", "headers": wanted.headers, "consecutive_failures": 0,
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        endpoint = await self._database.write(_add, self._cipher, actor, values, self._fair_use)
        self._on_announcement()
        return endpoint, secret

    async def get(self, account_id: int, endpoint_id: str) -> Endpoint:
        """Raises NotFound."""
        endpoint = await self._database.read(stored.get, account_id, endpoint_id)
        if endpoint is None:
            raise NotFound.endpoint(endpoint_id)
        return endpoint

    async def numbered(self, account_id: int, number: int, of_dialects: Collection[str]) -> Endpoint:
        """The endpoint that API v2 calls by this number. Raises NotFound."""
        endpoint = await self._database.read(stored.numbered, account_id, number, of_dialects)
        if endpoint is None:
            raise NotFound.endpoint(str(number))
        return endpoint

    async def all_numbered(self, account_id: int, of_dialects: Collection[str], descending: bool) -> list[Endpoint]:
        """The account's endpoints of these dialects, by number."""
        return await self._database.read(stored.all_numbered, account_id, of_dialects, descending)

    async def page(self, account_id: int, limit: int, cursor: str | None) -> Page[Endpoint]:
        return await self._database.read(stored.page, account_id, limit, cursor)

    async def change(self, actor: Actor, endpoint_id: str, changes: dict[str, Any]) -> Endpoint:
        """Changes url, events, description or headers. Raises Invalid and NotFound."""
        endpoint = await self.get(actor.account_id, endpoint_id)
        await self._checks.of(endpoint.dialect, changes)
        return await self._write(actor, "endpoint.changed", endpoint_id, changes)

    async def disable(self, actor: Actor, endpoint_id: str) -> Endpoint:
        """From now on no attempt is made; one that falls due meanwhile ends its delivery as cancelled."""
        changed = await self._database.write(_disable, self._cipher, actor, endpoint_id)
        if changed is None:
            raise NotFound.endpoint(endpoint_id)
        self._on_announcement()
        return changed

    async def enable(self, actor: Actor, endpoint_id: str) -> Endpoint:
        return await self._write(actor, "endpoint.enabled", endpoint_id, {"disabled_at": None})

    async def clear_suppression(self, actor: Actor, endpoint_id: str) -> Endpoint:
        """Events are delivered again, and the failures are counted anew."""
        values = {"suppressed_at": None, "consecutive_failures": 0}
        return await self._write(actor, "endpoint.suppression_cleared", endpoint_id, values)

    async def rotate_secret(self, actor: Actor, endpoint_id: str) -> str:
        """A new signing secret, shown this once. Whether the old one signs beside it for a while is the dialect's;
        where it does not, whatever begins after this is signed with the new one alone. Raises NotFound.
        """
        secret = new_secret()
        endpoint = await self.get(actor.account_id, endpoint_id)
        overlap = dialects.named(endpoint.dialect).overlap
        if not await self._database.write(_rotate, self._cipher, actor, endpoint_id, secret, overlap):
            raise NotFound.endpoint(endpoint_id)
        return secret

    async def reveal_secret(self, actor: Actor, endpoint_id: str) -> str:
        """The present signing secret. Raises NotFound; Conflict where the dialect shows it once, or there is none."""
        endpoint = await self.get(actor.account_id, endpoint_id)
        if not dialects.named(endpoint.dialect).reveals:
            raise Conflict(
                "secret_not_revealed",
                f"a {endpoint.dialect} endpoint's secret is shown once, when it is made; rotate it to get a new one",
            )
        hidden = await self._database.write(_reveal, actor, endpoint_id)
        if hidden is None:
            raise NotFound.endpoint(endpoint_id)
        secret = self._cipher.open(hidden)
        if not secret:
            raise Conflict("no_signing_secret", "this endpoint has no signing secret; rotate it to have one made")
        return secret

    async def delete(self, actor: Actor, endpoint_id: str) -> None:
        """Removes the endpoint and ends what was still to be delivered to it. Raises NotFound."""
        if not await self._database.write(_delete, actor, endpoint_id):
            raise NotFound.endpoint(endpoint_id)
        self._on_announcement()

    async def _write(self, actor: Actor, action: str, endpoint_id: str, values: dict[str, Any]) -> Endpoint:
        changed = await self._database.write(_change, self._cipher, actor, action, endpoint_id, values)
        if changed is None:
            raise NotFound.endpoint(endpoint_id)
        return changed


def _add(conn: Connection, cipher: Cipher, actor: Actor, values: dict[str, Any], fair_use: int) -> Endpoint:
    """Counted and added in one: of two at once for the last place, the second finds it taken."""
    retired = sealed.retired(conn)
    plan = accounts.hold(conn, actor.account_id)
    if stored.count(conn, actor.account_id) >= plans.endpoints_of(plan, fair_use):
        raise QuotaExceeded("webhook_quota_exceeded", plans.quota_sentence(plan, fair_use))
    hidden = {
        "secret": cipher.seal(values["secret"], retired),
        "headers": cipher.seal_map(values["headers"], retired),
        "account_id": actor.account_id,
    }
    endpoint = stored.add(conn, values | hidden)
    audit.note(conn, actor, "endpoint.created", endpoint.id)
    _announce(conn, "webhook.create", endpoint, endpoint.created_at)
    return endpoint


def _reveal(conn: Connection, actor: Actor, endpoint_id: str) -> bytes | None:
    hidden = stored.secret_of(conn, actor.account_id, endpoint_id)
    if hidden is not None:
        audit.note(conn, actor, "endpoint.secret_revealed", endpoint_id)
    return hidden


def _rotate(conn: Connection, cipher: Cipher, actor: Actor, endpoint_id: str, secret: str, overlap: timedelta) -> bool:
    retired = sealed.retired(conn)
    old = stored.held_secret_of(conn, actor.account_id, endpoint_id)
    if old is None:
        return False
    now = clock.now()
    values = {
        "secret": cipher.seal(secret, retired),
        "previous_secret": old if overlap else None,
        "previous_secret_until": now + overlap if overlap else None,
        "updated_at": now,
    }
    return _changed(conn, actor, "endpoint.secret_rotated", endpoint_id, values)


def _delete(conn: Connection, actor: Actor, endpoint_id: str) -> bool:
    now = clock.now()
    # Deliveries before endpoint, as when an attempt is recorded: the other order is a deadlock
    deliveries.cancel_of_endpoint(conn, actor.account_id, endpoint_id, "the endpoint was deleted", now)
    removed = stored.remove(conn, actor.account_id, endpoint_id, now)
    if removed is None:
        return False
    audit.note(conn, actor, "endpoint.deleted", endpoint_id)
    _announce(conn, "webhook.delete", removed, now)
    return True


def _announce(conn: Connection, event_type: str, endpoint: Endpoint, at: datetime) -> None:
    """In the endpoint's own transaction: a crash after it loses no event, and one before it announces nothing."""
    account = accounts.get(conn, endpoint.account_id)
    if account is None or not {account.dialect, endpoint.dialect} <= set(dnsimple.NAMES):
        return
    announcement = Announcement(
        id=clock.new_id("ann"), account_id=account.id, dialect=account.dialect, type=event_type,
        data=dnsimple.webhook_data(endpoint), actor=dnsimple.account_actor(account.id, account.name), created_at=at,
    )  # fmt: skip
    announcements.add(conn, announcement)


def _disable(conn: Connection, cipher: Cipher, actor: Actor, endpoint_id: str) -> Endpoint | None:
    before, now = stored.get(conn, actor.account_id, endpoint_id), clock.now()
    if before is None:
        return None
    values = {"disabled_at": before.disabled_at or now, "is_recovering": True}
    changed = _change(conn, cipher, actor, "endpoint.disabled", endpoint_id, values)
    if before.disabled_at is None:
        reports.of_endpoint(conn, actor.account_id, endpoint_id, own.DISABLED, "it was disabled by hand", now)
    return changed


def _change(
    conn: Connection, cipher: Cipher, actor: Actor, action: str, endpoint_id: str, values: dict[str, Any]
) -> Endpoint | None:
    if "headers" in values:
        values = values | {"headers": cipher.seal_map(values["headers"], sealed.retired(conn))}
    if not _changed(conn, actor, action, endpoint_id, values | {"updated_at": clock.now()}):
        return None
    return stored.get(conn, actor.account_id, endpoint_id)


def _changed(conn: Connection, actor: Actor, action: str, endpoint_id: str, values: dict[str, Any]) -> bool:
    """Whether there was such an endpoint to change; then it is written down."""
    if not stored.change(conn, actor.account_id, endpoint_id, values):
        return False
    audit.note(conn, actor, action, endpoint_id)
    return True
