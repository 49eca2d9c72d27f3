"""One machine grown up: an API that does not work, and workers as processes beside it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench import processes
from tests.receiver import Mailbox
from tests.running import ROOT, House, running

_PATIENCE = 60.0


@pytest.fixture
async def api_alone(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    async with running(tmp_path, trusting | {"ZONEHOOK_EMBEDDED_WORKER": "0"}) as house:
        yield house


@contextlib.asynccontextmanager
async def _workers(house: House, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    own = {"ZONEHOOK_WORKER_PROCESSES": "2", "ZONEHOOK_ALLOWED_TARGETS": "127.0.0.0/8"}
    keeper = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", cwd=ROOT, env=house.environment | own | settings, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield keeper
    finally:
        if keeper.returncode is None:
            keeper.terminate()
            await asyncio.wait_for(keeper.wait(), _PATIENCE)


async def _children(keeper: asyncio.subprocess.Process, gone: int = 0) -> list[int]:
    """The ids of the two processes it keeps, once `gone` is none of them."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = processes.family(keeper.pid)[1:]
            if len(found) == 2 and gone not in found:
                return found
            await asyncio.sleep(0.05)  # the system tells how things stand, not when they change


async def test_workers_beside_an_api(api_alone: House, mailbox: Mailbox) -> None:
    """What an API without a worker accepted is delivered when workers come; one that is killed comes again."""
    account = api_alone.account()
    await account.register(mailbox.url)
    early = await account.publish()
    assert await account.deliveries() == []

    async with _workers(api_alone, TEMPORAL_ADDRESS=api_alone.credentials["temporal_address"]) as keeper:
        await account.settled(early["id"], statuses=("delivered",))
        first, second = await _children(keeper)
        os.kill(first, signal.SIGKILL)
        late = await account.publish()
        await account.settled(late["id"], statuses=("delivered",))
        now = await _children(keeper, gone=first)
        keeper.send_signal(signal.SIGINT)
        status = await asyncio.wait_for(keeper.wait(), _PATIENCE)

    assert second in now
    assert status == 0
    assert [each for each in now if processes.cpu_seconds(each) is not None] == []


async def test_workers_that_cannot_start(tmp_path: Path, trusting: dict[str, str]) -> None:
    """Where no worker can start, they say why in a sentence and the keeper ends with status 1."""
    async with _workers(House(tmp_path, trusting), TEMPORAL_ADDRESS="127.0.0.1:1") as keeper:
        _, said = await asyncio.wait_for(keeper.communicate(), _PATIENCE)
    assert keeper.returncode == 1
    assert "no Temporal server answers at 127.0.0.1:1 (TEMPORAL_ADDRESS)" in said.decode()
    assert "Traceback" not in said.decode()
