"""The desk for endpoints: register, change, switch on and off, delete."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from zonehook import addresses, clock, dialects, endpoints, signatures
from zonehook.dialects import Secrets
from zonehook.endpoints import Endpoint
from zonehook.errors import Detail, Invalid, NotFound, Unavailable
from zonehook.net import resolving
from zonehook.roles import Actor
from zonehook.store import audit, deliveries
from zonehook.store import endpoints as stored
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
    """Registers and changes endpoints. `targets` are the networks allowed although they are not public."""

    def __init__(self, database: Database, cipher: Cipher, targets: Sequence[addresses.Network]) -> None:
        self._database = database
        self._cipher = cipher
        self._targets = targets

    async def register(self, actor: Actor, wanted: Registration) -> tuple[Endpoint, str | None]:
        """A new endpoint and its signing secret, shown this once; None where the dialect signs nothing by itself.

        Raises Invalid.
        """
        if wanted.dialect not in dialects.NAMES:
            raise Invalid.field("dialect", f"choose one of {', '.join(dialects.NAMES)}")
        given = {"url": wanted.url, "events": wanted.events, "headers": wanted.headers}
        await self._check(wanted.dialect, given)
        secret = _first_secret(wanted)
        now = clock.now()
        endpoint = Endpoint(
            id=clock.new_id("ep"), account_id=actor.account_id, url=wanted.url, events=wanted.events,
            description=wanted.description, dialect=wanted.dialect, disabled_at=None, suppressed_at=None,
            consecutive_failures=0, created_at=now, updated_at=now,
        )  # fmt: skip
        sealed = {"secret": self._cipher.seal(secret or ""), "headers": self._cipher.seal_map(wanted.headers)}
        await self._database.write(_add, actor, vars(endpoint) | sealed)
        return endpoint, secret

    async def get(self, account_id: int, endpoint_id: str) -> Endpoint:
        """Raises NotFound."""
        endpoint = await self._database.read(stored.get, account_id, endpoint_id)
        if endpoint is None:
            raise _not_found(endpoint_id)
        return endpoint

    async def page(self, account_id: int, limit: int, cursor: str | None) -> Page[Endpoint]:
        return await self._database.read(stored.page, account_id, limit, cursor)

    async def change(self, actor: Actor, endpoint_id: str, changes: dict[str, Any]) -> Endpoint:
        """Changes url, events, description or headers. Raises Invalid and NotFound."""
        endpoint = await self.get(actor.account_id, endpoint_id)
        await self._check(endpoint.dialect, changes)
        values = dict(changes)
        if "headers" in values:
            values["headers"] = self._cipher.seal_map(values["headers"])
        return await self._write(actor, "endpoint.changed", endpoint_id, values)

    async def disable(self, actor: Actor, endpoint_id: str) -> Endpoint:
        """From now on no attempt is made; one that falls due meanwhile ends its delivery as cancelled."""
        endpoint = await self.get(actor.account_id, endpoint_id)
        at = endpoint.disabled_at or clock.now()
        return await self._write(actor, "endpoint.disabled", endpoint_id, {"disabled_at": at})

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
        secret = _new_secret()
        endpoint = await self.get(actor.account_id, endpoint_id)
        overlap = dialects.named(endpoint.dialect).overlap
        if not await self._database.write(_rotate, actor, endpoint_id, self._cipher.seal(secret), overlap):
            raise _not_found(endpoint_id)
        return secret

    async def delete(self, actor: Actor, endpoint_id: str) -> None:
        """Removes the endpoint and ends what was still to be delivered to it. Raises NotFound."""
        if not await self._database.write(_delete, actor, endpoint_id):
            raise _not_found(endpoint_id)

    async def _write(self, actor: Actor, action: str, endpoint_id: str, values: dict[str, Any]) -> Endpoint:
        changed = await self._database.write(_change, actor, action, endpoint_id, values)
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


def _add(conn: Connection, actor: Actor, values: dict[str, Any]) -> None:
    stored.add(conn, values)
    audit.note(conn, actor, "endpoint.created", values["id"])


def _rotate(conn: Connection, actor: Actor, endpoint_id: str, sealed: bytes, overlap: timedelta) -> bool:
    old = stored.secret_of(conn, actor.account_id, endpoint_id)
    if old is None:
        return False
    now = clock.now()
    values = {
        "secret": sealed,
        "previous_secret": old if overlap else None,
        "previous_secret_until": now + overlap if overlap else None,
        "updated_at": now,
    }
    return _changed(conn, actor, "endpoint.secret_rotated", endpoint_id, values)


def _delete(conn: Connection, actor: Actor, endpoint_id: str) -> bool:
    now = clock.now()
    # Deliveries before endpoint, as when an attempt is recorded: the other order is a deadlock
    deliveries.cancel_of_endpoint(conn, actor.account_id, endpoint_id, "the endpoint was deleted", now)
    return _changed(conn, actor, "endpoint.deleted", endpoint_id, {"deleted_at": now})


def _change(conn: Connection, actor: Actor, action: str, endpoint_id: str, values: dict[str, Any]) -> Endpoint | None:
    if not _changed(conn, actor, action, endpoint_id, values | {"updated_at": clock.now()}):
        return None
    return stored.get(conn, actor.account_id, endpoint_id)


def _changed(conn: Connection, actor: Actor, action: str, endpoint_id: str, values: dict[str, Any]) -> bool:
    """Whether there was such an endpoint to change; then it is written down."""
    if not stored.change(conn, actor.account_id, endpoint_id, values):
        return False
    audit.note(conn, actor, action, endpoint_id)
    return True


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
