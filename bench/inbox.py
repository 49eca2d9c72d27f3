"""Publishing by signals: how many a second into one inbox and into twenty, and how soon one is at the receiver."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client

from bench import helper, shapes, system
from bench.driver import Driver, at_times, crowded, data, evenly
from bench.helper import Helper
from bench.plan import IN_FLIGHT, TYPES, WARM_UP_EVENTS, Plan
from zonehook import home as homes
from zonehook import producers, temporal

LANES = {"default": "0", "fast": "1"}
ONE, TWENTY, REST = "one inbox", "20 inboxes", "REST"
WAYS = (ONE, TWENTY, REST)
_RATE = 10.0  # signals a second, while it is measured how soon they arrive
_ACCOUNTS = 20
_TAIL_SECONDS = 2.0  # for the workflows of the last deliveries to be closed


@dataclass
class Inboxes:
    """By lane and way: `taken`, calls that returned, and `delivered`, arrivals, a second, each round's. By lane:
    `waits` in ms from the signal's being durable to the first byte.
    """

    taken: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    delivered: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=dict)


async def measure(plan: Plan, say: Callable[[str], None]) -> Inboxes:
    """On a system of its own for each lane. Raises BenchFailed."""
    found = Inboxes()
    for lane, setting in LANES.items():
        async with _room(setting) as room:
            await room.burst(ONE, WARM_UP_EVENTS)
            await room.burst(TWENTY, WARM_UP_EVENTS)
            await asyncio.sleep(_TAIL_SECONDS)
            say(f"signals, {_RATE:.0f} a second, {lane} lane")
            found.waits[lane] = await room.trickle(round(_RATE * plan.latency_seconds))
            for number in range(plan.rounds):
                for way in (*WAYS[number % 3 :], *WAYS[: number % 3]):  # none is always first
                    say(f"signals, round {number + 1} of {plan.rounds}, {lane} lane: {way}")
                    taken, delivered = await room.burst(way, plan.events[1])
                    found.taken.setdefault((lane, way), []).append(taken)
                    found.delivered.setdefault((lane, way), []).append(delivered)
                    await asyncio.sleep(_TAIL_SECONDS)
    return found


def rows(found: Inboxes) -> list[list[str]]:
    """For a table: lane, way, signals and deliveries a second, and where it was measured p50 and p99 of the waits."""
    table = []
    for (lane, way), taken in found.taken.items():
        rates = [f"{statistics.median(each):.0f}" for each in (taken, found.delivered[lane, way])]
        cuts = statistics.quantiles(found.waits[lane], n=100, method="inclusive")
        waits = [f"{cuts[49]:.0f}", f"{cuts[98]:.0f}"] if way == ONE else ["", ""]
        table.append([lane, way, *rates, *waits])
    return table


HEADS = ["lane", "into", "signals/s", "deliveries/s", "p50 at 10/s", "p99 at 10/s"]


@dataclass
class _Room:
    client: Client
    driver: Driver
    counter: Helper
    accounts: list[int]
    numbered: int = 1

    async def burst(self, way: str, events: int) -> tuple[float, float]:
        """Calls that returned a second, and deliveries a second."""
        first = self._reserve(events)
        await shapes.expect(self.counter, 1, first, events)
        began = time.time()
        if way == REST:
            await self.driver.at_once(TYPES[1], first, events, IN_FLIGHT)
        else:
            await self._signal(first, events, self.accounts[: 1 if way == ONE else _ACCOUNTS])
        taken = time.time()
        last = max(at for _, at in await shapes.arrivals(self.counter, events))
        return events / (taken - began), events / (last - began)

    async def trickle(self, events: int) -> list[float]:
        """Waits at a steady rate into one inbox."""
        first = self._reserve(events)
        await shapes.expect(self.counter, 1, first, events)
        durable = await at_times(evenly(events, _RATE), lambda index: self._publish(self.accounts[0], first + index))
        seen = await shapes.arrivals(self.counter, events)
        return [max(0.0, at - durable[number - first]) * 1000 for number, at in seen]

    async def _signal(self, first: int, events: int, accounts: list[int]) -> None:
        numbers = range(first, first + events)
        await crowded(numbers, IN_FLIGHT, lambda number: self._publish(accounts[number % len(accounts)], number))

    async def _publish(self, account_id: int, number: int) -> float:
        """When it was durable, in Unix time."""
        await producers.publish(self.client, account_id, type=TYPES[1], data=data(number))
        return time.time()

    def _reserve(self, events: int) -> int:
        first, self.numbered = self.numbered, self.numbered + events
        return first


@contextlib.asynccontextmanager
async def _room(lane: str) -> AsyncIterator[_Room]:
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(system.home())
        counter = await stack.enter_async_context(helper.running("bench.receiver"))
        running = await stack.enter_async_context(system.running(folder, ZONEHOOK_FAST_LANE=lane))
        driver = await stack.enter_async_context(Driver(running.url, running.key))
        keys = homes.read_credentials(Path(folder)) or {}
        accounts = {int(keys["account_id"]): running.key}
        accounts |= await _more_accounts(running.url, str(keys["operator_key"]))
        for key in accounts.values():
            async with Driver(running.url, key) as own:
                await own.post("/v1/webhook-endpoints", {"url": f"{counter.hello['url']}/", "events": [TYPES[1]]})
        client = await temporal.connect(running.temporal)
        yield _Room(client, driver, counter, list(accounts))


async def _more_accounts(url: str, operator_key: str) -> dict[int, str]:
    async with Driver(url, operator_key) as operator:
        made = [
            await operator.post("/v1/accounts", {"name": f"bench {number}", "dialect": "standard"})
            for number in range(_ACCOUNTS - 1)
        ]
    return {int(each["id"]): str(each["api_key"]) for each in made}
