"""The three shapes that are measured side by side, and what one burst of each needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.driver import Driver
from bench.helper import Helper
from bench.plan import ARRIVAL_SECONDS, IN_FLIGHT, TYPES, BenchFailed

REAL = "Zonehook"
FAST = "Zonehook, fast lane"
NOOP = "no-op"
NOOP_HTTP = "no-op over HTTP"

Arrival = tuple[int, float]


@dataclass(frozen=True)
class Engine:
    """The Temporal server a shape runs on: its process id and its metrics page."""

    pid: int
    metrics: str


class Shape(Protocol):
    """`worker` is the process id of the worker that does the work, `records` the metrics page that counts its
    statements to the database; empty where there is none.
    """

    name: str
    worker: int
    engine: Engine
    records: str

    async def burst(self, fan_out: int, first: int, events: int) -> tuple[float, Sequence[Arrival]]:
        """Events from number `first` on, as fast as they go: when the first began, and every arrival."""
        ...


@dataclass
class OverHttp:
    """Published over HTTP from the bench's process, as a producer does. `counter` notes the arrivals."""

    name: str
    worker: int
    engine: Engine
    driver: Driver
    counter: Helper
    records: str = ""

    async def burst(self, fan_out: int, first: int, events: int) -> tuple[float, Sequence[Arrival]]:
        await expect(self.counter, fan_out, first, events)
        published = await self.driver.at_once(TYPES[fan_out], first, events, IN_FLIGHT)
        return min(each.began for each in published), await arrivals(self.counter, fan_out * events)


@dataclass
class InProcess:
    """Started by a loop in the worker's own process: what the engine does when nothing is around it."""

    name: str
    worker: int
    engine: Engine
    counter: Helper
    records: str = ""

    async def burst(self, fan_out: int, first: int, events: int) -> tuple[float, Sequence[Arrival]]:
        await expect(self.counter, fan_out, first, events)
        asked = {"type": TYPES[fan_out], "first": first, "events": events, "in_flight": IN_FLIGHT}
        started = await self.counter.ask("start", ARRIVAL_SECONDS, **asked)
        return float(started["began"]), await arrivals(self.counter, fan_out * events)


async def expect(counter: Helper, fan_out: int, first: int, events: int) -> None:
    """Lets the counter begin anew."""
    await counter.ask("expect", 10, first=first, count=fan_out * events)


async def arrivals(counter: Helper, count: int) -> Sequence[Arrival]:
    """Every arrival since `expect`. Raises BenchFailed when some do not come."""
    come = await counter.ask("come", ARRIVAL_SECONDS + 10, seconds=ARRIVAL_SECONDS)
    seen = [(int(number), float(at)) for number, at in come["arrivals"]]
    if len(seen) < count:
        raise BenchFailed(f"only {len(seen)} of {count} deliveries came within {ARRIVAL_SECONDS:.0f} s")
    return seen
