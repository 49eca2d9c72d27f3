"""One run from start to end: everything up, rounds in turn, everything down."""

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench import crowd, helper, inbox, isolation, parts, processes, system
from bench.crowd import Flatness
from bench.driver import Driver
from bench.helper import Helper
from bench.inbox import Inboxes
from bench.isolation import Isolation
from bench.measuring import Bench, Burst, Trickle
from bench.parts import Parts
from bench.plan import CALM, REPEATS, TYPES, BenchFailed, Plan
from bench.shapes import FAST, NOOP, NOOP_HTTP, REAL, Engine, InProcess, OverHttp, Shape
from bench.system import System

_CALM_LOAD = 0.5


@dataclass
class Figures:
    """All that one run found. Rounds are in the order they ran in."""

    ready_seconds: float
    idle_mb: dict[str, float]
    temporal_server: str
    load: float
    repeats: int = 0  # bursts measured again because others were at work
    loaded_mb: dict[str, float] = field(default_factory=dict)
    rounds: list[list[Burst]] = field(default_factory=list)
    trickles: list[Trickle] = field(default_factory=list)
    inboxes: Inboxes = field(default_factory=Inboxes)
    isolation: Isolation = field(default_factory=Isolation)
    flatness: Flatness | None = None
    parts: Parts = field(default_factory=Parts)
    seconds: float = 0.0


@dataclass(frozen=True)
class _House:
    bench: Bench
    real: OverHttp
    fast: OverHttp
    noop: InProcess
    noop_http: OverHttp
    noop_hello: dict[str, Any]

    @property
    def shapes(self) -> list[Shape]:
        return [self.real, self.fast, self.noop, self.noop_http]


async def run(plan: Plan) -> Figures:
    """Raises BenchFailed. Says on standard output what it is doing."""
    began = time.monotonic()
    load = os.getloadavg()[0]
    _say(began, f"starting the embedded system; the load is {load:.1f}{_warning(load)}")
    async with system.running() as running:
        _say(began, f"ready after {running.ready_seconds:.1f} s; idle for {plan.idle_seconds:.0f} s")
        await asyncio.sleep(plan.idle_seconds)
        idle = _memory(running)
        async with system.running(ZONEHOOK_FAST_LANE="1") as fast, _house(running, fast) as house:
            figures = Figures(running.ready_seconds, idle, house.noop_hello["temporal_server"], load)
            _say(began, "warming up every shape")
            await house.bench.warm_up(house.shapes)
            await _rounds(house, plan, figures, began)
            figures.loaded_mb = _memory(running)
            await _trickles(house, plan, figures, began)
        _say(began, "stopping")
    figures.inboxes = await inbox.measure(plan, functools.partial(_say, began))
    figures.isolation = await isolation.measure(plan, functools.partial(_say, began))
    figures.parts = await parts.measure(plan, functools.partial(_say, began))
    figures.flatness = await crowd.measure(plan.crowd, functools.partial(_say, began))
    figures.seconds = time.monotonic() - began
    return figures


async def _rounds(house: _House, plan: Plan, figures: Figures, began: float) -> None:
    for number in range(plan.rounds):
        turn = number % len(house.shapes)
        bursts = []
        for fan_out, events in plan.events.items():
            for shape in house.shapes[turn:] + house.shapes[:turn]:  # nobody is always first
                _say(began, f"round {number + 1} of {plan.rounds}, fan-out {fan_out}, {shape.name}")
                bursts.append(await _undisturbed(house, shape, (fan_out, events), figures, began))
        figures.rounds.append(bursts)


async def _undisturbed(house: _House, shape: Shape, wanted: tuple[int, int], figures: Figures, began: float) -> Burst:
    """A burst; another one in its place if other processes were at work, as long as there are repeats left."""
    while True:
        burst = await house.bench.burst(shape, *wanted)
        again = burst.others > CALM and figures.repeats < REPEATS
        disturbed = f"; others took {burst.others:.0%} of the CPU" if burst.others > CALM else ""
        _say(began, f"  {burst.per_second:.1f} deliveries/s{disturbed}{', so once more' if again else ''}")
        if not again:
            return burst
        figures.repeats += 1


async def _trickles(house: _House, plan: Plan, figures: Figures, began: float) -> None:
    for fan_out, rate, names in plan.rates:
        for shape in [each for each in (house.real, house.fast, house.noop_http) if each.name in names]:
            what = f"fan-out {fan_out}, {rate:.0f} events/s for {plan.latency_seconds:.0f} s, {shape.name}"
            _say(began, f"latency, {what}")
            figures.trickles.append(await house.bench.trickle(shape, fan_out, rate, plan.latency_seconds))


@contextlib.asynccontextmanager
async def _house(running: System, fast: System) -> AsyncIterator[_House]:
    if len(running.pids) < 2:
        raise BenchFailed("the system has no Temporal process of its own")
    async with contextlib.AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(helper.running("bench.receiver"))
        noop = await stack.enter_async_context(helper.running("bench.noop", running.temporal))
        noop_driver = await stack.enter_async_context(Driver(noop.hello["url"], running.key))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        lanes = []
        for name, each in ((REAL, running), (FAST, fast)):
            driver = await stack.enter_async_context(Driver(each.url, each.key))
            await _register(driver, receiver)
            lanes.append(OverHttp(name, each.pids[0], _engine(each), driver, receiver, f"{each.url}/metrics"))
        ours = [os.getpid(), *running.pids, *fast.pids, receiver.pid, noop.pid]
        yield _House(
            Bench(client, receiver.pid, ours),
            lanes[0],
            lanes[1],
            InProcess(NOOP, noop.pid, _engine(running), noop),
            OverHttp(NOOP_HTTP, noop.pid, _engine(running), noop_driver, noop),
            noop.hello,
        )


def _engine(running: System) -> Engine:
    return Engine(running.pids[1], running.metrics)


async def _register(driver: Driver, receiver: Helper) -> None:
    for fan_out, type_ in TYPES.items():
        for number in range(fan_out):
            body = {"url": f"{receiver.hello['url']}/{type_}/{number}", "events": [type_]}
            await driver.post("/v1/webhook-endpoints", body)


def _memory(running: System) -> dict[str, float]:
    own, *others = running.pids
    return {"zonehook": processes.memory_mb([own]), "temporal": processes.memory_mb(others)}


def _warning(load: float) -> str:
    return ": others use this machine, and the figures will be too low" if load > _CALM_LOAD else ""


def _say(began: float, what: str) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)
