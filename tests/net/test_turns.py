"""Who may make an attempt at once, who waits for a place, and who is sent away until when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

import worker
from zonehook.net import turns
from zonehook.net.turns import TooManyAtOnce, Turns

_AGES_SECONDS = 600.0


@contextlib.asynccontextmanager
async def _attempts(taking: Turns, count: int, url: str = "one", host: str = "host") -> AsyncIterator[None]:
    """So many attempts have a place, or wait for one."""

    async def attempt() -> None:
        async with taking.turn(url, host):
            await asyncio.Event().wait()

    under_way = [asyncio.create_task(attempt()) for _ in range(count)]
    await asyncio.sleep(0)
    yield
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


async def _sent_away(taking: Turns, url: str = "one", host: str = "host") -> float:
    with pytest.raises(TooManyAtOnce) as postponed:
        async with asyncio.timeout(_AGES_SECONDS / 60), taking.turn(url, host):
            pass
    return postponed.value.again_after


@pytest.mark.rows("ALL-01")
async def test_a_long_queue_holds_no_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are places may wait for one; whoever comes then is sent away at once."""
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", _AGES_SECONDS)
    taking = Turns()
    async with _attempts(taking, 2 * 50):
        assert await _sent_away(taking) == 3


@pytest.mark.rows("ALL-01")
async def test_many_endpoints_of_a_host_hold_no_more_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a host that has all of its places taken as many wait, however many endpoints it has."""
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", _AGES_SECONDS)
    taking = Turns()
    async with contextlib.AsyncExitStack() as stack:
        for number in range(8):
            await stack.enter_async_context(_attempts(taking, 50, url=str(number)))
        assert await _sent_away(taking, url="another") == 3


async def test_whoever_waits_gets_the_place_that_becomes_free() -> None:
    """Beyond those who have a place, others wait a moment for it and are not sent away."""
    taking = Turns()
    entered = asyncio.Event()

    async def attempt() -> None:
        async with taking.turn("one", "host"):
            entered.set()

    async with _attempts(taking, 50):
        waiting = asyncio.create_task(attempt())
        await asyncio.sleep(0)
        assert not entered.is_set()
    await asyncio.wait_for(waiting, 5)


async def test_the_longer_the_queue_the_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who are sent away come again one by one, five a second, and none later than in a quarter of an hour."""
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.0)
    taking = Turns()
    async with _attempts(taking, 50):
        waits = [await _sent_away(taking) for _ in range(4600)]
    assert waits == sorted(waits)
    assert (waits[0], waits[999], waits[-1]) == (3, 200, 900)


def test_it_takes_five_silent_hosts_to_fill_a_worker() -> None:
    """A host has a fifth of the worker's places, and an endpoint a quarter of its host's."""
    assert (worker._CONCURRENT_ATTEMPTS, turns._OF_A_HOST, turns._OF_AN_ENDPOINT) == (1000, 200, 50)
