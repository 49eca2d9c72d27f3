"""The outermost layer: a request id and the rate limit's headers on every answer, and 429 beyond the limit."""

import hashlib
import json
import secrets
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Edge:
    """Counts by API key where there is one, by the caller's address otherwise. `per_minute` requests each."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self._app = app
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        who = _who(scope)
        is_within = await self._limiter.hit(self._item, who)
        reset, remaining = await self._limiter.get_window_stats(self._item, who)
        extra = {
            "x-request-id": f"req_{secrets.token_hex(12)}",
            "x-ratelimit-limit": str(self._item.amount),
            "x-ratelimit-remaining": str(remaining),
            "x-ratelimit-reset": str(int(reset)),
        }

        async def send_with_extra(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(extra)
            await send(message)

        if is_within:
            await self._app(scope, receive, send_with_extra)
        else:
            await _refuse(send_with_extra, max(1, round(reset - time.time())))


def _who(scope: Scope) -> str:
    key = Headers(scope=scope).get("authorization")
    if key:
        return hashlib.sha256(key.encode("latin-1")).hexdigest()
    return scope["client"][0] if scope["client"] else "unknown"


async def _refuse(send: Send, seconds: int) -> None:
    message = f"too many requests; try again in {seconds} seconds"
    body = json.dumps({"error": {"code": "rate_limited", "message": message, "details": []}}).encode()
    headers = [(b"content-type", b"application/json"), (b"retry-after", str(seconds).encode())]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
