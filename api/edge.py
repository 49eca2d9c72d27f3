"""The outermost layer: a request id and the rate limit's headers on every answer, and 429 beyond the limit."""

import hashlib
import secrets
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import refusals


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
            refusal = _too_many(scope["path"], max(1, round(reset - time.time())))
            await refusal(scope, receive, send_with_extra)


def _who(scope: Scope) -> str:
    key = Headers(scope=scope).get("authorization")
    if key:
        return hashlib.sha256(key.encode("latin-1")).hexdigest()
    return scope["client"][0] if scope["client"] else "unknown"


def _too_many(path: str, seconds: int) -> Response:
    message = f"too many requests; try again in {seconds} seconds"
    return refusals.answer(path, 429, "rate_limited", message, headers={"Retry-After": str(seconds)})
