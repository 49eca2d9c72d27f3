"""Deliveries leave from the address that the operator names, and from no other."""

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence

import pytest
import trustme

from tests.net.answers import OK, saying
from tests.net.conftest import LOOPBACK
from tests.net.listeners import certified, listening
from zonehook import addresses
from zonehook.addresses import Address
from zonehook.errors import Invalid, Unavailable
from zonehook.net import sender as senders
from zonehook.net.sender import Sender
from zonehook.verdicts import SendError

FINE = OK + b"content-length: 0\r\n\r\n"
SOURCE = ipaddress.ip_address("127.0.0.2")


async def _loopback(_host: str) -> Sequence[Address]:
    return [ipaddress.ip_address("::1"), ipaddress.ip_address("127.0.0.1")]


async def _loopback_6(_host: str) -> Sequence[Address]:
    return [ipaddress.ip_address("::1")]


@pytest.mark.rows("NOV-48")
async def test_the_receiver_sees_the_source(trusted: None, server_tls: ssl.SSLContext) -> None:
    """The peer that a receiver sees is the source address, every time."""
    peers: list[str] = []

    async def note(writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        await saying(FINE)(writer)

    sender = Sender(LOOPBACK, sources=(SOURCE,))
    async with listening(note, server_tls, keeps=True) as listener:
        answers = [await sender.post(listener.url(), {}, b"{}", 5) for _ in range(3)]
    await sender.close()
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert peers == ["127.0.0.2"] * 3


@pytest.mark.rows("NOV-48")
async def test_each_kind_has_its_own(trusted: None, server_tls: ssl.SSLContext, authority: trustme.CA) -> None:
    """With one source of each kind IPv4 leaves from the one and IPv6 from the other."""
    peers: list[str] = []

    async def note(writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        await saying(FINE)(writer)

    sender = Sender(LOOPBACK, sources=(SOURCE, ipaddress.ip_address("::1")))
    tls = certified(authority, "::1")
    async with listening(note, server_tls) as four, listening(note, tls, host="::1") as six:
        await sender.post(four.url(), {}, b"{}", 5)
        await sender.post(six.url(), {}, b"{}", 5)
    await sender.close()
    assert peers == ["127.0.0.2", "::1"]


@pytest.mark.rows("NOV-48")
async def test_nothing_leaves_from_another_kind_of_address(trusted: None, server_tls: ssl.SSLContext) -> None:
    """With a source of IPv4 alone a host of both kinds is reached over IPv4, and one of IPv6 alone not at all."""
    both = Sender(LOOPBACK, _loopback, (SOURCE,))
    none = Sender(LOOPBACK, _loopback_6, (SOURCE,))
    fine = saying(FINE)
    async with listening(fine, server_tls) as listener:
        reached = await both.post(listener.url("localhost"), {}, b"{}", 5)
    async with listening(fine, server_tls, host="::1") as listener:
        refused = await none.post(listener.url("localhost"), {}, b"{}", 5)
        assert listener.connections == 0
    await both.close()
    await none.close()
    assert reached.status_code == 200
    assert refused.error is SendError.CONNECTION_FAILED


async def test_a_source_that_is_not_here(trusted: None) -> None:
    """An address that this machine does not have stops the start with a sentence that names the setting."""
    with pytest.raises(Invalid, match=r"ZONEHOOK_SOURCE_ADDRESS: nothing can be sent from 192\.0\.2\.10"):
        Sender(LOOPBACK, sources=addresses.parse_sources("192.0.2.10"))


async def test_a_source_that_goes_away(
    trusted: None, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that the machine loses later is nobody's failure but ours: no attempt is used up."""
    monkeypatch.setattr(senders, "_try_source", lambda _source: None)
    sender = Sender(LOOPBACK, sources=addresses.parse_sources("192.0.2.10"))
    async with listening(saying(FINE), server_tls) as listener:
        with pytest.raises(Unavailable):
            await sender.post(listener.url(), {}, b"{}", 5)
    await sender.close()
