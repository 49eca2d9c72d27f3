"""From a host name to the addresses it has just now; a host is looked up once at a time, whoever asks."""

import asyncio
import contextlib
import ipaddress
import socket
from concurrent.futures import Future, ThreadPoolExecutor

from zonehook.addresses import Address, literal

_PATIENCE_SECONDS = 3


class NotAsked(Exception):
    """So many look-ups are under way that this one did not begin: nobody's fault but ours."""


class LookUps:
    """So many at a time. One cannot be interrupted and keeps its thread; with the loop's own few, four slow names would
    stop all others.
    """

    def __init__(self, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, "look-up")
        self._under_way: dict[str, Future[list[Address]]] = {}  # of threads, not of a loop: several loops may wait

    async def addresses_of(self, host: str) -> list[Address]:
        """Every address of a host, in the system's order; none when it cannot be resolved. Raises NotAsked."""
        written = literal(host)
        if written is not None:
            return [written]
        lookup = self._joined(host)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await _end_of(lookup)
        if lookup.cancel():  # it waits for a thread still, in vain, or another who waited for it gave up just now
            raise NotAsked(host)
        return lookup.result() if lookup.done() else []

    def _joined(self, host: str) -> Future[list[Address]]:
        """The look-up of this host that is under way, also when whoever began it has given up; else one that begins."""
        lookup = self._under_way.get(host)
        if lookup is None:
            lookup = self._under_way[host] = self._threads.submit(_look_up, host)
            lookup.add_done_callback(lambda _: self._under_way.pop(host, None))
        return lookup


_of_deliveries = LookUps(128)
addresses_of = _of_deliveries.addresses_of


async def _end_of(lookup: Future[list[Address]]) -> None:
    """Whoever stops waiting, or is cancelled, takes the look-up from nobody else: a wrapped future would cancel it."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future[list[Address]]) -> None:
        with contextlib.suppress(RuntimeError):  # a loop that is closed by now has nobody left who waits
            loop.call_soon_threadsafe(over.set)

    lookup.add_done_callback(tell)
    await over.wait()


def _look_up(host: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))
