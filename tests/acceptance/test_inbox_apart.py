"""An inbox in a Zonehook of its own: killed under a crowd of signals, and signalled to as the documentation says."""

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.service import RPCError

from tests.acceptance import signalling
from tests.running import ROOT, House, free_port, running
from zonehook import temporal

_PATIENCE = 240.0
_HALF = 2500
_DOCS = ROOT / "docs" / "producers.md"


@pytest_asyncio.fixture
async def own_house(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own, to be killed, and whose Temporal can be reached over HTTP."""
    settings = {"ZONEHOOK_TEMPORAL_HTTP_PORT": str(free_port()), "ZONEHOOK_WORKFLOW_SANDBOX": "0"}
    async with running(tmp_path, trusting | settings) as house:
        yield house


@pytest.mark.rows("ALL-02")
async def test_5000_signals_and_a_kill(own_house: House) -> None:
    """Of 5,000 signals in a row none is lost and none is an event twice: over runs of the inbox, a kill -9 while it
    takes them, and all those with an id sent again.
    """
    account_id = own_house.credentials["account_id"]
    client = await temporal.connect(own_house.credentials["temporal_address"])
    sending = asyncio.create_task(_send(client, account_id, range(_HALF)))
    await _written_some(own_house)
    await own_house.kill()
    sent = await sending  # Temporal, a process of its own, takes signals all the while
    before = len(_written(own_house))
    await own_house.start()
    client = await temporal.connect(own_house.credentials["temporal_address"])
    with_id = [number for number in sent if number % 2]
    assert await _send(client, account_id, with_id) == with_id
    sent += await _send(client, account_id, range(_HALF, 2 * _HALF))

    numbers = await _numbers(own_house, len(sent))

    assert 0 < before < _HALF
    assert len(sent) == 2 * _HALF
    assert sorted(numbers) == sorted(sent)
    inbox = f"inbox/{account_id}"
    first = (await client.get_workflow_handle(inbox).describe()).raw_description.workflow_execution_info
    assert first.first_run_id != first.execution.run_id
    assert await client.get_workflow_handle(inbox).query("refused") == []
    assert await signalling.failed_tasks(client, inbox) == []


async def test_as_documented(own_house: House) -> None:
    """The commands of docs/producers.md for the `temporal` CLI and for curl, as they stand there, publish events."""
    commands = [each for each in _documented("sh") if "inbox" in each]
    assert len(commands) >= 4
    for command in commands:
        await _run("sh", "-euc", _here(command, own_house))

    found = await signalling.events(own_house.account(), 3)
    assert {each["type"] for each in found} == {"domain.create"}
    kept = [json.dumps(each["data"]) for each in found]
    assert any("1.0" in each for each in kept), kept


async def test_as_documented_for_typescript(own_house: House, tmp_path: Path) -> None:
    """The lines for TypeScript, as they stand there, publish an event with Temporal's own client."""
    node, clients = shutil.which("node"), Path(sys.prefix) / "node" / "node_modules"
    if node is None or not (clients / "@temporalio").is_dir():
        pytest.skip("install Node.js and npm; scripts/setup dev then puts Temporal's client into .venv/node")
    [sample] = _documented("ts")
    (tmp_path / "node_modules").symlink_to(clients)
    (tmp_path / "sample.mjs").write_text(_here(sample, own_house))

    await _run(node, str(tmp_path / "sample.mjs"))

    [found] = await signalling.events(own_house.account(), 1)
    assert (found["type"], found["data"]) == ("domain.create", {"domain": "example.com"})


def _documented(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _DOCS.read_text(), re.DOTALL)


def _here(text: str, house: House) -> str:
    """The same for a Zonehook on other ports."""
    here = {
        "7233": str(house.ports[1]),
        "7243": house.environment["ZONEHOOK_TEMPORAL_HTTP_PORT"],
        "temporal ": f"{Path(sys.executable).parent / 'temporal'} ",
    }
    for documented, real in here.items():
        text = re.sub(rf"(?<![\w/]){documented}", real, text)
    return text


async def _run(*command: str) -> None:
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "not found" not in done.stdout.lower(), done.stdout


async def _send(client: Client, account_id: int, numbers: Sequence[int]) -> list[int]:
    """Signals these, side by side, every other one with an id; those that were taken."""
    taken, left = [], iter(numbers)

    async def send_some() -> None:
        for number in left:
            event: dict[str, Any] = {"type": "domain.create", "data": {"n": number}}
            if number % 2:
                event["id"] = f"n-{number}"
            try:
                await signalling.signal(client, f"inbox/{account_id}", event)
            except RPCError:  # not taken: nothing was promised
                continue
            taken.append(number)

    await asyncio.gather(*(send_some() for _ in range(32)))
    return sorted(taken)


async def _written_some(house: House) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not _written(house):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the records tell how things stand, not when they change


def _written(house: House) -> list[int]:
    with sqlite3.connect(f"file:{house.home}/zonehook.db?mode=ro", uri=True) as records:
        found = [json.loads(data)["n"] for (data,) in records.execute("SELECT data FROM events")]
    records.close()
    return found


async def _numbers(house: House, count: int) -> list[int]:
    """What the records have, once that is `count` and no more comes."""
    async with asyncio.timeout(_PATIENCE):
        while len(_written(house)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.5)  # the records tell how things stand, not when they change
    client = await temporal.connect(house.credentials["temporal_address"])
    inbox = client.get_workflow_handle(f"inbox/{house.credentials['account_id']}")
    await inbox.cancel()  # it ends when it has taken everything
    await inbox.result()
    async with asyncio.timeout(_PATIENCE):
        while (await client.count_workflows('WorkflowType = "Event" AND ExecutionStatus = "Running"')).count:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return _written(house)
