"""The two measurements: a burst for throughput and its cost, a steady trickle for latency."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from bench import metrics, processes, shapes
from bench.plan import TYPES, WARM_UP_EVENTS
from bench.processes import Others
from bench.shapes import OverHttp, Shape

_TAIL_SECONDS = 1.0  # for the workflows of the last deliveries to be closed


@dataclass(frozen=True)
class Burst:
    """One burst. `writes` are Temporal's by kind, `records` our own database's and `cpu_ms` each process's, all per
    delivery. `others` is the share of the machine's CPU that went elsewhere meanwhile.
    """

    shape: str
    fan_out: int
    per_second: float
    writes: dict[str, float]
    records: dict[str, float]
    cpu_ms: dict[str, float]
    others: float


@dataclass(frozen=True)
class Trickle:
    """Latencies at a steady rate, in ms: `waits` from 202 to arrival by delivery, `calls` of publishing by event."""

    shape: str
    fan_out: int
    rate: float
    waits: list[float]
    calls: list[float]
    others: float


class Bench:
    """Measures shapes. Numbers every event once. `ours` are all processes that take part, this one among them."""

    def __init__(self, client: httpx.AsyncClient, receiver: int, ours: list[int]) -> None:
        self._client = client
        self._receiver = receiver
        self._ours = ours
        self._next = 1
        self._counts: dict[str, Counter[str]] = {}

    async def warm_up(self, every: Sequence[Shape]) -> None:
        """Connections, pollers and caches as they are after a while."""
        for shape in every:
            await shape.burst(1, self._reserve(WARM_UP_EVENTS), WARM_UP_EVENTS)
        for shape in every:
            await self._count(shape)

    async def burst(self, shape: Shape, fan_out: int, events: int) -> Burst:
        """From the first publishing call to the last arrival; costs until every workflow is closed."""
        first = self._reserve(events)
        before, used_before = self._counts[shape.engine.metrics], self._used(shape)
        records_before = await metrics.records(self._client, shape.records)
        published, others = time.process_time(), Others(self._ours)
        began, seen = await shape.burst(fan_out, first, events)
        published, share = time.process_time() - published, others.share()
        after, used = await self._count(shape), self._used(shape)
        records = await metrics.records(self._client, shape.records)
        deliveries = events * fan_out
        return Burst(
            shape=shape.name,
            fan_out=fan_out,
            per_second=deliveries / (max(at for _, at in seen) - began),
            writes={kind: (after[kind] - before[kind]) / deliveries for kind in after},
            records={kind: (records[kind] - records_before[kind]) / deliveries for kind in records},
            cpu_ms={name: (used[name] - used_before[name]) * 1000 / deliveries for name in used}
            | {"publisher": published * 1000 / deliveries},
            others=share,
        )

    async def trickle(self, shape: OverHttp, fan_out: int, rate: float, seconds: float) -> Trickle:
        """A steady rate that the machine carries easily: how long one delivery takes when nothing is in its way."""
        events = max(1, round(rate * seconds))
        first, others = self._reserve(events), Others(self._ours)
        await shapes.expect(shape.counter, fan_out, first, events)
        published = await shape.driver.at_rate(TYPES[fan_out], first, events, rate)
        accepted = {each.number: each.accepted for each in published}
        seen = await shapes.arrivals(shape.counter, events * fan_out)
        await asyncio.sleep(_TAIL_SECONDS)
        return Trickle(
            shape=shape.name,
            fan_out=fan_out,
            rate=rate,
            waits=[max(0.0, at - accepted[number]) * 1000 for number, at in seen],  # some come before their 202
            calls=[(each.accepted - each.began) * 1000 for each in published],
            others=others.share(),
        )

    def _reserve(self, events: int) -> int:
        first, self._next = self._next, self._next + events
        return first

    async def _count(self, shape: Shape) -> Counter[str]:
        """Waits until the server is quiet. It stays so until its next burst, whose first count this is."""
        page = shape.engine.metrics
        self._counts[page] = await metrics.quiet(self._client, page)
        return self._counts[page]

    def _used(self, shape: Shape) -> dict[str, float]:
        pids = {"Temporal": shape.engine.pid, "worker": shape.worker, "receiver": self._receiver}
        used = {name: processes.cpu_seconds(pid) for name, pid in pids.items()}
        return {name: seconds for name, seconds in used.items() if seconds is not None}
