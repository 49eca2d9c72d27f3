"""An endpoint's health: failures in a row are counted, and too many of them suppress it."""

import asyncio
from datetime import timedelta

import pytest

from tests.store import given
from zonehook.endpoints import Endpoint, EndpointStatus
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import endpoints
from zonehook.store.database import Database
from zonehook.verdicts import DeliveryStatus

LIMIT = 15


@pytest.fixture
async def endpoint_id(registry: Registry, account_id: int) -> str:
    return await given.endpoint(registry, account_id)


async def _fail(database: Database, endpoint_id: str, seconds: int, limit: int | None = LIMIT) -> None:
    await database.write(
        endpoints.note_failure, endpoint_id, given.AT + timedelta(seconds=seconds), limit, is_slow=False
    )


async def _succeed(database: Database, endpoint_id: str) -> None:
    await database.write(endpoints.note_success, endpoint_id, is_slow=False)


async def test_failures_at_once_are_all_counted(
    database: Database, registry: Registry, account_id: int, endpoint_id: str
) -> None:
    """Twenty failures in the same moment are twenty, and suppress the endpoint once."""
    await asyncio.gather(*(_fail(database, endpoint_id, seconds) for seconds in range(20)))
    endpoint = await registry.get(account_id, endpoint_id)
    assert endpoint.consecutive_failures == 20
    assert endpoint.suppressed_at in [given.AT + timedelta(seconds=seconds) for seconds in range(20)]


async def test_the_limit_suppresses_and_later_failures_do_not_move_it(
    database: Database, registry: Registry, account_id: int, endpoint_id: str
) -> None:
    """The fifteenth failure in a row suppresses, at its own time, which stays."""
    suppressed: list[Endpoint] = []
    for seconds in range(LIMIT + 5):
        await _fail(database, endpoint_id, seconds)
        suppressed.append(await registry.get(account_id, endpoint_id))
    at = given.AT + timedelta(seconds=LIMIT - 1)
    assert [each.suppressed_at for each in suppressed] == [None] * (LIMIT - 1) + [at] * 6
    assert suppressed[-1].status is EndpointStatus.SUPPRESSED


async def test_a_success_begins_the_row_anew(
    database: Database, registry: Registry, account_id: int, endpoint_id: str
) -> None:
    """Fourteen failures, a success and fourteen more do not suppress; the fifteenth does."""
    for seconds in range(LIMIT - 1):
        await _fail(database, endpoint_id, seconds)
    await _succeed(database, endpoint_id)
    for seconds in range(LIMIT - 1):
        await _fail(database, endpoint_id, seconds)
    assert (await registry.get(account_id, endpoint_id)).suppressed_at is None
    await _fail(database, endpoint_id, 99)
    assert (await registry.get(account_id, endpoint_id)).suppressed_at == given.AT + timedelta(seconds=99)


async def test_a_policy_without_a_limit_never_suppresses(
    database: Database, registry: Registry, account_id: int, endpoint_id: str
) -> None:
    """Where a dialect knows no suppression, failures are counted and nothing else."""
    for seconds in range(LIMIT + 1):
        await _fail(database, endpoint_id, seconds, limit=None)
    endpoint = await registry.get(account_id, endpoint_id)
    assert (endpoint.consecutive_failures, endpoint.status) == (LIMIT + 1, EndpointStatus.ENABLED)


async def test_failures_are_counted_over_events_and_for_one_endpoint(
    registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, endpoint_id: str
) -> None:
    """Attempts for different events add up at their endpoint, and at no other."""
    other_id = await given.endpoint(registry, account_id, events=["zone.*"])
    for _ in range(3):
        order = await given.order(fanout, account_id)
        await ledger.record(order, await ledger.duty(order), given.sent())
    assert (await registry.get(account_id, endpoint_id)).consecutive_failures == 3
    assert (await registry.get(account_id, other_id)).consecutive_failures == 0


@pytest.mark.rows("DN2-47", "DN2-52")
async def test_a_suppressed_endpoint_gets_nothing_until_it_is_cleared(
    database: Database, registry: Registry, fanout: Fanout, account_id: int, endpoint_id: str
) -> None:
    """While suppressed an endpoint's deliveries are skipped; cleared, it starts from nought and gets new events."""
    for seconds in range(LIMIT):
        await _fail(database, endpoint_id, seconds)
    event = given.event(account_id)
    assert (await fanout.open(event)).orders == ()
    (skipped,) = await database.read(given.deliveries_of, event)
    assert (skipped.status, skipped.reason) == (
        DeliveryStatus.SKIPPED,
        "the endpoint was suppressed when the event came",
    )
    cleared = await registry.clear_suppression(Actor(account_id), endpoint_id)
    assert (cleared.status, cleared.suppressed_at, cleared.consecutive_failures) == (EndpointStatus.ENABLED, None, 0)
    assert len((await fanout.open(given.event(account_id))).orders) == 1
