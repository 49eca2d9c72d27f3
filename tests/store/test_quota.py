"""A plan's places are given out exactly, however many ask at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.store import given
from zonehook import clock
from zonehook.errors import QuotaExceeded
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import accounts
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database

FAIR_USE = 12
PLACES = [
    pytest.param("starter", 3, marks=pytest.mark.rows("CAP-32")),
    pytest.param("pro", 10, marks=pytest.mark.rows("CAP-33")),
    pytest.param("business", FAIR_USE, marks=pytest.mark.rows("CAP-34")),
    pytest.param("enterprise", FAIR_USE, marks=pytest.mark.rows("CAP-34")),
    pytest.param("unlimited", FAIR_USE),
]


@pytest_asyncio.fixture
async def desks(url: str, database: Database, cipher: Cipher) -> AsyncIterator[list[Registry]]:
    """The desks of two processes."""
    another = Database(url)
    yield [Registry(each, cipher, (), FAIR_USE) for each in (database, another)]
    await another.close()


async def _account(database: Database, plan: str) -> int:
    return (await database.write(accounts.add, "someone", "standard", plan, clock.now())).id


@pytest.mark.parametrize(("plan", "places"), PLACES)
async def test_twenty_at_once(database: Database, desks: list[Registry], plan: str, places: int) -> None:
    """Of twenty creations at once, in two processes, as many succeed as the plan has places; the rest are told which
    plan and which limit, and nothing of them is stored.
    """
    account_id = await _account(database, plan)
    wanted = [given.endpoint(desks[number % 2], account_id) for number in range(20)]
    results = await asyncio.gather(*wanted, return_exceptions=True)

    made = {result for result in results if isinstance(result, str)}
    refused = [result for result in results if isinstance(result, QuotaExceeded)]
    assert (len(made), len(refused)) == (places, 20 - places)
    assert {each.code for each in refused} == {"webhook_quota_exceeded"}
    assert all(f"the {plan} plan" in each.message and f" {places} endpoints" in each.message for each in refused)
    listed = (await desks[0].page(account_id, 50, None)).data
    assert {each.id for each in listed} == made


@pytest.mark.rows("CAP-32")
async def test_what_was_deleted_takes_no_place(database: Database, desks: list[Registry]) -> None:
    """A deleted endpoint's place is free again, one that is disabled keeps its own, and nobody else's counts."""
    account_id, neighbour = await _account(database, "starter"), await _account(database, "starter")
    ids = [await given.endpoint(desks[0], account_id) for _ in range(3)]
    await desks[0].disable(Actor(account_id), ids[0])
    with pytest.raises(QuotaExceeded):
        await given.endpoint(desks[0], account_id)
    await desks[0].delete(Actor(account_id), ids[1])
    await given.endpoint(desks[0], account_id)
    with pytest.raises(QuotaExceeded):
        await given.endpoint(desks[0], account_id)
    await given.endpoint(desks[0], neighbour)
