"""What endpoints that do not answer cost those that do, and what deliveries that wait cost new ones."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bench import helper, shapes, system
from bench.driver import Driver
from bench.helper import Helper
from bench.plan import IN_FLIGHT, BenchFailed, Plan

ALONE, PROMPT, SILENT = "healthy alone", "beside one that answers", "beside one that never answers"
EMPTY, WAITING = "empty", "waiting"
# Types of Connect Domain's catalogue, whose endpoints are never suppressed: one for each company the healthy one keeps
_TYPES = {ALONE: "domain.verified", PROMPT: "ssl.issued", SILENT: "domain.added"}
_REFUSED = "domain.drift"
_REFUSING_ENDPOINTS = 10
_SCALE = 20.0  # so that what failed stays away until the bench is over
_REFUSED_SECONDS = 300.0
_WARM_UP = 40


@dataclass
class Isolation:
    """Waits from 202 to first byte at the healthy endpoint, in ms, by what else went on; rounds taken together."""

    beside: dict[str, list[float]] = field(default_factory=lambda: {ALONE: [], PROMPT: [], SILENT: []})
    backlog: dict[str, list[float]] = field(default_factory=lambda: {EMPTY: [], WAITING: []})
    waiting: int = 0
    rate: float = 0.0

    def p99(self, beside: str) -> float:
        return statistics.quantiles(self.beside[beside], n=100, method="inclusive")[98]

    def p50(self, backlog: str) -> float:
        return statistics.median(self.backlog[backlog])


async def measure(plan: Plan, say: Callable[[str], None]) -> Isolation:
    """On an embedded system of its own. Raises BenchFailed."""
    found = Isolation(waiting=plan.waiting, rate=plan.isolation_rate)
    async with system.running(ZONEHOOK_TIME_SCALE=str(_SCALE)) as running, _room(running.url, running.key) as room:
        await room.trickle(ALONE, 10.0, _WARM_UP / 10)
        for number in range(plan.isolation_rounds):
            kinds = list(found.beside)
            for beside in kinds[number % 3 :] + kinds[: number % 3]:  # none is always first
                say(f"isolation, round {number + 1} of {plan.isolation_rounds}: {beside}")
                found.beside[beside] += await room.trickle(beside, plan.isolation_rate, plan.isolation_seconds)
            await asyncio.sleep(5.0)  # the last silent attempts time out
        for backlog in (EMPTY, WAITING):
            if backlog == WAITING:
                say(f"refusing {plan.waiting} deliveries, so that they wait")
                await room.fill(plan.waiting)
            say(f"new deliveries, the back-off {backlog}")
            found.backlog[backlog] += await room.trickle(ALONE, 10.0, plan.isolation_seconds)
    return found


@dataclass
class _Room:
    driver: Driver
    counter: Helper
    sink: Helper
    numbered: int = 1

    async def trickle(self, beside: str, rate: float, seconds: float) -> list[float]:
        """Waits of the healthy endpoint's deliveries at a steady rate of events."""
        first, events = self._reserve(round(rate * seconds))
        await shapes.expect(self.counter, 1, first, events)
        published = await self.driver.at_rate(_TYPES[beside], first, events, rate)
        accepted = {each.number: each.accepted for each in published}
        return [max(0.0, at - accepted[number]) * 1000 for number, at in await shapes.arrivals(self.counter, events)]

    async def fill(self, deliveries: int) -> None:
        """That many deliveries are refused once and wait. Raises BenchFailed when they do not come to that."""
        first, events = self._reserve(deliveries // _REFUSING_ENDPOINTS)
        await self.driver.at_once(_REFUSED, first, events, IN_FLIGHT)
        deadline = time.monotonic() + _REFUSED_SECONDS
        while (await self.sink.ask("counts", 10)).get("/refusing", 0) < events * _REFUSING_ENDPOINTS:
            if time.monotonic() > deadline:
                raise BenchFailed(f"not all of {deliveries} deliveries were refused within {_REFUSED_SECONDS:.0f} s")
            await asyncio.sleep(0.5)
        await asyncio.sleep(3.0)  # the last ones are written down

    def _reserve(self, events: int) -> tuple[int, int]:
        first, self.numbered = self.numbered, self.numbered + events
        return first, events


@contextlib.asynccontextmanager
async def _room(url: str, key: str) -> AsyncIterator[_Room]:
    async with contextlib.AsyncExitStack() as stack:
        counter = await stack.enter_async_context(helper.running("bench.receiver"))
        sink = await stack.enter_async_context(helper.running("bench.sink"))
        driver = await stack.enter_async_context(Driver(url, key))
        endpoints = [(f"{counter.hello['url']}/", list(_TYPES.values()), "standard")]
        endpoints += [(f"{sink.hello['url']}/prompt", [_TYPES[PROMPT]], "connect-domain")]
        endpoints += [(f"{sink.hello['url']}/silent", [_TYPES[SILENT]], "connect-domain")]
        endpoints += [(f"{sink.hello['url']}/refusing", [_REFUSED], "connect-domain")] * _REFUSING_ENDPOINTS
        for where, types, dialect in endpoints:
            await driver.post("/v1/webhook-endpoints", {"url": where, "events": types, "dialect": dialect})
        yield _Room(driver, counter, sink)
