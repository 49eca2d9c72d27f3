"""The embedded system as `make run` starts it, in a home of its own that is gone afterwards."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench import processes
from bench.plan import BenchFailed
from zonehook import home as homes

ROOT = Path(__file__).parent.parent
_LOG = "bench.log"
_READY_SECONDS = 60.0
_STOP_SECONDS = 40.0
_OURS = ("TEMPORAL_", "ZONEHOOK_ALLOWED_TARGETS", "ZONEHOOK_RATE_LIMIT")  # what the bench must decide


@dataclass(frozen=True)
class System:
    """A running system. `pids`: its own process, then Temporal's."""

    url: str
    key: str
    temporal: str
    metrics: str
    pids: list[int]
    ready_seconds: float


@contextlib.contextmanager
def home() -> Iterator[str]:
    """A home for one system after the other, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="zonehook-bench-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextlib.asynccontextmanager
async def running(folder: str | None = None, **settings: str) -> AsyncIterator[System]:
    """Started with these settings, in this home or one of its own, and stopped whatever happens.

    Raises BenchFailed with its last words when it does not come up.
    """
    with contextlib.ExitStack() as stack:
        folder = folder or stack.enter_context(home())
        api, grpc, ui, metrics = _free_ports(4)
        began = time.monotonic()
        process = await _start(
            ZONEHOOK_HOME=folder,
            ZONEHOOK_HOST="127.0.0.1",
            ZONEHOOK_PORT=str(api),
            ZONEHOOK_TEMPORAL_PORT=str(grpc),
            ZONEHOOK_TEMPORAL_UI_PORT=str(ui),
            ZONEHOOK_TEMPORAL_METRICS_PORT=str(metrics),
            **settings,
        )
        try:
            if not await _ready(process, f"http://127.0.0.1:{api}"):
                raise BenchFailed(f"the system did not come up; it says: {_last_words(Path(folder))}")
            seconds = time.monotonic() - began
            yield System(
                url=f"http://127.0.0.1:{api}",
                key=await _key(Path(folder)),
                temporal=f"127.0.0.1:{grpc}",
                metrics=f"http://127.0.0.1:{metrics}/metrics",
                pids=processes.family(process.pid),
                ready_seconds=seconds,
            )
        finally:
            await _stop(process)


async def _start(**settings: str) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    with (Path(settings["ZONEHOOK_HOME"]) / _LOG).open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "standalone", cwd=ROOT, env=environment | settings,
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


async def _ready(process: asyncio.subprocess.Process, url: str) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        while time.monotonic() < deadline and process.returncode is None:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/readyz")).is_success:
                    return True
            await asyncio.sleep(0.05)
    return False


def _last_words(folder: Path) -> str:
    return (folder / _LOG).read_text(errors="replace").strip()[-500:] or "nothing"


async def _key(folder: Path) -> str:
    for _ in range(100):  # written just after it serves
        if known := homes.read_credentials(folder):
            return str(known["api_key"])
        await asyncio.sleep(0.05)
    raise BenchFailed("the system wrote no credentials")


async def _stop(process: asyncio.subprocess.Process) -> None:
    family = processes.family(process.pid)
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
