"""A process beside the bench that is asked over its standard input and answers on its output, JSON by the line."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from bench.plan import BenchFailed

_LINE_LIMIT = 1 << 26
_START_SECONDS = 15.0
_STOP_SECONDS = 5.0


class Helper:
    """The bench's end. `hello` is the first line the other side said."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process
        self.hello: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, what: str, within: float, **given: Any) -> dict[str, Any]:
        """One question and its answer. Raises BenchFailed when none comes within so many seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"ask": what, **given}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.heard(within)

    async def heard(self, within: float) -> dict[str, Any]:
        """The next line from the other side."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), within)
            answer: dict[str, Any] = json.loads(line)
        except (TimeoutError, ValueError):
            raise BenchFailed(f"the bench's {self._name} does not answer") from None
        return answer


@contextlib.asynccontextmanager
async def running(module: str, *arguments: str) -> AsyncIterator[Helper]:
    """Runs a module of the bench as a helper; it is ended when the block is left."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT, start_new_session=True,
    )  # fmt: skip
    helper = Helper(module, process)
    try:
        helper.hello = await helper.heard(_START_SECONDS)
        yield helper
    finally:
        await _end(process)


async def answer(hello: dict[str, Any], handle: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
    """The helper's end: says hello, then answers until the bench hangs up or dies."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps(hello), flush=True)
    async for line in reader:
        print(json.dumps(await handle(json.loads(line))), flush=True)


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
