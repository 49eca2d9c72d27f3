"""Publishes as a producer would: over REST, from a process of its own."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from bench.plan import BenchFailed

Made = TypeVar("Made")
_PATIENCE_SECONDS = 30.0
_CONNECTION = "5b0d9a63-7f0e-4c58-9c3c-2f6c1d1c7f10"  # what every event is about


@dataclass(frozen=True)
class Published:
    """Event `number`: when its call began and when its 202 was there, in Unix time."""

    number: int
    began: float
    accepted: float


class Driver:
    """Publishes to one server; connections are kept open."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=_PATIENCE_SECONDS,
            trust_env=False,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=200, keepalive_expiry=2.0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def at_once(self, type_: str, first: int, events: int, in_flight: int) -> list[Published]:
        """As fast as `in_flight` calls at a time go."""
        numbers = range(first, first + events)
        return await crowded(numbers, in_flight, lambda number: self._publish(type_, number))

    async def at_rate(self, type_: str, first: int, events: int, per_second: float) -> list[Published]:
        """At a steady rate, however long the answers take."""
        due = evenly(events, per_second)
        return await at_times(due, lambda index: self._publish(type_, first + index))

    async def at_random(self, type_: str, first: int, events: int, per_second: float, seed: str) -> list[Published]:
        """At that rate on the whole, each when it comes, as independent producers publish: a Poisson process, the same
        for the same seed.
        """
        moments = random.Random(seed)
        gaps = [moments.expovariate(per_second) for _ in range(events)]
        due = list(itertools.accumulate(gaps))
        return await at_times(due, lambda index: self._publish(type_, first + index))

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a POST that must succeed."""
        try:
            answer = await self._client.post(path, json=body)
        except httpx.TransportError as problem:
            raise BenchFailed(f"{self._client.base_url} does not answer: {problem!r}") from None
        if not answer.is_success:
            raise BenchFailed(f"{path} answers {answer.status_code}: {answer.text[:300]}")
        content: dict[str, Any] = answer.json()
        return content

    async def _publish(self, type_: str, number: int) -> Published:
        began = time.time()
        await self.post("/v1/events", {"type": type_, "subject": _CONNECTION, "data": data(number)})
        return Published(number, began, time.time())


async def crowded(
    numbers: Iterable[int], in_flight: int, call: Callable[[int], Coroutine[Any, Any, Made]]
) -> list[Made]:
    """What came of the calls, so many at a time, as fast as they go."""
    left = iter(numbers)

    async def some() -> list[Made]:
        return [await call(number) for number in left]

    done = await asyncio.gather(*(some() for _ in range(in_flight)))
    return [each for made in done for each in made]


def evenly(calls: int, per_second: float) -> list[float]:
    """Seconds from now at which a metronome calls."""
    return [index / per_second for index in range(calls)]


async def at_times(due: Sequence[float], call: Callable[[int], Coroutine[Any, Any, Made]]) -> list[Made]:
    """What came of the calls, each begun so many seconds from now, however long those before it take."""
    began = time.monotonic()
    calls = []
    async with asyncio.TaskGroup() as group:
        for index, seconds in enumerate(due):
            await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
            calls.append(group.create_task(call(index)))
    return [each.result() for each in calls]


def data(number: int) -> dict[str, Any]:
    """What event `number` says."""
    return {
        "n": number,
        "hostname": f"www.example-{number}.com",
        "setup_type": "automatic",
        "domain": {
            "id": 181984 + number,
            "name": f"example-{number}.com",
            "state": "registered",
            "auto_renew": False,
            "private_whois": False,
            "expires_at": "2027-06-02T12:00:00Z",
            "created_at": "2026-06-02T12:00:00Z",
        },
    }
