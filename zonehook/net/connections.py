"""Open connections, kept for the next delivery to the same origin."""

import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Sequence

import httpcore

from zonehook import addresses
from zonehook.net.guarded import GuardedBackend, Resolve

_IDLE_SECONDS = 1.5  # gunicorn closes after 2 seconds, Node and others after 5: a request must not cross with that
_SWEEP_SECONDS = 1.0


class Connections:
    """Those of each origin that nobody uses, the one used last on top. Whoever takes one has it alone: httpcore's own
    pool looks at all its connections, for every one of them, whenever a request begins or ends.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        allowed: Sequence[addresses.Network],
        resolve: Resolve,
        sources: Sequence[addresses.Address],
    ) -> None:
        self._tls = tls
        self._backends = {scheme: GuardedBackend(allowed, scheme, resolve, sources) for scheme in ("https", "http")}
        self._idle: dict[str, list[httpcore.AsyncHTTPConnection]] = {}
        self._swept_at = 0.0

    @contextlib.asynccontextmanager
    async def one(self, url: httpcore.URL) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """A connection to this URL's origin, for one exchange. One that has not ended by then is closed."""
        origin = str(url.origin)
        connection = await self._kept(origin) or self._new(url)
        try:
            yield connection
        finally:
            if connection.is_available():
                self._idle.setdefault(origin, []).append(connection)
            else:
                await connection.aclose()

    async def sweep(self) -> None:
        """Closes what was left alone for longer than a connection is kept. Not within anybody's time limit: of a burst
        to many hosts somebody has to close them all.
        """
        now = time.monotonic()
        if now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        left = {each for idle in self._idle.values() for each in idle if each.has_expired()}
        kept = {origin: [each for each in idle if each not in left] for origin, idle in self._idle.items()}
        self._idle = {origin: idle for origin, idle in kept.items() if idle}
        for connection in left:  # which nobody can take any more
            await connection.aclose()

    async def close(self) -> None:
        for each in self._idle.values():
            for connection in each:
                await connection.aclose()

    async def _kept(self, origin: str) -> httpcore.AsyncHTTPConnection | None:
        """One that may be used again."""
        while idle := self._idle.get(origin):  # looked up every time: it may have been swept while one was closed
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    def _new(self, url: httpcore.URL) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(
            url.origin,
            ssl_context=self._tls,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self._backends[url.scheme.decode()],
        )
