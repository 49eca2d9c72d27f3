"""What each part of an installation costs a delivery: Temporal, the API, a worker and PostgreSQL, each a process."""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bench import helper, processes, shapes, system
from bench.driver import Driver
from bench.helper import Helper
from bench.plan import IN_FLIGHT, TYPES, WARM_UP_EVENTS, Plan
from bench.system import System
from tests.store import postgres

LANES = {"default": "0", "fast": "1"}
PARTS = ("Temporal", "API", "worker", "PostgreSQL")
_TAIL_SECONDS = 2.0  # for the last deliveries' workflows to be closed


@dataclass
class Parts:
    """CPU in ms per delivery, by lane and fan-out, then by part. Empty where there is no PostgreSQL to run."""

    cpu_ms: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)


async def measure(plan: Plan, say: Callable[[str], None]) -> Parts:
    """On an installation of its own for each lane. Raises BenchFailed."""
    found = Parts()
    programs = postgres.programs()
    if programs is None:
        say("no PostgreSQL on this machine, so the parts are not measured one by one")
        return found
    for lane, setting in LANES.items():
        with postgres.running(programs) as address:
            say(f"the parts one by one, {lane} lane")
            async with _installation(address, setting) as (running, pids):
                for fan_out, events in plan.events.items():
                    found.cpu_ms[lane, fan_out] = await _measure(running, pids, fan_out, events)
    return found


async def _measure(
    running: System, pids: Callable[[], dict[str, list[int]]], fan_out: int, events: int
) -> dict[str, float]:
    async with helper.running("bench.receiver") as receiver, Driver(running.url, running.key) as driver:
        await _register(driver, receiver, fan_out)
        used: list[dict[str, float]] = []
        first = 1
        for count in (WARM_UP_EVENTS, events, events, events):  # the first warms up
            before = _used(pids())
            await shapes.expect(receiver, fan_out, first, count)
            await driver.at_once(TYPES[fan_out], first, count, IN_FLIGHT)
            await shapes.arrivals(receiver, fan_out * count)
            await asyncio.sleep(_TAIL_SECONDS)
            after = _used(pids())
            used.append({part: (after[part] - before[part]) * 1000 / (count * fan_out) for part in PARTS})
            first += count
    return {part: statistics.median(each[part] for each in used[1:]) for part in PARTS}


@contextlib.asynccontextmanager
async def _installation(address: str, lane: str) -> AsyncIterator[tuple[System, Callable[[], dict[str, list[int]]]]]:
    settings = {"ZONEHOOK_DATABASE_URL": f"postgresql://{address}/postgres", "ZONEHOOK_FAST_LANE": lane}
    with system.home() as folder:
        async with system.running(folder, ZONEHOOK_EMBEDDED_WORKER="0", **settings) as running:
            own = {"ZONEHOOK_HOME": folder, "TEMPORAL_ADDRESS": running.temporal}
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "worker", cwd=system.ROOT,
                env=os.environ | settings | own | {"ZONEHOOK_ALLOWED_TARGETS": "127.0.0.0/8"},
            )  # fmt: skip
            database = _listening(address.rpartition(":")[2])

            def pids() -> dict[str, list[int]]:
                api, temporal = running.pids
                family = processes.family(database)  # it has a process for each connection
                return {"Temporal": [temporal], "API": [api], "worker": [worker.pid], "PostgreSQL": family}

            try:
                yield running, pids
            finally:
                worker.terminate()
                await worker.wait()


async def _register(driver: Driver, receiver: Helper, fan_out: int) -> None:
    for number in range(fan_out):
        body = {"url": f"{receiver.hello['url']}/{number}", "events": [TYPES[fan_out]]}
        await driver.post("/v1/webhook-endpoints", body)


def _used(pids: dict[str, list[int]]) -> dict[str, float]:
    return {part: sum(processes.cpu_seconds(each) or 0.0 for each in family) for part, family in pids.items()}


def _listening(port: str) -> int:
    """The process id of the PostgreSQL on this port."""
    shown = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0]) for line in shown.splitlines() if "postgres" in line and f"-p {port} " in line)
