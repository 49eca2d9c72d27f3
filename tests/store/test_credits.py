"""Credits over processes that share a database: counted without a statement for each event, and all of them."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from zonehook import clock
from zonehook.credits import Credits
from zonehook.store import credits as stored
from zonehook.store.database import Database


async def test_two_processes_count_together(database: Database, url: str, account_id: int, stranger_id: int) -> None:
    """Each tells at once what it counted itself, and what was counted elsewhere when it is written; no event is left
    out or counted twice, and another account has credits of its own.
    """
    elsewhere = Database(url)
    one, other = Credits(database), Credits(elsewhere)
    shown = []
    for _ in range(30):
        one.spend(account_id)
        shown.append((await one.of(account_id, "starter")).remaining)
        other.spend(account_id)
    other.spend(stranger_id)
    await asyncio.gather(one.close(), other.close())
    await elsewhere.close()
    later = Credits(database)

    assert shown == list(range(9_999, 9_969, -1))
    assert (await later.of(account_id, "starter")).used == 60
    assert (await later.of(stranger_id, "pro")).remaining == 99_999


async def test_no_statement_for_an_event(database: Database, account_id: int) -> None:
    """A thousand events and the thousand answers that tell of them: one look, and one write when the second is over."""
    desk = Credits(database)
    before = _statements()

    for _ in range(1000):
        desk.spend(account_id)
        standing = await desk.of(account_id, "starter")
    await desk.close()

    assert standing.used == 1000
    assert [after - earlier for after, earlier in zip(_statements(), before, strict=True)] == [1, 1]


async def test_a_month_of_its_own(database: Database, account_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the first of the month in UTC all credits are there again, and what was used before stays written."""
    desk, now = Credits(database), clock.now()
    desk.spend(account_id)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=32))

    next_month = await desk.of(account_id, "starter")
    await desk.close()

    assert next_month.remaining == 10_000
    assert await database.read(stored.used, account_id, f"{now:%Y-%m}") == 1


@pytest.mark.parametrize("url", ["postgresql+psycopg://127.0.0.1:9/none"])
async def test_without_a_database(url: str) -> None:
    """While the database is away each process tells what it knows, and nobody waits for it to end."""
    away = Database(url)
    desk = Credits(away)
    desk.spend(1)

    standing = await desk.of(1, "pro")
    await desk.close()
    await away.close()

    assert (standing.limit, standing.used) == (100_000, 1)


def _statements() -> list[float]:
    """Read and written so far, by this process."""
    name = "zonehook_database_statements_total"
    return [REGISTRY.get_sample_value(name, {"kind": kind}) or 0.0 for kind in ("read", "write")]
