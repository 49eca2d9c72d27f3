"""The migrations make the tables, and what goes in comes out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import StatementError

from tests.store import given
from zonehook.store import events, migrate
from zonehook.store.database import Database
from zonehook.store.tables import accounts, metadata


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_make_exactly_the_tables(database: Database) -> None:
    """A migrated database has the tables, columns, types and indexes that the code speaks of, and no others."""
    assert await database.read(_differences) == []
    names = await database.read(lambda conn: set(inspect(conn).get_table_names()))
    assert names == {*metadata.tables, "alembic_version"}


async def test_migrating_again_changes_nothing(database: Database, account_id: int) -> None:
    """Every start migrates, and what is there stays."""
    await migrate.upgrade(database)
    assert await database.read(lambda conn: conn.execute(select(accounts.c.id)).scalars().all()) == [account_id]


@pytest.mark.parametrize("hours", [0, 5.5, -8])
async def test_times_come_out_as_they_went_in_and_in_utc(database: Database, account_id: int, hours: float) -> None:
    """A time of any zone is the same moment afterwards, to the microsecond, aware and in UTC."""
    written = given.AT.astimezone(timezone(timedelta(hours=hours)))
    event = given.event(account_id, occurred_at=written)
    await database.write(events.add, event)
    read = await database.read(events.get, account_id, event.id)
    assert read == event
    assert read is not None
    assert read.occurred_at is not None
    assert read.occurred_at.tzinfo is UTC
    assert read.occurred_at.isoformat() == "2026-07-02T12:00:00.123456+00:00"


async def test_a_time_without_a_zone_is_refused(database: Database, account_id: int) -> None:
    """Nobody can write a time that could be read as another moment."""
    event = given.event(account_id, occurred_at=datetime(2026, 7, 2))  # noqa: DTZ001
    with pytest.raises(StatementError, match="without a time zone"):
        await database.write(events.add, event)


async def test_texts_come_out_as_they_went_in(database: Database, account_id: int) -> None:
    """An event's data keeps every character: spaces, spelling of numbers, other scripts."""
    event = given.event(
        account_id, data='{ "b":1.10,"a":1e400, "n":"bücher ☃ \\u0000 🏳️" }', subject="Ω", actor="{}", key="ü"
    )
    await database.write(events.add, event)
    assert await database.read(events.get, account_id, event.id) == event
