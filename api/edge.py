"""The outermost layer: a request id and the rate limit's headers on every answer, and 429 beyond the limit."""

import hashlib
import secrets
from collections import OrderedDict

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import refusals
from zonehook import clock
from zonehook.ratelimits import Allowance, RateLimits

_UNKNOWN_PER_MINUTE = 600
_KEYS_REMEMBERED = 10_000
_PROBES = {"/healthz", "/readyz", "/metrics"}  # they must answer when the database does not


class Edge:
    """Counts by API key where there is one, by the caller's address otherwise: `per_minute` requests each. Keys that
    were made up are counted by address, too: nobody escapes by sending another one every time.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits, per_minute: int) -> None:
        self._app = app
        self._limits = limits
        self._per_minute = per_minute
        self._good: OrderedDict[str, None] = OrderedDict()  # digests of keys that opened something, the latest last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        key, address = _key(scope), scope["client"][0] if scope["client"] else "unknown"
        if scope["path"] in _PROBES:
            allowance = await self._limits.count_here(key or address, self._per_minute)
        else:
            allowance = await self._allowance(key, address)
        request_id = f"req_{secrets.token_hex(12)}"

        async def send_with_extra(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(key, address, message["status"])
                MutableHeaders(scope=message).update(_headers(allowance) | {"x-request-id": request_id})
            await send(message)

        if not allowance.is_exceeded:
            await self._app(scope, receive, send_with_extra)
            return
        seconds = max(1, round((allowance.resets_at - clock.now()).total_seconds()))
        message = f"too many requests; try again in {seconds} seconds"
        refusal = refusals.answer(scope["path"], 429, "rate_limited", message, headers={"Retry-After": str(seconds)})
        await refusal(scope, receive, send_with_extra)

    async def _allowance(self, key: str | None, address: str) -> Allowance:
        """The caller's, with this request counted."""
        if key is not None and key not in self._good:
            of_address = await self._limits.look(f"unknown/{address}", min(_UNKNOWN_PER_MINUTE, self._per_minute))
            if of_address.used >= of_address.limit:
                return Allowance(of_address.limit, of_address.limit + 1, of_address.resets_at)
        return await self._limits.count(key or address, self._per_minute)

    async def _note(self, key: str | None, address: str, status: int) -> None:
        """Remembers whether the key was one."""
        if key is None or status == 429:
            return
        if status == 401:
            self._good.pop(key, None)
            await self._limits.count(f"unknown/{address}", _UNKNOWN_PER_MINUTE)
            return
        self._good[key] = None
        self._good.move_to_end(key)
        if len(self._good) > _KEYS_REMEMBERED:
            self._good.popitem(last=False)


def _key(scope: Scope) -> str | None:
    """The digest of what was sent as a key."""
    sent = Headers(scope=scope).get("authorization")
    return hashlib.sha256(sent.encode("latin-1")).hexdigest() if sent else None


def _headers(allowance: Allowance) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(allowance.limit),
        "x-ratelimit-remaining": str(allowance.remaining),
        "x-ratelimit-reset": str(int(allowance.resets_at.timestamp())),
    }
