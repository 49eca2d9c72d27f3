"""`zonehook keys rotate-encryption` beside a Zonehook at work: no delivery notices, also where it is killed."""

import asyncio
import base64
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.receiver import Mailbox
from tests.running import ROOT, Account, House, running
from zonehook.store import cipher
from zonehook.store.cipher import Cipher

CHOSEN = "whsec_" + base64.b64encode(b"a secret of 42 bytes that must survive all").decode()
TOKEN = "t0ken-in-a-custom-header"
COPIES = 4000  # of deleted endpoints, so that sealing all of them anew takes a while
_COMMAND = ("-c", "from zonehook.cli import app; app()", "keys", "rotate-encryption")


@contextlib.contextmanager
def _records(house: House) -> Any:
    connection = sqlite3.connect(house.home / "zonehook.db", timeout=30)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def _multiply(house: House, endpoint_id: str) -> None:
    """Copies of an endpoint, all of them deleted: their secrets are kept, so they are sealed anew as well."""
    with _records(house) as records:
        names = [
            row[1]
            for row in records.execute("PRAGMA table_info(endpoints)")
            if row[1] not in ("id", "number", "deleted_at")
        ]
        columns = ", ".join(names)
        records.execute(
            f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {COPIES}) "
            f"INSERT INTO endpoints (id, number, deleted_at, {columns}) "
            f"SELECT 'ep_copy_' || n, 1000000 + n, created_at, {columns} FROM endpoints, number WHERE id = ?",
            (endpoint_id,),
        )


def _sealed_with(house: House, key: str) -> tuple[int, int]:
    """How many sealed values this key opens, and how many there are."""
    opening = Cipher([key])
    with _records(house) as records:
        rows = records.execute("SELECT secret, previous_secret, headers FROM endpoints").fetchall()
    values = [value for row in rows for value in row if value is not None]
    opened = 0
    for value in values:
        with contextlib.suppress(Exception):
            opening.open(value)
            opened += 1
    return opened, len(values)


def _resealed(house: House, before: bytes) -> int:
    """How many of the copies are not sealed as they were."""
    with _records(house) as records:
        count: int = records.execute(
            "SELECT count(*) FROM endpoints WHERE id LIKE 'ep_copy_%' AND secret != ?", (before,)
        ).fetchone()[0]
    return count


@contextlib.asynccontextmanager
async def _worker(house: House) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process beside the API, which has none; it ends before Temporal does."""
    settings = {"TEMPORAL_ADDRESS": house.credentials["temporal_address"], "ZONEHOOK_ALLOWED_TARGETS": "127.0.0.0/8"}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", cwd=ROOT, env=house.environment | settings
    )
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.terminate()
        await asyncio.wait_for(worker.wait(), 60)


@contextlib.asynccontextmanager
async def _busy(account: Account, mailbox: Mailbox) -> AsyncIterator[list[str]]:
    """Events are published, and endpoints made and rotated, all the while; gives the events' ids."""
    published: list[str] = []

    async def on_and_on() -> None:
        while True:
            published.append((await account.publish())["id"])
            made = await account.register(mailbox.url, events=["never.sent"], headers={"X-Token": TOKEN})
            await account.call("POST", f"/v1/webhook-endpoints/{made['id']}/rotate-secret", status=200)

    working = asyncio.create_task(on_and_on())
    try:
        yield published
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


async def _killed_half_way(house: House, before: bytes) -> int:
    """Starts a rotation and ends it with kill -9 when some of the copies are sealed anew. Returns how many."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *_COMMAND, cwd=ROOT, env=house.environment, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(60):
        while not _resealed(house, before):  # noqa: ASYNC110 (the database tells nobody)
            await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    return _resealed(house, before)


@pytest.mark.rows("ALL-05")
async def test_rotated_while_all_goes_on(tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox) -> None:
    """Events are published, signed and delivered while the key is rotated, while that is killed half-way and while it
    is run again; afterwards the new key alone opens everything, and neither the API nor the worker process restarted.
    """
    settings = trusting | {"ZONEHOOK_TIME_SCALE": "0.001", "ZONEHOOK_EMBEDDED_WORKER": "0"}
    async with running(tmp_path, settings) as house, _worker(house) as worker:
        account = house.account()
        await account.register(mailbox.url, secret=CHOSEN, headers={"X-Token": TOKEN})
        copied = await account.register(mailbox.url, secret=CHOSEN, events=["never.sent"])
        _multiply(house, copied["id"])
        with _records(house) as records:
            [(before,)] = records.execute("SELECT secret FROM endpoints WHERE id = 'ep_copy_1'").fetchall()
        [old] = cipher.known_keys(tmp_path)
        shell = Shell(house.environment)

        async with _busy(account, mailbox) as published:
            resealed = await _killed_half_way(house, before)
            halfway = cipher.known_keys(tmp_path)
            meanwhile = len(published)
            ended = await shell.having(ZONEHOOK_HOME=str(tmp_path)).run("keys", "rotate-encryption")
        found = [await account.settled(event) for event in published]
        [new] = cipher.known_keys(tmp_path)
        opened, there_are = _sealed_with(house, new)
        is_still_working = worker.returncode is None

        assert is_still_working
        assert 0 < resealed < COPIES
        assert (len(halfway), halfway[0]) == (2, old)
        assert (ended.status, ended.err) == (0, "")
        assert "encrypted with the new key alone" in ended.out
        assert new == halfway[1]  # the rotation that was killed went on
        assert opened == there_are > 2 * COPIES
        assert len(published) > meanwhile > 0
        assert {each[0]["status"] for each in found} == {"delivered"}
        assert {each.headers["x-token"] for each in mailbox.received} == {TOKEN}
        assert len(mailbox.received) >= len(published)


async def test_a_house_that_starts_afterwards(tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox) -> None:
    """After a rotation a stopped Zonehook starts with the new key, and what was registered before is still signed."""
    async with running(tmp_path, trusting) as house:
        await house.account().register(mailbox.url, secret=CHOSEN)
        await house.stop()
        ended = await Shell(house.environment | {"ZONEHOOK_HOME": str(tmp_path)}).run("keys", "rotate-encryption")
        await house.start()
        event = await house.account().publish()
        [delivery] = await house.account().settled(event["id"])
    assert ended.status == 0, ended.err
    assert delivery["status"] == "delivered"
