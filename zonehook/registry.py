"""The desk for endpoints: register, change, switch on and off, delete."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from zonehook import addresses, clock, dialects, endpoints, signatures
from zonehook.dialects import Secrets, dnsimple
from zonehook.endpoints import Endpoint
from zonehook.errors import Detail, Invalid, NotFound, Unavailable
from zonehook.net import resolving
from zonehook.store import accounts, announcements, deliveries
from zonehook.store import endpoints as stored
from zonehook.store.announcements import Announcement
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.pages import Page


@dataclass(frozen=True)
class Registration:
    """What a new endpoint is made from. `secret` None: what the dialect does then."""

    url: str
    events: list[str]
    dialect: str
    description: str | None = None
    secret: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Registry:
    """Registers and changes endpoints. `targets` are the networks allowed although they are not public.

    `on_announcement` is called once there is something for the announcer, who comes by himself, but later.
    """

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        targets: Sequence[addresses.Network],
        on_announcement: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._targets = targets
        self._on_announcement = on_announcement

    async def register(self, account_id: int, wanted: Registration) -> tuple[Endpoint, str | None]:
        """A new endpoint and its signing secret, shown this once; None where the dialect signs nothing by itself.

        Raises Invalid.
        """
        if wanted.dialect not in dialects.NAMES:
            raise Invalid.field("dialect", f"choose one of {', '.join(dialects.NAMES)}")
        given = {"url": wanted.url, "events": wanted.events, "headers": wanted.headers}
        await self._check(wanted.dialect, given)
        secret = _first_secret(wanted)
        now = clock.now()
        values = {
            "id": clock.new_id("ep"), "account_id": account_id, "url": wanted.url, "events": wanted.events,
            "description": wanted.description, "dialect": wanted.dialect, "consecutive_failures": 0,
            "secret": self._cipher.seal(secret or ""), "headers": self._cipher.seal_map(wanted.headers),
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        endpoint = await self._database.write(_register, values)
        self._on_announcement()
        return endpoint, secret

    async def get(self, account_id: int, endpoint_id: str) -> Endpoint:
        """Raises NotFound."""
        endpoint = await self._database.read(stored.get, account_id, endpoint_id)
        if endpoint is None:
            raise _not_found(endpoint_id)
        return endpoint

    async def numbered(self, account_id: int, number: int, of_dialects: Collection[str]) -> Endpoint:
        """The endpoint that API v2 calls by this number. Raises NotFound."""
        endpoint = await self._database.read(stored.numbered, account_id, number, of_dialects)
        if endpoint is None:
            raise _not_found(str(number))
        return endpoint

    async def all_numbered(self, account_id: int, of_dialects: Collection[str], descending: bool) -> list[Endpoint]:
        """The account's endpoints of these dialects, by number."""
        return await self._database.read(stored.all_numbered, account_id, of_dialects, descending)

    async def page(self, account_id: int, limit: int, cursor: str | None) -> Page[Endpoint]:
        return await self._database.read(stored.page, account_id, limit, cursor)

    async def change(self, account_id: int, endpoint_id: str, changes: dict[str, Any]) -> Endpoint:
        """Changes url, events, description or headers. Raises Invalid and NotFound."""
        endpoint = await self.get(account_id, endpoint_id)
        await self._check(endpoint.dialect, changes)
        values = dict(changes)
        if "headers" in values:
            values["headers"] = self._cipher.seal_map(values["headers"])
        return await self._write(account_id, endpoint_id, values)

    async def disable(self, account_id: int, endpoint_id: str) -> Endpoint:
        """From now on no attempt is made; one that falls due meanwhile ends its delivery as cancelled."""
        endpoint = await self.get(account_id, endpoint_id)
        at = endpoint.disabled_at or clock.now()
        return await self._write(account_id, endpoint_id, {"disabled_at": at})

    async def enable(self, account_id: int, endpoint_id: str) -> Endpoint:
        return await self._write(account_id, endpoint_id, {"disabled_at": None})

    async def clear_suppression(self, account_id: int, endpoint_id: str) -> Endpoint:
        """Events are delivered again, and the failures are counted anew."""
        return await self._write(account_id, endpoint_id, {"suppressed_at": None, "consecutive_failures": 0})

    async def rotate_secret(self, account_id: int, endpoint_id: str) -> str:
        """A new signing secret, shown this once. Whether the old one signs beside it for a while is the dialect's;
        where it does not, whatever begins after this is signed with the new one alone. Raises NotFound.
        """
        secret = _new_secret()
        endpoint = await self.get(account_id, endpoint_id)
        overlap = dialects.named(endpoint.dialect).overlap
        if not await self._database.write(_rotate, account_id, endpoint_id, self._cipher.seal(secret), overlap):
            raise _not_found(endpoint_id)
        return secret

    async def delete(self, account_id: int, endpoint_id: str) -> None:
        """Removes the endpoint and ends what was still to be delivered to it. Raises NotFound."""
        if not await self._database.write(_delete, account_id, endpoint_id):
            raise _not_found(endpoint_id)
        self._on_announcement()

    async def _write(self, account_id: int, endpoint_id: str, values: dict[str, Any]) -> Endpoint:
        changed = await self._database.write(_change, account_id, endpoint_id, values)
        if changed is None:
            raise _not_found(endpoint_id)
        return changed

    async def _check(self, dialect: str, given: dict[str, Any]) -> None:
        if "url" in given and (problem := await self._url_problem(given["url"])):
            raise Invalid.field("url", problem, code="invalid_url")
        details: list[Detail] = []
        if "events" in given:
            details += _subscription_problems(dialect, given["events"])
        for name, problem in endpoints.header_problems(given.get("headers", {})):
            details.append(Detail(f"headers.{name}", problem))
        if details:
            raise Invalid("invalid_request", details[0].message, tuple(details))

    async def _url_problem(self, url: str) -> str | None:
        """The same rules as when the socket opens. A name that cannot be resolved just now passes here."""
        if problem := addresses.url_problem(url, self._targets):
            return problem
        parts = urlsplit(url)
        try:
            found = await resolving.addresses_of(parts.hostname or "")
        except resolving.NotAsked:
            raise Unavailable("resolving_unavailable", "too many names are being looked up just now") from None
        if not found and parts.scheme == "http":
            return addresses.HTTPS_ONLY  # nobody can say that it leads to where plain http is allowed
        for address in found:
            if problem := addresses.address_problem(address, parts.scheme, self._targets):
                return problem
        return None


