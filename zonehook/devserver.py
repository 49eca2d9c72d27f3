"""A Temporal server of our own for the embedded default: the `temporal` CLI's dev server, kept running."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from zonehook import messages, temporal
from zonehook.errors import Unavailable

_PATIENCE_SECONDS = 30
_STOP_SECONDS = 10
_DYNAMIC_CONFIG = (
    # The production defaults of what the dev server re-reads on nearly every call: half the reads
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    "system.forceNexusEndpointRefreshOnRead=false",
    # Its rate limits are made for trying things out
    "frontend.namespaceRPS=100000",
    "frontend.rps=100000",
    "frontend.namespaceRPS.visibility=1000",
    "history.rps=100000",
    "matching.rps=100000",
    "matching.persistenceMaxQPS=100000",
    # Timers fire this much late at the most; a second, the default, is for clusters whose clocks differ
    'history.timerProcessorMaxTimeShift="10ms"',
    # Each hop from one workflow to another waited up to 50 ms for the next of twenty looks a second into its queue. Not
    # a thousand: of a burst, what comes within 10 ms is looked at together, and written together
    "history.transferProcessorMaxPollRPS=100",
    "history.timerProcessorMaxPollRPS=100",
    # One machine needs no partitioned queues
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ports:
    grpc: int
    ui: int
    metrics: int = 0
    http: int = 0


class DevServer:
    """Runs while `running` is entered, and is started again whenever it dies meanwhile."""

    def __init__(self, home: Path, ports: Ports) -> None:
        self._home = home
        self._ports = ports
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._ports.grpc}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Client]:
        """A client of the running server. Raises Unavailable when it does not come up."""
        try:
            await self._start()
            client = await self._connect()
            watch = asyncio.create_task(self._keep_running())
            try:
                yield client
            finally:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch
        finally:
            await self._stop()

    def end_orphan(self, waits: bool = True) -> None:
        """Stops the server that a killed run of this home left behind; blocks until it has ended, if it `waits`."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        if str(self._database) in _command_line(pid):
            _log.info("stopping the Temporal server that the last run left behind")
            os.kill(pid, signal.SIGTERM)
            if waits:
                _wait_for_end(pid)
        self._pid_file.unlink(missing_ok=True)

    @property
    def _database(self) -> Path:
        return self._home.absolute() / "temporal.db"

    @property
    def _pid_file(self) -> Path:
        return self._home / "temporal.pid"

    @property
    def _log_file(self) -> Path:
        return self._home / "temporal.log"

    async def _start(self) -> None:
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us to pass on, when what is under way is finished
            )
        self._pid_file.write_text(str(self._process.pid))

    def _command(self) -> list[str]:
        command = [
            _binary(), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self._ports.grpc),
            "--ui-port", str(self._ports.ui), "--db-filename", str(self._database),
            "--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL",
            "--log-level", "error", "--log-format", "json",
        ]  # fmt: skip
        if self._ports.metrics:
            command += ["--metrics-port", str(self._ports.metrics)]
        if self._ports.http:
            command += ["--http-port", str(self._ports.http)]
        for value in _DYNAMIC_CONFIG:
            command += ["--dynamic-config-value", value]
        for name in messages.SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{name}=Keyword"]
        return command

    async def _connect(self) -> Client:
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            try:
                return await temporal.connect(self.address)
            except Unavailable:
                if self._process is None or self._process.returncode is not None:
                    raise self._did_not_come_up("it ended at once") from None
                if asyncio.get_running_loop().time() > deadline:
                    raise self._did_not_come_up(f"it does not answer after {_PATIENCE_SECONDS} s") from None
            await asyncio.sleep(0.1)

    async def _keep_running(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            _log.warning("the Temporal server ended (%s); starting it again", code)
            await asyncio.sleep(0.5)
            try:
                await self._start()
            except OSError as problem:
                _log.error("the Temporal server cannot be started: %s", problem)

    async def _stop(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        self._pid_file.unlink(missing_ok=True)

    def _did_not_come_up(self, what: str) -> Unavailable:
        last = self._log_file.read_text(errors="replace").strip().rpartition("\n")[2][:300]
        return Unavailable(
            "temporal_unavailable",
            f"the Temporal server {_binary()} did not come up on port {self._ports.grpc} (ZONEHOOK_TEMPORAL_PORT): "
            f"{what}. Its last words, in {self._log_file}: {last or 'none'}",
        )


def _binary() -> str:
    """The `temporal` on PATH, else the one installed beside this Python."""
    return shutil.which("temporal") or str(Path(sys.executable).parent / "temporal")


def _command_line(pid: int) -> str:
    """What a process was started as; empty when there is none, or nobody to ask."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        pass
    ps = shutil.which("ps")  # where there is no /proc
    if ps is None:
        return ""
    command = [ps, "-o", "args=", "-ww", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        if not _command_line(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
