"""Sockets open only to an address that was judged a moment before, and to that very one."""

import typing
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore

from zonehook import addresses
from zonehook.net import resolving
from zonehook.net.metered import MeteredStream

_PATIENCE_SECONDS = 1.0  # with an address that is not the last: some attempts have five for all of them
Resolve = Callable[[str], Awaitable[Sequence[addresses.Address]]]


class NotResolved(Exception):
    """The host has no address just now."""


class NotAllowed(Exception):
    """The host has an address that deliveries may not reach."""


class NoSource(Exception):
    """The host has no address of a kind that deliveries may leave from."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, judges every address, then connects to one of exactly these: no second look-up to be fooled by.

    TLS goes on with the host's name, so certificate and SNI are the name's while the socket is the address's.
    """

    def __init__(
        self,
        allowed: Sequence[addresses.Network],
        scheme: str,
        resolve: Resolve = resolving.addresses_of,
        sources: Sequence[addresses.Address] = (),
    ) -> None:
        self._allowed = allowed
        self._sources = {source.version: str(source) for source in sources}
        self._scheme = scheme
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's name)
        local_address: str | None = None,
        socket_options: Iterable[typing.Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises NotResolved, NotAllowed, NoSource, and what httpcore raises."""
        found = await self._resolve(host)
        if not found:
            raise NotResolved(host)
        for address in found:
            if addresses.address_problem(address, self._scheme, self._allowed):
                raise NotAllowed(str(address))
        if self._sources:  # what has no source of its own kind would leave from whichever address
            found = [address for address in found if address.version in self._sources]
        if not found:
            raise NoSource(host)
        for address in found[:-1]:
            try:
                return await self._open(address, port, _PATIENCE_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._open(found[-1], port, timeout)

    async def _open(self, address: addresses.Address, port: int, seconds: float | None) -> MeteredStream:
        source = self._sources.get(address.version)
        return MeteredStream(await self._backend.connect_tcp(str(address), port, seconds, source))
