"""What an endpoint that does not answer costs one that does."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bench import helper, shapes, system
from bench.driver import Driver
from bench.helper import Helper
from bench.plan import Plan

ALONE, PROMPT, SILENT = "healthy alone", "beside one that answers", "beside one that never answers"
ABSENT = "beside the same events, to which nobody subscribes"
SHARED_PROMPT = "the same events also go to one that answers"
SHARED_SILENT = "the same events also go to one that never answers"
# The same events, but the endpoint that never answers is not there
WITHOUT_IT = {SILENT: ABSENT, SHARED_SILENT: ALONE}
# As many deliveries, and silence is all that differs
WITHOUT_SILENCE = {SILENT: PROMPT, SHARED_SILENT: SHARED_PROMPT}
# Types of Connect Domain's catalogue, whose endpoints are never suppressed
_HEALTHY = "domain.verified"
_COMPANIONS = {ABSENT: "bench.none", PROMPT: "ssl.issued", SILENT: "domain.added"}
_OF_BOTH = {SHARED_PROMPT: "domain.flow.completed", SHARED_SILENT: "domain.drift"}
_SCALE = 60.0  # so that what failed stays away until the bench is over
_WARM_UP = 40
_APART = (ALONE, ABSENT, PROMPT, SILENT)


@dataclass
class Isolation:
    """Waits from 202 to first byte at the healthy endpoint, in ms, by events per second and what else went on; rounds
    taken together.
    """

    beside: dict[tuple[float, str], list[float]] = field(default_factory=dict)

    def p99(self, rate: float, beside: str, against: str) -> str:
        """The one as a multiple of the other."""
        samples = (self.beside[rate, each] for each in (beside, against))
        of_each = [statistics.quantiles(sample, n=100, method="inclusive")[98] for sample in samples]
        return f"{of_each[0] / of_each[1]:.2f}"


async def measure(plan: Plan, say: Callable[[str], None]) -> Isolation:
    """On an embedded system of its own. Raises BenchFailed."""
    found = Isolation({each: [] for each in _kinds(plan)})
    async with system.running(ZONEHOOK_TIME_SCALE=str(_SCALE)) as running, _room(running.url, running.key) as room:
        await room.trickle(ALONE, 10.0, _WARM_UP / 10, 0)
        for number in range(plan.isolation_rounds):
            kinds = list(found.beside)
            turn = number % len(kinds)
            for rate, beside in kinds[turn:] + kinds[:turn]:  # none is always first
                say(f"isolation, round {number + 1} of {plan.isolation_rounds}: {beside}, {rate:g} events/s")
                waits = await room.trickle(beside, rate, plan.isolation_rates[rate], number)
                found.beside[rate, beside] += waits
            await asyncio.sleep(5.0)  # the last silent attempts time out
    return found


def _kinds(plan: Plan) -> list[tuple[float, str]]:
    """The quiet rate first; the same events for both only at the highest."""
    apart = [(rate, beside) for rate in sorted(plan.isolation_rates) for beside in _APART]
    shared = (SHARED_PROMPT, SHARED_SILENT) if plan.isolation_shared else ()
    return apart + [(max(plan.isolation_rates), beside) for beside in shared]


@dataclass
class _Room:
    driver: Driver
    counter: Helper
    sink: Helper
    numbered: int = 1

    async def trickle(self, beside: str, rate: float, seconds: float, number: int) -> list[float]:
        """Waits of the healthy endpoint's deliveries; its company gets as many events of its own, or the same ones. In
        a round they come at the same moments whatever the company: how often they meet is left out of the ratios.
        """
        first, events = self._reserve(round(rate * seconds))
        await shapes.expect(self.counter, 1, first, events)
        type_ = _OF_BOTH.get(beside, _HEALTHY)
        async with asyncio.TaskGroup() as group:
            publishing = group.create_task(self.driver.at_random(type_, first, events, rate, f"healthy {number}"))
            if beside in _COMPANIONS:
                at_random = self.driver.at_random(_COMPANIONS[beside], first, events, rate, f"company {number}")
                group.create_task(at_random)
        accepted = {each.number: each.accepted for each in publishing.result()}
        return [max(0.0, at - accepted[number]) * 1000 for number, at in await shapes.arrivals(self.counter, events)]

    def _reserve(self, events: int) -> tuple[int, int]:
        first, self.numbered = self.numbered, self.numbered + events
        return first, events


@contextlib.asynccontextmanager
async def _room(url: str, key: str) -> AsyncIterator[_Room]:
    async with contextlib.AsyncExitStack() as stack:
        counter = await stack.enter_async_context(helper.running("bench.receiver"))
        sink = await stack.enter_async_context(helper.running("bench.sink"))
        driver = await stack.enter_async_context(Driver(url, key))
        endpoints = [(f"{counter.hello['url']}/", [_HEALTHY, *_OF_BOTH.values()], "standard")]
        endpoints += [(f"{sink.hello['url']}/prompt", [_COMPANIONS[PROMPT], _OF_BOTH[SHARED_PROMPT]], "connect-domain")]
        endpoints += [(f"{sink.hello['url']}/silent", [_COMPANIONS[SILENT], _OF_BOTH[SHARED_SILENT]], "connect-domain")]
        for where, types, dialect in endpoints:
            await driver.post("/v1/webhook-endpoints", {"url": where, "events": types, "dialect": dialect})
        yield _Room(driver, counter, sink)
