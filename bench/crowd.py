"""Whether a system that holds many deliveries, finished and waiting, is as quick as an empty one."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bench import helper, processes, shapes, system
from bench.driver import Driver
from bench.helper import Helper
from bench.plan import IN_FLIGHT, WARM_UP_EVENTS, BenchFailed, Crowd
from bench.system import System
from zonehook import messages

EMPTY, FULL = "empty", "full"
# Types of Connect Domain's catalogue, whose endpoints are never suppressed
_NEW, _REFUSED, _DONE = "domain.verified", "domain.drift", "domain.added"
_REFUSING_ENDPOINTS, _PROMPT_ENDPOINTS = 10, 50
_SCALE = 200.0  # what was refused stays away until the bench is over
_FILL_SECONDS = 1500.0
_BURST = 200
_REST_SECONDS = 5.0  # what a burst leaves to be done is not the next round's
# Every workflow task leaves a timer behind that watches its time limit, and each is looked at when that is over, though
# the task was done long before. Those of a crowd that came at once fall due at once, which is not what is compared here
_SETTLED_SECONDS = messages.TASK_TIMEOUT.total_seconds() + 5.0


@dataclass
class Flatness:
    """Of each side, rounds taken together: waits from 202 to first byte in ms at a steady rate, and deliveries a second
    in bursts. `waiting_kb` is what one waiting delivery adds to the memory of both processes.
    """

    crowd: Crowd
    waits: dict[str, list[float]] = field(default_factory=lambda: {EMPTY: [], FULL: []})
    rates: dict[str, list[float]] = field(default_factory=lambda: {EMPTY: [], FULL: []})
    filled_seconds: float = 0.0
    waiting_kb: dict[str, float] = field(default_factory=dict)

    def ratio(self, kind: str) -> float:
        """Full to empty: of the median wait, or of the median rate."""
        of = self.waits if kind == "p50" else self.rates
        return statistics.median(of[FULL]) / statistics.median(of[EMPTY])


async def measure(crowd: Crowd, say: Callable[[str], None]) -> Flatness:
    """On two systems of its own, side by side and in turns. Raises BenchFailed."""
    found = Flatness(crowd)
    settings = {"ZONEHOOK_TIME_SCALE": str(_SCALE)}
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(system.home())
        counters = [await stack.enter_async_context(helper.running("bench.receiver")) for _ in range(2)]
        sink = await stack.enter_async_context(helper.running("bench.sink"))
        # In the fast lane, to be done sooner; what it leaves behind is what the default lane would
        async with (
            system.running(folder, ZONEHOOK_FAST_LANE="1", **settings) as filling,
            _room(filling, counters[0], sink) as room,
        ):
            await room.register()
            await _fill(room, found, say)
        numbered = room.numbered
        async with (
            system.running(folder, **settings) as full,
            system.running(**settings) as empty,
            _room(full, counters[0], sink) as crowded,
            _room(empty, counters[1], sink) as lone,
        ):
            await lone.register()
            crowded.numbered = numbered
            await _compare({EMPTY: lone, FULL: crowded}, found, say)
    return found


async def _fill(room: "_Room", found: Flatness, say: Callable[[str], None]) -> None:
    began, crowd = time.monotonic(), found.crowd
    say(f"delivering {crowd.finished} and refusing {crowd.waiting}, so that they wait")
    await room.fill(_DONE, "/prompt", crowd.finished // _PROMPT_ENDPOINTS, _PROMPT_ENDPOINTS)
    await asyncio.sleep(2.0)
    before = room.memory()
    await room.fill(_REFUSED, "/refusing", crowd.waiting // _REFUSING_ENDPOINTS, _REFUSING_ENDPOINTS)
    await asyncio.sleep(3.0)  # the last ones are written down
    after = room.memory()
    await asyncio.sleep(_SETTLED_SECONDS)
    found.waiting_kb = {name: (after[name] - before[name]) * 1000 / max(1, crowd.waiting) for name in after}
    found.filled_seconds = time.monotonic() - began


async def _compare(rooms: dict[str, "_Room"], found: Flatness, say: Callable[[str], None]) -> None:
    for room in rooms.values():
        await room.burst(WARM_UP_EVENTS)
    for number in range(found.crowd.rounds):
        say(f"new deliveries, round {number + 1} of {found.crowd.rounds}")
        sides = [EMPTY, FULL] if number % 2 == 0 else [FULL, EMPTY]
        # There and back again: a machine that becomes slower meanwhile is so for both
        for side in sides + sides[::-1]:
            found.waits[side] += await rooms[side].trickle(10.0, found.crowd.seconds / 2)
        for side in sides:
            found.rates[side].append(await rooms[side].burst(_BURST))
        await asyncio.sleep(_REST_SECONDS)


@dataclass
class _Room:
    running: System
    driver: Driver
    counter: Helper
    sink: Helper
    numbered: int = 1

    async def register(self) -> None:
        """The endpoint of new deliveries, and those of the crowd."""
        endpoints = [(f"{self.counter.hello['url']}/", _NEW)]
        endpoints += [(f"{self.sink.hello['url']}/refusing", _REFUSED)] * _REFUSING_ENDPOINTS
        endpoints += [(f"{self.sink.hello['url']}/prompt", _DONE)] * _PROMPT_ENDPOINTS
        for where, type_ in endpoints:
            body = {"url": where, "events": [type_], "dialect": "connect-domain" if type_ == _REFUSED else "standard"}
            await self.driver.post("/v1/webhook-endpoints", body)

    async def trickle(self, rate: float, seconds: float) -> list[float]:
        """Waits of new deliveries at a steady rate."""
        first, events = self._reserve(round(rate * seconds))
        await shapes.expect(self.counter, 1, first, events)
        published = await self.driver.at_rate(_NEW, first, events, rate)
        accepted = {each.number: each.accepted for each in published}
        return [max(0.0, at - accepted[number]) * 1000 for number, at in await shapes.arrivals(self.counter, events)]

    async def burst(self, count: int) -> float:
        """New deliveries per second, as fast as they go."""
        first, events = self._reserve(count)
        await shapes.expect(self.counter, 1, first, events)
        published = await self.driver.at_once(_NEW, first, events, IN_FLIGHT)
        seen = await shapes.arrivals(self.counter, events)
        return events / (max(at for _, at in seen) - min(each.began for each in published))

    async def fill(self, type_: str, path: str, count: int, fan_out: int) -> None:
        """That many events have had their first attempts. Raises BenchFailed when they do not come to that."""
        first, events = self._reserve(count)
        await self.driver.at_once(type_, first, events, IN_FLIGHT)
        deadline = time.monotonic() + _FILL_SECONDS
        while (await self.sink.ask("counts", 10)).get(path, 0) < events * fan_out:
            if time.monotonic() > deadline:
                raise BenchFailed(f"not all of {events * fan_out} deliveries came within {_FILL_SECONDS:.0f} s")
            await asyncio.sleep(0.5)

    def memory(self) -> dict[str, float]:
        """Resident MB of Zonehook and of Temporal."""
        own, *others = self.running.pids
        return {"zonehook": processes.memory_mb([own]), "temporal": processes.memory_mb(others)}

    def _reserve(self, events: int) -> tuple[int, int]:
        first, self.numbered = self.numbered, self.numbered + events
        return first, events


@contextlib.asynccontextmanager
async def _room(running: System, counter: Helper, sink: Helper) -> AsyncIterator[_Room]:
    async with Driver(running.url, running.key) as driver:
        yield _Room(running, driver, counter, sink)
