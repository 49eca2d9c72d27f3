"""Names are looked up once at a time, and whoever waits for a slow one waits alone."""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.net.conftest import LOOPBACK
from zonehook import canary
from zonehook.addresses import Address
from zonehook.errors import Unavailable
from zonehook.net import resolving
from zonehook.net.resolving import NotAsked, addresses_of
from zonehook.net.sender import Sender
from zonehook.verdicts import SendError

FOUND: list[Address] = [ipaddress.ip_address("192.0.2.1")]
_HANGS_SECONDS = 10


class Names:
    """Name servers of the test's own: those of slow.example answer when they are released, the others at once."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.began = threading.Event()
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        self.began.set()
        if host.startswith("slow"):
            self.release.wait(_HANGS_SECONDS)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 0))]

    async def are_asked(self) -> None:
        assert await asyncio.to_thread(self.began.wait, _HANGS_SECONDS)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """With two threads for look-ups."""
    names, threads = Names(), ThreadPoolExecutor(2)
    monkeypatch.setattr(resolving._of_deliveries, "_threads", threads)
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.release.set()
    threads.shutdown()


@pytest.mark.rows("ALL-01")
async def test_a_slow_host_holds_one_thread(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """Askers that lost their patience with a host are followed by others: it is looked up once, others still are."""
    monkeypatch.setattr(resolving, "_PATIENCE_SECONDS", 0.05)
    for _ in range(3):
        assert await asyncio.gather(*(addresses_of("slow.example") for _ in range(3))) == [[], [], []]
    monkeypatch.setattr(resolving, "_PATIENCE_SECONDS", _HANGS_SECONDS)
    assert await addresses_of("healthy.example") == FOUND
    assert names.asked == ["slow.example", "healthy.example"]


async def test_all_who_ask_get_what_is_found(names: Names) -> None:
    """Whoever asks while a host is looked up gets what comes of it; whoever asks afterwards has it looked up anew."""
    first = asyncio.create_task(addresses_of("slow.example"))
    await names.are_asked()
    others = [asyncio.create_task(addresses_of("slow.example")) for _ in range(5)]
    await asyncio.sleep(0)
    names.release.set()
    assert await asyncio.gather(first, *others) == [FOUND] * 6
    assert await addresses_of("slow.example") == FOUND
    assert names.asked == ["slow.example"] * 2


@pytest.mark.parametrize("has_begun", [True, False])
async def test_a_cancelled_asker_takes_it_from_nobody(
    names: Names, monkeypatch: pytest.MonkeyPatch, has_begun: bool
) -> None:
    """The attempt that began a look-up may end before it: those who joined go on, also if the look-up still queues."""
    if not has_begun:
        only = ThreadPoolExecutor(1)
        monkeypatch.setattr(resolving._of_deliveries, "_threads", only)
        only.submit(names.release.wait, _HANGS_SECONDS)
    first, other = (asyncio.create_task(addresses_of("slow.example")) for _ in range(2))
    await (names.are_asked() if has_begun else asyncio.sleep(0))
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    names.release.set()
    assert await other == FOUND
    assert names.asked == ["slow.example"]


async def test_a_loop_that_ended_is_no_hindrance(names: Names) -> None:
    """A look-up outlives the loop it was asked from, and another loop joins it."""
    begun = resolving._of_deliveries._joined("slow.example")

    async def ask() -> None:
        asking = asyncio.create_task(addresses_of("slow.example"))
        await names.are_asked()
        asking.cancel()

    await asyncio.to_thread(asyncio.run, ask())
    here = asyncio.create_task(addresses_of("slow.example"))
    await asyncio.sleep(0)
    assert resolving._of_deliveries._joined("slow.example") is begun
    names.release.set()
    assert await here == FOUND
    assert names.asked == ["slow.example"]


async def test_a_look_up_that_could_not_begin(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that queued all the time behind other slow ones is nobody's failure but ours; an asker that joins it, too."""
    monkeypatch.setattr(resolving, "_PATIENCE_SECONDS", 0.2)
    for _ in range(2):
        resolving._of_deliveries._threads.submit(names.release.wait, _HANGS_SECONDS)
    sender = Sender(LOOPBACK)
    with pytest.raises(Unavailable):
        await sender.post("https://healthy.example/", {}, b"{}", 5)
    with pytest.raises(NotAsked):
        await addresses_of("healthy.example")
    names.release.set()
    assert await addresses_of("healthy.example") == FOUND
    assert names.asked == ["healthy.example"]  # what was given up while it queued was never asked
    await sender.close()


async def test_the_canary_keeps_no_delivery_from_its_look_up(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slow names are asked of the canary, names of deliveries are looked up."""
    monkeypatch.setattr(resolving, "_PATIENCE_SECONDS", 0.2)
    slow = [asyncio.create_task(canary.resolves(f"slow-{number}.example")) for number in range(20)]
    await names.are_asked()
    found = await addresses_of("healthy.example")
    told = await asyncio.gather(*slow, return_exceptions=True)

    assert found == FOUND
    assert [each for each in told if each is not False and not isinstance(each, Unavailable)] == []
    assert any(isinstance(each, Unavailable) for each in told)


async def test_a_name_that_does_not_exist() -> None:
    """The system's own resolver finds nothing under .invalid, and the attempt is called so."""
    sender = Sender(LOOPBACK)
    answer = await sender.post("https://hooks.invalid/", {}, b"{}", 10)
    assert (answer.status_code, answer.error) == (None, SendError.DNS_FAILURE)
    await sender.close()
