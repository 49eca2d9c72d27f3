"""From a host name to the addresses it has just now."""

import asyncio
import ipaddress
import socket

from zonehook.addresses import Address, literal

_PATIENCE_SECONDS = 3


async def addresses_of(host: str) -> list[Address]:
    """Every address of a host, in the order the system prefers; none when it cannot be resolved."""
    written = literal(host)
    if written is not None:
        return [written]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return list(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))
