"""The desk for endpoints: register, change, switch on and off, delete."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from zonehook import addresses, clock, dialects, endpoints, plans, signatures
from zonehook.dialects import Secrets
from zonehook.endpoints import Endpoint
from zonehook.errors import Conflict, Detail, Invalid, NotFound, QuotaExceeded, Unavailable
from zonehook.net import resolving
from zonehook.roles import Actor
from zonehook.store import accounts, audit, deliveries, sealed
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
    """Registers and changes endpoints. `targets` are the networks allowed although they are not public; `fair_use` is
    how many endpoints an account may have whose plan has no number of its own.
    """

    def __init__(
        self, database: Database, cipher: Cipher, targets: Sequence[addresses.Network], fair_use: int = plans.FAIR_USE
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._targets = targets
        self._fair_use = fair_use

    async def register(self, actor: Actor, wanted: Registration) -> tuple[Endpoint, str | None]:
        """A new endpoint and its signing secret, shown this once; None where the dialect signs nothing by itself.

        Raises Invalid, and QuotaExceeded when the account's plan has no room for it.
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
        hidden = {"secret": secret or "", "headers": wanted.headers}
        await self._database.write(_add, self._cipher, actor, vars(endpoint) | hidden, self._fair_use)
        return endpoint, secret

    async def get(self, account_id: int, endpoint_id: str) -> Endpoint:
        """Raises NotFound."""
        endpoint = await self._database.read(stored.get, account_id, endpoint_id)
        if endpoint is None:
            raise NotFound.endpoint(endpoint_id)
        return endpoint

    async def page(self, account_id: int, limit: int, cursor: str | None) -> Page[Endpoint]:
        return await self._database.read(stored.page, account_id, limit, cursor)

    async def change(self, actor: Actor, endpoint_id: str, changes: dict[str, Any]) -> Endpoint:
        """Changes url, events, description or headers. Raises Invalid and NotFound."""
        endpoint = await self.get(actor.account_id, endpoint_id)
        await self._check(endpoint.dialect, changes)
        return await self._write(actor, "endpoint.changed", endpoint_id, changes)

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

    async def _write(self, actor: Actor, action: str, endpoint_id: str, values: dict[str, Any]) -> Endpoint:
        changed = await self._database.write(_change, self._cipher, actor, action, endpoint_id, values)
        if changed is None:
            raise NotFound.endpoint(endpoint_id)
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


def _add(conn: Connection, cipher: Cipher, actor: Actor, values: dict[str, Any], fair_use: int) -> None:
    """Counted and added in one: of two at once for the last place, the second finds it taken."""
    retired = sealed.retired(conn)
    plan = accounts.held_plan(conn, actor.account_id)
    if stored.count(conn, actor.account_id) >= plans.endpoints_of(plan, fair_use):
        raise QuotaExceeded("webhook_quota_exceeded", plans.quota_sentence(plan, fair_use))
    hidden = {
        "secret": cipher.seal(values["secret"], retired),
        "headers": cipher.seal_map(values["headers"], retired),
    }
    stored.add(conn, values | hidden)
    audit.note(conn, actor, "endpoint.created", values["id"])


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
    return _changed(conn, actor, "endpoint.deleted", endpoint_id, {"deleted_at": now})


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
