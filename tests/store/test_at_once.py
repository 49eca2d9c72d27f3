"""What is read and written at once, without a thread: SQLite alone, and nothing is awaited for it on the event loop."""

import asyncio
import gc
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection, text

from tests.store import given
from zonehook.archive import Archive
from zonehook.errors import Unavailable
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.registry import Registry
from zonehook.store import migrate
from zonehook.store.database import Database


@pytest_asyncio.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """SQLite, and whoever waits for its lock waits longer than these tests take."""
    monkeypatch.setattr("zonehook.store.database._LOCK_WAIT_SECONDS", 8)
    database = Database(f"sqlite:///{tmp_path / 'zonehook.db'}")
    await migrate.upgrade(database)
    for _ in range(2):  # the first two are a thread's
        await database.write_at_once(_where)
    yield database
    await database.close()


@pytest.fixture
def other(tmp_path: Path, database: Database) -> Iterator[sqlite3.Connection]:
    """Another process's connection, so to say."""
    connection = sqlite3.connect(tmp_path / "zonehook.db", isolation_level=None)
    yield connection
    connection.close()


def _where(_conn: Connection) -> int:
    return threading.get_ident()


def _note(_conn: Connection, written: list[int], number: int) -> None:
    written.append(number)


async def test_at_once_is_without_a_thread(database: Database) -> None:
    """A row or two are read and written where they are asked for, and neither a lock nor the disk is awaited there."""

    def patience(conn: Connection) -> list[int]:
        return [conn.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("busy_timeout", "wal_autocheckpoint")]

    here = threading.get_ident()
    assert await database.read_at_once(_where) == here
    assert await database.write_at_once(_where) == here
    assert (await database.read_at_once(patience))[0] == 0
    assert await database.write_at_once(patience) == [0, 0]
    assert here not in (await database.read(_where), await database.write(_where))
    assert await database.write(patience) == [8000, 1000]


async def test_whoever_meets_a_lock_keeps_the_place_in_the_line(database: Database, other: sqlite3.Connection) -> None:
    """A write that has to wait for another process comes before those that were asked for after it."""
    written: list[int] = []
    other.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(database.write_at_once(_note, written, 1))
    await asyncio.sleep(0)  # it begins
    others = [asyncio.create_task(database.write(_note, written, number)) for number in (2, 3)]
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    await asyncio.gather(first, *others)
    assert written == [1, 2, 3]


async def test_a_lock_stops_no_thread_that_collects_garbage(database: Database, other: sqlite3.Connection) -> None:
    """What a write that met a lock has left behind keeps nobody waiting while it is tried again: the garbage collector
    may come upon it in any thread, a workflow's too, whose attempts are made again if it is late.
    """
    other.execute("BEGIN IMMEDIATE")
    gc.freeze()  # what thousands of tests have left would take a third of a second to look through
    try:
        writing = asyncio.create_task(database.write_at_once(_where))
        for _ in range(3):
            await asyncio.sleep(0.05)  # the thread gets on meanwhile
            gc.collect()
    finally:
        gc.unfreeze()
    assert not writing.done()
    other.execute("ROLLBACK")
    await writing


async def test_what_is_wrong_for_good_is_said_at_once(database: Database) -> None:
    """Only a lock is worth another try: a statement that fails otherwise is made once, and the next ones go through."""
    tried = []

    def fail(conn: Connection) -> None:
        tried.append(conn.execute(text("SELECT 1")).scalar())
        conn.execute(text("SELECT * FROM nowhere"))

    for visit in (database.write_at_once, database.read_at_once):
        with pytest.raises(Unavailable):
            await visit(fail)
    assert tried == [1, 1]
    assert await database.write_at_once(_where) == threading.get_ident()


async def test_a_lock_that_others_hold_stops_nobody_else(
    registry: Registry, fanout: Fanout, ledger: Ledger, archive: Archive, account_id: int, other: sqlite3.Connection
) -> None:
    """While another process writes, an attempt's record waits for its turn and everything else goes on; then it is
    written, once.
    """
    await given.endpoint(registry, account_id)
    order = await given.order(fanout, account_id)
    duty, sent = await ledger.duty(order), given.sent(1, 200)
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(6):
        recording = asyncio.create_task(ledger.record(order, duty, sent))
        await ledger.duty(order)
        assert await archive.attempts(account_id, order.delivery_id) == []
        assert not recording.done()
        other.execute("ROLLBACK")
        await recording
    assert [each.id for each in await archive.attempts(account_id, order.delivery_id)] == [sent.id]


async def test_a_thread_that_writes_stops_nobody_else(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, archive: Archive, account_id: int
) -> None:
    """While a thread of this process writes, attempts wait in line for the one connection; nothing else waits."""
    await given.endpoint(registry, account_id)
    orders = [await given.order(fanout, account_id) for _ in range(3)]
    duties = [await ledger.duty(order) for order in orders]
    begun, written = threading.Event(), threading.Event()

    def write(_conn: Connection) -> None:
        begun.set()
        written.wait(10)

    writing = asyncio.create_task(database.write(write))
    await asyncio.to_thread(begun.wait)
    records = [
        asyncio.create_task(ledger.record(order, duty, given.sent(1, 200)))
        for order, duty in zip(orders, duties, strict=True)
    ]
    async with asyncio.timeout(3):
        await asyncio.sleep(0)  # they begin
        await archive.get(account_id, orders[0].delivery_id)
        assert not any(each.done() for each in records)
        written.set()
        await asyncio.gather(writing, *records)
    for order in orders:
        assert len(await archive.attempts(account_id, order.delivery_id)) == 1


async def test_the_log_does_not_grow_for_ever(database: Database, tmp_path: Path) -> None:
    """Who writes at once awaits no checkpoint; still SQLite's write-ahead log stays within a few megabytes."""

    def add(conn: Connection) -> None:
        conn.execute(text("INSERT INTO notes VALUES (randomblob(8000))"))

    await database.write(lambda conn: conn.execute(text("CREATE TABLE notes (note BLOB)")))
    for _ in range(2000):
        await database.write_at_once(add)
    assert (tmp_path / "zonehook.db").stat().st_size > 14 * 2**20
    assert (tmp_path / "zonehook.db-wal").stat().st_size < 12 * 2**20
