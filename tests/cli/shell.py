"""The command line as a person uses it: arguments in, two outputs and an exit status out."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from tests.running import ROOT

_PATIENCE = 60.0
_PROGRAM = (sys.executable, "-c", "from zonehook.cli import app; app()")
Argument = str | bytes


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


class Running:
    """A command that goes on until Ctrl-C."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.printed = ""

    async def until(self, text: str) -> str:
        """The next line of its output that holds `text`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_PATIENCE):
            while True:
                line = (await self._process.stdout.readline()).decode()
                assert line, f"it ended without printing {text!r}: {self.printed}"
                self.printed += line
                if text in line:
                    return line

    async def interrupt(self) -> int:
        """Ctrl-C, and the exit status; what it still printed is in `printed`."""
        self._process.send_signal(signal.SIGINT)
        return await self.end()

    async def end(self) -> int:
        async with asyncio.timeout(_PATIENCE):
            out, _ = await self._process.communicate()
        self.printed += out.decode()
        assert self._process.returncode is not None
        return self._process.returncode


class Shell:
    """A terminal with these variables set, and no others of Zonehook's."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ZONEHOOK_")}
        self._environment = {**kept, **settings}

    def having(self, **settings: str | None) -> "Shell":
        """The same terminal with other variables; None unsets one."""
        changed = {**self._environment, **settings}
        return Shell({name: value for name, value in changed.items() if value is not None})

    async def run(self, *arguments: Argument, typed: bytes = b"") -> Ended:
        """Runs to its end; `typed` is its standard input."""
        process = await self._start(arguments, asyncio.subprocess.PIPE)
        async with asyncio.timeout(_PATIENCE):
            out, err = await process.communicate(typed)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    @contextlib.asynccontextmanager
    async def running(self, *arguments: Argument) -> AsyncIterator[Running]:
        """Runs beside the test and is gone afterwards. What it complains of comes among what it prints."""
        process = await self._start(arguments, asyncio.subprocess.STDOUT)
        try:
            yield Running(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def _start(self, arguments: tuple[Argument, ...], complaints: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *_PROGRAM, *arguments, cwd=ROOT, env=self._environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=complaints,
        )  # fmt: skip
