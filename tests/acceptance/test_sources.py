"""Where deliveries come from is published, and true."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.net.answers import OK, saying
from tests.net.listeners import listening
from tests.running import House, running

FINE = OK + b"content-length: 0\r\n\r\n"


@pytest.mark.rows("NOV-47", "NOV-48")
async def test_deliveries_leave_from_the_published_ranges(
    tmp_path: Path, trusting: dict[str, str], server_tls: ssl.SSLContext
) -> None:
    """`/ips` tells the configured ranges to anybody, and a receiver sees deliveries come from the address in them."""
    peers: asyncio.Queue[str] = asyncio.Queue()

    async def note(writer: asyncio.StreamWriter) -> None:
        peers.put_nowait(writer.get_extra_info("peername")[0])
        await saying(FINE)(writer)

    settings = {"ZONEHOOK_SOURCE_RANGES": "127.0.0.2/31, 2001:db8::/64", "ZONEHOOK_SOURCE_ADDRESS": "127.0.0.2"}
    async with running(tmp_path, trusting | settings) as house, listening(note, server_tls) as listener:
        account = house.account()
        del account.client.headers["Authorization"]
        told = await account.call("GET", "/ips", status=200)
        account = house.account()
        await account.register(listener.url())
        await account.publish()
        async with asyncio.timeout(30):
            peer = await peers.get()

    assert told == {"ranges": ["127.0.0.2/31", "2001:db8::/64"]}
    assert peer == "127.0.0.2"


@pytest.mark.rows("NOV-47")
async def test_no_ranges(house: House) -> None:
    """Where the operator names no ranges, none are told."""
    assert await house.account().call("GET", "/ips", status=200) == {"ranges": []}