def _rotate(conn: Connection, account_id: int, endpoint_id: str, sealed: bytes, overlap: timedelta) -> bool:
    old = stored.secret_of(conn, account_id, endpoint_id)
    if old is None:
        return False
    now = clock.now()
    values = {
        "secret": sealed,
        "previous_secret": old if overlap else None,
        "previous_secret_until": now + overlap if overlap else None,
        "updated_at": now,
    }
    return stored.change(conn, account_id, endpoint_id, values)


def _register(conn: Connection, values: dict[str, Any]) -> Endpoint:
    endpoint = stored.add(conn, values)
    _announce(conn, "webhook.create", endpoint, endpoint.created_at)
    return endpoint


def _delete(conn: Connection, account_id: int, endpoint_id: str) -> bool:
    now = clock.now()
    # Deliveries before endpoint, as when an attempt is recorded: the other order is a deadlock
    deliveries.cancel_of_endpoint(conn, account_id, endpoint_id, "the endpoint was deleted", now)
    removed = stored.remove(conn, account_id, endpoint_id, now)
    if removed is None:
        return False
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


def _change(conn: Connection, account_id: int, endpoint_id: str, values: dict[str, Any]) -> Endpoint | None:
    if not stored.change(conn, account_id, endpoint_id, values | {"updated_at": clock.now()}):
        return None
    return stored.get(conn, account_id, endpoint_id)


def _subscription_problems(dialect: str, wanted: list[str]) -> list[Detail]:
    malformed = [
        Detail(f"events.{place}", problem)
        for place, each in enumerate(wanted)
        if (problem := endpoints.subscription_problem(each))
    ]
    return malformed or dialects.subscription_problems(dialect, wanted)


def _first_secret(wanted: Registration) -> str | None:
    if wanted.secret is not None:
        if problem := dialects.secret_problem(wanted.dialect, wanted.secret):
            raise Invalid.field("secret", problem)
        return wanted.secret
    return _new_secret() if dialects.named(wanted.dialect).secrets is Secrets.GENERATED else None


def _new_secret() -> str:
    return signatures.secret(secrets.token_bytes(signatures.SECRET_BYTES))


def _not_found(endpoint_id: str) -> NotFound:
    return NotFound("not_found", f"there is no endpoint {endpoint_id[:60]} in this account")
