"""From a host name to the addresses it has just now."""

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from zonehook.addresses import Address, literal

_PATIENCE_SECONDS = 3
# A look-up cannot be interrupted and keeps its thread; with the loop's own few, four slow names would stop all others
_lookups = ThreadPoolExecutor(128, "look-up")


class NotAsked(Exception):
    """So many look-ups are under way that this one did not begin: nobody's fault but ours."""


async def addresses_of(host: str) -> list[Address]:
    """Every address of a host, in the order the system prefers; none when it cannot be resolved. Raises NotAsked."""
    written = literal(host)
    if written is not None:
        return [written]
    began = threading.Event()

    def look_up() -> list[Any]:
        began.set()
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)

    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            found = await asyncio.get_running_loop().run_in_executor(_lookups, look_up)
    except TimeoutError:
        if not began.is_set():
            raise NotAsked(host) from None
        return []
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))
