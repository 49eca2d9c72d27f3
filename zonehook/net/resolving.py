"""From a host name to the addresses it has just now; a host is looked up once at a time, whoever asks."""

import asyncio
import contextlib
import ipaddress
import socket
from concurrent.futures import Future, ThreadPoolExecutor

from zonehook.addresses import Address, literal

_PATIENCE_SECONDS = 3
# A look-up cannot be interrupted and keeps its thread; with the loop's own few, four slow names would stop all others
_lookups = ThreadPoolExecutor(128, "look-up")
_under_way: dict[str, Future[list[Address]]] = {}  # of threads and not of a loop: more than one loop may wait for them


class NotAsked(Exception):
    """So many look-ups are under way that this one did not begin: nobody's fault but ours."""


async def addresses_of(host: str) -> list[Address]:
    """Every address of a host, in the order the system prefers; none when it cannot be resolved. Raises NotAsked."""
    written = literal(host)
    if written is not None:
        return [written]
    lookup = _joined(host)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await _end_of(lookup)
    if lookup.done():
        return lookup.result()
    if not lookup.running():
        raise NotAsked(host)
    return []


def _joined(host: str) -> Future[list[Address]]:
    """The look-up of this host that is under way, also when whoever began it has given up; else one that begins."""
    lookup = _under_way.get(host)
    if lookup is None:
        lookup = _under_way[host] = _lookups.submit(_look_up, host)
        lookup.add_done_callback(lambda _: _under_way.pop(host, None))
    return lookup


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
