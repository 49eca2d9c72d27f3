"""What a recovery asks and writes: every missed delivery once, in pages; progress that is written once; its pace."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import update
from temporalio.client import Client

from tests.store import given
from zonehook import clock
from zonehook.fanout import Fanout
from zonehook.interventions import Interventions
from zonehook.ledger import Ledger
from zonehook.recovery import MissedBatch, RecoveryOrder, RecoveryStatus
from zonehook.redelivery import Redelivery
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import recoveries, tables
from zonehook.store.database import Database
from zonehook.store.recoveries import Failure
from zonehook.verdicts import DeliveryStatus

Ended = Callable[[int, DeliveryStatus], Awaitable[list[str]]]


@pytest.fixture
async def endpoint_id(registry: Registry, account_id: int) -> str:
    return await given.endpoint(registry, account_id)


@pytest.fixture
def ended(database: Database, fanout: Fanout, account_id: int, endpoint_id: str) -> Ended:
    """Makes so many deliveries, all opened in the same moment, that stand in this status; their ids in order."""

    async def make(count: int, status: DeliveryStatus) -> list[str]:
        made = sorted([(await given.order(fanout, account_id)).delivery_id for _ in range(count)])
        values = {"status": status, "created_at": given.AT}
        changed = update(tables.deliveries).where(tables.deliveries.c.id.in_(made)).values(values)
        await database.write(lambda conn: conn.execute(changed).rowcount)
        return made

    return make


@pytest.fixture
def order(account_id: int, endpoint_id: str) -> RecoveryOrder:
    return RecoveryOrder(
        account_id=account_id,
        recovery_id=clock.new_id("rcv"),
        endpoint_id=endpoint_id,
        since=given.AT,
        until=given.AT + timedelta(microseconds=1),
        statuses=("failed", "cancelled", "skipped"),
        ordered_at=given.AT,
    )


@pytest.fixture
def redelivery(database: Database, ledger: Ledger) -> Callable[[float], Redelivery]:
    """The desk at some pace; what is tested here never speaks to Temporal."""
    return lambda per_second: Redelivery(database, Interventions(ledger, cast(Client, None)), per_second)


async def test_every_missed_delivery_once(database: Database, order: RecoveryOrder, ended: Ended) -> None:
    """However small the pages, deliveries of one moment come each once, by id, whatever their status, and no others."""
    failed, skipped = await ended(5, DeliveryStatus.FAILED), await ended(4, DeliveryStatus.SKIPPED)
    await ended(3, DeliveryStatus.DELIVERED)
    await ended(3, DeliveryStatus.PENDING)
    found, at = [], order
    while missed := await database.read(recoveries.missed, at, 2):
        found += [each.delivery_id for each in missed]
        at = replace(at, since=missed[-1].created_at, after=missed[-1].delivery_id)

    assert found == sorted(failed + skipped)
    assert await database.read(recoveries.count_missed, order) == 9
    assert await database.read(recoveries.count_missed, replace(order, statuses=("skipped",))) == 4
    for nothing in (
        {"until": given.AT},
        {"since": given.AT + timedelta(microseconds=1)},
        {"endpoint_id": "ep_other"},
        {"account_id": order.account_id + 1},
    ):
        other = replace(order, **cast(Any, nothing))
        assert await database.read(recoveries.count_missed, other) == 0, nothing
        assert await database.read(recoveries.missed, other, 9) == [], nothing


async def test_begun_once(database: Database, order: RecoveryOrder, stranger_id: int) -> None:
    """Begun again it is the same; another of its endpoint is told which is under way, until that has ended."""
    begun = await database.write(recoveries.begin, order, 7)
    other = replace(order, recovery_id=clock.new_id("rcv"))

    assert await database.write(recoveries.begin, order, 8) == begun
    assert (await database.write(recoveries.begin, other, 7)).id == begun.id
    ended = {"status": RecoveryStatus.COMPLETED, "completed_at": given.AT}
    assert await database.write(recoveries.change, stranger_id, begun.id, ended) is None
    assert await database.write(recoveries.change, order.account_id, begun.id, ended) is not None
    assert await database.write(recoveries.change, order.account_id, begun.id, {"status": "paused"}) is None
    assert (await database.write(recoveries.begin, other, 7)).id == other.recovery_id
    assert await database.read(recoveries.get, stranger_id, begun.id) is None
    assert (await database.read(recoveries.page, stranger_id, 50, None)).data == []
    assert len((await database.read(recoveries.page, order.account_id, 50, None)).data) == 2


async def test_progress_is_written_once(database: Database, order: RecoveryOrder) -> None:
    """A batch that is told twice, or after a later one, counts once, and so do its failures; the last 20 are kept."""
    await database.write(recoveries.begin, order, 30)
    first, second = replace(order, done=2, failed=1), replace(order, done=3, failed=22)
    failures = [Failure(f"dlv_{n}", "why") for n in range(22)]
    for at, told in ((first, failures[:1]), (first, failures[:1]), (second, failures[1:]), (first, failures[:1])):
        await database.write(recoveries.advance, at, told)
    found = await database.read(recoveries.get, order.account_id, order.recovery_id)

    assert found is not None
    assert (found.total, found.done, found.failed) == (30, 3, 22)
    assert found.failures == failures[2:]


@pytest.mark.parametrize(
    ("per_second", "count", "seconds"), [(20, 20, 1), (0.5, 1, 2), (1.5, 1, 1 / 1.5), (200, 40, 0.2), (1000, 40, 0.04)]
)
async def test_the_pace(
    redelivery: Callable[[float], Redelivery],
    order: RecoveryOrder,
    ended: Ended,
    per_second: float,
    count: int,
    seconds: float,
) -> None:
    """A turn takes as long as its deliveries may by the setting, and has at most forty."""
    await ended(45, DeliveryStatus.FAILED)
    turn = await redelivery(per_second).turn(order)

    assert (turn.status, turn.total, len(turn.missed)) == ("running", 45, count)
    assert turn.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(("waiting", "count"), [(25, 15), (39, 1), (45, 1)])
async def test_a_receiver_that_is_slower(
    redelivery: Callable[[float], Redelivery], order: RecoveryOrder, ended: Ended, waiting: int, count: int
) -> None:
    """While first attempts wait, fewer are added, so that forty wait at most; but one a second always is."""
    await ended(45, DeliveryStatus.FAILED)
    await ended(waiting, DeliveryStatus.PENDING)
    turn = await redelivery(100).turn(order)

    assert (len(turn.missed), turn.seconds) == (count, 1)


async def test_a_turn_after_its_end(
    database: Database, redelivery: Callable[[float], Redelivery], registry: Registry, order: RecoveryOrder
) -> None:
    """One that has nothing to send ends, and stays ended whatever becomes of its endpoint."""
    desk = redelivery(20)
    assert (await desk.turn(order)).status == "completed"
    await registry.disable(Actor(order.account_id), order.endpoint_id)
    assert (await desk.turn(order)).status == "completed"
    found = await database.read(recoveries.get, order.account_id, order.recovery_id)
    assert found is not None
    assert found.completed_at is not None


async def test_paused_before_it_is_sent(
    database: Database, redelivery: Callable[[float], Redelivery], order: RecoveryOrder, ended: Ended
) -> None:
    """A batch that was listed before a pause, and is sent only now, because nobody could for a while, waits as well;
    what a replay had begun of it counts, and what was delivered after all is not sent.
    """
    begun, delivered, *_ = await ended(4, DeliveryStatus.FAILED)
    turn = await redelivery(20).turn(order)
    await _set(database, begun, run=1)
    await _set(database, delivered, status=DeliveryStatus.DELIVERED)
    paused = {"status": RecoveryStatus.PAUSED}
    await database.write(recoveries.change, order.account_id, order.recovery_id, paused)

    after = await redelivery(20).send(MissedBatch(order, turn.missed))

    assert len(turn.missed) == 4
    assert (after.done, after.failed, after.after) == (1, 0, begun)


async def test_a_paused_one_of_a_deleted_endpoint(
    redelivery: Callable[[float], Redelivery], registry: Registry, order: RecoveryOrder, ended: Ended
) -> None:
    """One that paused because its endpoint was disabled ends when that is deleted."""
    await ended(2, DeliveryStatus.SKIPPED)
    desk, actor = redelivery(20), Actor(order.account_id)
    await desk.turn(order)
    await registry.disable(actor, order.endpoint_id)
    paused = [(await desk.turn(order)).status for _ in range(2)]
    await registry.delete(actor, order.endpoint_id)

    end = await desk.turn(order)

    assert paused == ["paused", "paused"]
    assert (end.status, end.reason) == ("cancelled", "the endpoint was deleted")


async def _set(database: Database, delivery_id: str, **values: Any) -> None:
    changed = update(tables.deliveries).where(tables.deliveries.c.id == delivery_id).values(values)
    await database.write(lambda conn: conn.execute(changed).rowcount)
