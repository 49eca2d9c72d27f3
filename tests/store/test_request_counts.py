"""Requests of one minute, counted over all processes that share a database."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from zonehook import clock
from zonehook.ratelimits import RateLimits
from zonehook.store import request_counts
from zonehook.store.database import Database

LIMIT = 30


async def test_two_processes_count_together(database: Database, url: str) -> None:
    """Of sixty requests at once over two processes exactly as many are within the limit as it says; another caller has
    an allowance of their own. SQLite belongs to one process, which counts for itself.
    """
    elsewhere = Database(url)
    desks = [RateLimits(database), RateLimits(elsewhere if database.is_shared else database)]
    if not database.is_shared:
        desks[1] = desks[0]
    try:
        made = await asyncio.gather(*(desks[number % 2].count("key", LIMIT) for number in range(2 * LIMIT)))
        other = await desks[0].count("another", LIMIT)
        stands = await desks[1].count("key", LIMIT)
    finally:
        await elsewhere.close()

    assert sorted(each.used for each in made) == list(range(1, 2 * LIMIT + 1))
    assert sum(not each.is_exceeded for each in made) == LIMIT
    assert (other.remaining, stands.used, stands.remaining) == (LIMIT - 1, 2 * LIMIT + 1, 0)


async def test_not_every_request_is_a_write(database: Database) -> None:
    """A process asks the database once for a hundredth of the limit, and lets through as many as the limit says."""
    limits = RateLimits(database)
    before = _transactions()

    made = [await limits.count("key", 1000) for _ in range(1005)]

    assert [each.used for each in made] == list(range(1, 1006))
    assert [each.is_exceeded for each in made] == [False] * 1000 + [True] * 5
    assert _transactions() - before == (101 if database.is_shared else 0)


async def test_a_minute_later(database: Database) -> None:
    """When the minute is over the count begins anew, and who has not called for a while is forgotten."""
    now = clock.now()
    for _ in range(3):
        used, resets_at = await database.write(request_counts.add, "key", 1, now)
    await database.write(request_counts.add, "gone", 1, now - timedelta(minutes=5))
    later, later_resets_at = await database.write(request_counts.add, "key", 1, now + timedelta(seconds=60))
    await database.write(request_counts.forget, now)

    assert (used, resets_at - now) == (3, timedelta(minutes=1))
    assert (later, later_resets_at - now) == (1, timedelta(minutes=2))
    assert await database.read(request_counts.all_of) == ["key"]


@pytest.mark.parametrize("url", ["postgresql+psycopg://127.0.0.1:9/none"])
async def test_without_a_database(url: str) -> None:
    """While the database is away each process counts for itself, from nothing, and holds nobody up by asking it."""
    away = Database(url)
    limits = RateLimits(away)
    try:
        allowances = [await limits.count("key", 2) for _ in range(3)]
    finally:
        await away.close()

    assert [each.is_exceeded for each in allowances] == [False, False, True]


def _transactions() -> float:
    """Committed so far, by this process."""
    return REGISTRY.get_sample_value("zonehook_database_transactions_total") or 0.0
