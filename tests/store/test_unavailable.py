"""A database that is away is one error, and leaves nothing half-written."""

import asyncio
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from tests.store import given
from zonehook.archive import Archive
from zonehook.errors import Unavailable
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.messages import DeliveryOrder
from zonehook.registry import Registry
from zonehook.store import database as databases
from zonehook.store import migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.tables import attempts, deliveries
from zonehook.store.tables import events as event_rows
from zonehook.verdicts import DeliveryStatus


@pytest_asyncio.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """SQLite alone: it is the one that is locked as a whole. Impatient, so that the tests are quick."""
    monkeypatch.setattr(databases, "_LOCK_WAIT_SECONDS", 0.05)
    database = Database(f"sqlite:///{tmp_path / 'zonehook.db'}")
    await migrate.upgrade(database)
    yield database
    await database.close()


@pytest.fixture
def other(tmp_path: Path, database: Database) -> Iterator[sqlite3.Connection]:
    """Another process's connection, so to say."""
    connection = sqlite3.connect(tmp_path / "zonehook.db", isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
async def order(registry: Registry, fanout: Fanout, account_id: int) -> DeliveryOrder:
    await given.endpoint(registry, account_id)
    return await given.order(fanout, account_id)


async def _counts(database: Database) -> list[int]:
    tables = (event_rows, deliveries, attempts)
    counting = [select(func.count()).select_from(table) for table in tables]
    return await database.read(lambda conn: [conn.execute(each).scalar_one() for each in counting])


async def test_an_event_is_not_half_opened(
    database: Database, registry: Registry, fanout: Fanout, account_id: int, other: sqlite3.Connection
) -> None:
    """While somebody else holds the database opening fails as a whole, and works when asked again."""
    await given.endpoint(registry, account_id)
    event = given.event(account_id)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable) as caught:
        await fanout.open(event)
    assert caught.value.code == "database_unavailable"
    assert await _counts(database) == [0, 0, 0]
    other.execute("ROLLBACK")
    assert len((await fanout.open(event)).orders) == 1
    assert await _counts(database) == [1, 1, 0]


async def test_an_attempt_is_not_half_recorded(
    database: Database,
    registry: Registry,
    archive: Archive,
    ledger: Ledger,
    order: DeliveryOrder,
    other: sqlite3.Connection,
) -> None:
    """An attempt that could not be written used nothing up; written later it has the number it had."""
    duty, sent = await ledger.duty(order), given.sent()
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable):
        await ledger.record(order, duty, sent)
    assert (await ledger.duty(order)).progress == duty.progress
    other.execute("ROLLBACK")
    assert (await registry.get(order.account_id, order.endpoint_id)).consecutive_failures == 0
    await ledger.record(order, duty, sent)
    assert [each.id for each in await archive.attempts(order.account_id, order.delivery_id)] == [sent.id]


async def test_what_fails_in_the_middle_is_undone(
    database: Database,
    registry: Registry,
    archive: Archive,
    ledger: Ledger,
    order: DeliveryOrder,
    other: sqlite3.Connection,
) -> None:
    """When the attempt's row cannot be written, the delivery and the endpoint's health stand as before."""
    other.execute(
        "CREATE TRIGGER full BEFORE UPDATE OF consecutive_failures ON endpoints "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    duty = await ledger.duty(order)
    with pytest.raises(Exception, match="disk is full"):
        await ledger.record(order, duty, given.sent())
    delivery = await archive.get(order.account_id, order.delivery_id)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 0)
    assert await _counts(database) == [1, 1, 0]


async def test_reading_goes_on_while_somebody_writes(
    archive: Archive, order: DeliveryOrder, other: sqlite3.Connection
) -> None:
    """A long write elsewhere keeps nobody from looking."""
    other.execute("BEGIN IMMEDIATE")
    assert (await archive.get(order.account_id, order.delivery_id)).status is DeliveryStatus.PENDING


async def test_the_sentence_tells_nothing_of_what_was_written(
    fanout: Fanout, order: DeliveryOrder, other: sqlite3.Connection
) -> None:
    """What people read names the cause alone: no statement and no values, which may be secret."""
    event = given.event(order.account_id, data='{"password":"hunter2"}')
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable) as caught:
        await fanout.open(event)
    assert caught.value.message == "the database cannot be reached just now"


async def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    """A file in a folder that is not there is a database that is away."""
    await _is_away(f"sqlite:///{tmp_path / 'nowhere' / 'zonehook.db'}")


async def test_a_server_that_does_not_answer() -> None:
    """A PostgreSQL that nobody runs is a database that is away, for readers and writers."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        await _is_away(f"postgresql+psycopg://nobody:hunter2@127.0.0.1:{unheard.getsockname()[1]}/zonehook")


async def _is_away(url: str) -> None:
    database = Database(url)
    with pytest.raises(Unavailable) as caught:
        await Fanout(database, time_scale=1, is_fast=False).open(given.event(1))
    assert "hunter2" not in caught.value.message
    with pytest.raises(Unavailable):
        await Archive(database, cast(Cipher, None)).get(1, "dlv_1")
    with pytest.raises(Unavailable):
        await migrate.upgrade(database)
    await database.close()


async def test_nobody_waits_for_ever_behind_others(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """While every connection waits for a database that does not answer, the next who asks is told that it is away."""
    monkeypatch.setattr("zonehook.store.database._POOL_WAIT_SECONDS", 0.2)
    answered = threading.Event()
    asking = [asyncio.ensure_future(database.read(lambda _conn: answered.wait())) for _ in range(8)]
    await asyncio.sleep(0)  # they take their turns
    with pytest.raises(Unavailable) as caught:
        await database.read(lambda _conn: None)
    assert caught.value.code == "database_unavailable"
    answered.set()
    await asyncio.gather(*asking)
    assert await database.read(lambda _conn: "here again") == "here again"
