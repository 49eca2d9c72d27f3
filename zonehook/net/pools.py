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


class Pools:
    """One pool an origin: a common one looks at every connection there is whenever it hands one out."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        allowed: Sequence[addresses.Network],
        resolve: Resolve,
        sources: Sequence[addresses.Address],
    ) -> None:
        self._tls = tls
        self._backends = {scheme: GuardedBackend(allowed, scheme, resolve, sources) for scheme in ("https", "http")}
        self._pools: dict[str, _Pool] = {}
        self._swept_at = 0.0

    @contextlib.asynccontextmanager
    async def pool(self, url: httpcore.URL) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        """The pool of this URL's origin, for one exchange."""
        origin = str(url.origin)
        found = self._pools.get(origin)
        if found is None:
            found = self._pools[origin] = _Pool(self._new(url.scheme.decode()))
        found.users += 1
        try:
            yield found.connections
        finally:
            found.users -= 1
            found.left_at = time.monotonic()
            await self._sweep()

    async def close(self) -> None:
        for each in self._pools.values():
            await each.connections.aclose()

    def _new(self, scheme: str) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=None,  # turns are the limit
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self._backends[scheme],
        )

    async def _sweep(self) -> None:
        """Closes what was left alone for longer than a connection is kept."""
        now = time.monotonic()
        if now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        left = [origin for origin, each in self._pools.items() if not each.users and now - each.left_at > _IDLE_SECONDS]
        for each in [self._pools.pop(origin) for origin in left]:  # popped first: nobody gets one that is closing
            await each.connections.aclose()


class _Pool:
    def __init__(self, connections: httpcore.AsyncConnectionPool) -> None:
        self.connections = connections
        self.users = 0
        self.left_at = 0.0
