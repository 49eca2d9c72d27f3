"""The outermost layer: a request id, the rate limit's headers and the account's credits on every answer; and 429 beyond
the limit.
"""

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import refusals
from zonehook import clock
from zonehook.credits import Credits
from zonehook.errors import ZonehookError
from zonehook.ratelimits import Allowance, RateLimits
from zonehook.store.api_keys import KnownKey
from zonehook.tenants import Tenants

_UNKNOWN_PER_MINUTE = 600
_KEYS_REMEMBERED = 10_000
_ASKED_AGAIN_AFTER = timedelta(seconds=5)  # whose a key is, where no call asks
_PROBES = {"/healthz", "/readyz", "/metrics"}  # they must answer when the database does not
_V6_PREFIX = 64  # what one customer of a provider gets


@dataclass(frozen=True)
class _Seen:
    """A key that opened something, and when."""

    key: KnownKey
    at: datetime


class Edge:
    """Counts by API key where there is one, by the caller's address otherwise: `per_minute` requests each. Requests
    with keys that opened nothing are counted by address, too: nobody escapes by sending another one every time. A key
    that is good is let through all the same, whoever else shares its address.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits, credits: Credits, tenants: Tenants, per_minute: int) -> None:
        self._app = app
        self._limits = limits
        self._credits = credits
        self._tenants = tenants
        self._per_minute = per_minute
        self._seen: OrderedDict[str, _Seen] = OrderedDict()  # by digest, the latest last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        key, address = _key(scope), _address(scope)
        if scope["path"] in _PROBES:
            key, allowance = None, await self._limits.count_here(address, self._per_minute)
        else:
            allowance = await self._limits.count(key or address, self._per_minute)
        scope.setdefault("state", {})
        extra = {"x-request-id": f"req_{secrets.token_hex(12)}"}

        async def send_with_extra(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._remember(key, scope, message["status"])
                credits = await self._credit_headers(scope, key, message["status"])
                MutableHeaders(scope=message).update(_headers(allowance) | extra | credits)
            await send(message)

        if allowance.is_exceeded:
            await _refusal(scope, allowance)(scope, receive, send_with_extra)
        elif key is None or key in self._seen:
            await self._app(scope, receive, send_with_extra)
        else:
            await self._unknown(key, f"unknown/{address}", (scope, receive, send_with_extra))

    async def _unknown(self, key: str, address: str, request: tuple[Scope, Receive, Send]) -> None:
        """A request with a key that was not seen yet: if it opens nothing, its address has one less of those."""
        scope, receive, send = request
        is_refused = False

        async def send_or_refuse(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and "key" not in scope["state"]:
                allowance = await self._limits.count(address, min(_UNKNOWN_PER_MINUTE, self._per_minute))
                is_refused = allowance.is_exceeded
                if is_refused:
                    await _refusal(scope, allowance)(scope, receive, send)
            if not is_refused:
                await send(message)

        await self._app(scope, receive, send_or_refuse)

    def _remember(self, key: str | None, scope: Scope, status: int) -> None:
        if key is None:
            return
        if status == 401:  # it opens nothing any more
            self._seen.pop(key, None)
        elif (known := scope["state"].get("key")) is not None:
            self._see(key, known)

    def _see(self, key: str, known: KnownKey) -> None:
        self._seen[key] = _Seen(known, clock.now())
        self._seen.move_to_end(key)
        if len(self._seen) > _KEYS_REMEMBERED:
            self._seen.popitem(last=False)

    async def _credit_headers(self, scope: Scope, key: str | None, status: int) -> dict[str, str]:
        """Of the key's account, if there is one."""
        if key is None or status in (401, 503):  # a database that is away is not asked twice
            return {}
        try:
            known = await self._whose(scope, key)
            if known.account_id is None or known.plan is None:  # the operator's
                return {}
            standing = await self._credits.of(known.account_id, known.plan)
        except ZonehookError:  # an answer is no worse without them
            return {}
        return {"x-credits-limit": str(standing.limit), "x-credits-remaining": str(standing.remaining)}

    async def _whose(self, scope: Scope, key: str) -> KnownKey:
        """What the call found the key to be; where none was reached, what it was a moment ago, or what it is now.
        Raises Unauthorized and Unavailable.
        """
        seen = self._seen.get(key)
        if seen is not None and clock.now() - seen.at < _ASKED_AGAIN_AFTER:
            return seen.key
        self._seen.pop(key, None)
        scheme, _, text = " ".join(Headers(scope=scope)["authorization"].split()).partition(" ")
        found = await self._tenants.known(text if scheme.lower() == "bearer" else None)
        self._see(key, found)
        return found


def _refusal(scope: Scope, allowance: Allowance) -> ASGIApp:
    seconds = max(1, round((allowance.resets_at - clock.now()).total_seconds()))
    message = f"too many requests; try again in {seconds} seconds"
    return refusals.answer(scope["path"], 429, "rate_limited", message, headers={"Retry-After": str(seconds)})


def _key(scope: Scope) -> str | None:
    """The digest of what was sent as a key, however it was spaced."""
    sent = Headers(scope=scope).get("authorization")
    return hashlib.sha256(" ".join(sent.split()).encode("latin-1")).hexdigest() if sent else None


def _address(scope: Scope) -> str:
    """The caller's; of IPv6 the network, as who has one address there has them all."""
    host = scope["client"][0] if scope["client"] else "unknown"
    if ":" not in host:
        return str(host)
    return str(ipaddress.ip_network((host.partition("%")[0], _V6_PREFIX), strict=False))


def _headers(allowance: Allowance) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(allowance.limit),
        "x-ratelimit-remaining": str(allowance.remaining),
        "x-ratelimit-reset": str(int(allowance.resets_at.timestamp())),
    }
