"""Opening an event: its row and a delivery for every endpoint that listens, once, all or nothing."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from tests.store import given
from zonehook import dialects, schedules
from zonehook import fanout as fanouts
from zonehook.dialects import Letter
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.messages import AcceptedEvent, DeliveryOrder, Sent
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import events as stored
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery
from zonehook.store.tables import deliveries, events
from zonehook.verdicts import DeliveryStatus


async def _opened(database: Database, event: AcceptedEvent) -> list[Delivery]:
    return await database.read(given.deliveries_of, event)


async def _counts(database: Database) -> tuple[int, ...]:
    """How many events, deliveries and bodies there are."""
    counting = [select(func.count(column)) for column in (events.c.id, deliveries.c.id, deliveries.c.body)]
    return await database.read(lambda conn: tuple(conn.execute(each).scalar_one() for each in counting))


async def test_who_listens_gets_a_delivery(
    database: Database, registry: Registry, fanout: Fanout, account_id: int
) -> None:
    """Endpoints that subscribed to the type, or to all, get one pending delivery each; others get none."""
    wanting = [
        await given.endpoint(registry, account_id, events=wanted)
        for wanted in ([], ["domain.create"], ["zone.*", "domain.*"])
    ]
    await given.endpoint(registry, account_id, events=["domain.delete", "zone.*"])
    event = given.event(account_id)
    opened = await fanout.open(event)
    assert sorted(order.endpoint_id for order in opened.orders) == sorted(wanting)
    assert opened.next is None
    found = await _opened(database, event)
    assert {each.id for each in found} == {order.delivery_id for order in opened.orders}
    assert {(each.status, each.attempts, each.reason) for each in found} == {(DeliveryStatus.PENDING, 0, None)}


async def test_an_order_says_all_that_the_schedule_needs(registry: Registry, fanout: Fanout, account_id: int) -> None:
    """A delivery is ordered with its dialect's policy, its host for people to read, and no secret."""
    secret = "whsec_" + "A" * 32
    endpoint_id = await given.endpoint(registry, account_id, secret=secret, headers={"X-Token": "s3cret"})
    order = await given.order(fanout, account_id)
    assert order == DeliveryOrder(
        account_id,
        order.delivery_id,
        endpoint_id,
        "domain.create",
        "8.8.8.8",
        dialects.named("standard").policy,
        at_once=True,
    )


@pytest.mark.rows("ALL-12")
async def test_a_time_scale_reaches_every_order(database: Database, registry: Registry, account_id: int) -> None:
    """With a time scale of a thousandth, deliveries are ordered with a thousandth of their waits and window."""
    await given.endpoint(registry, account_id)
    quick = Fanout(database, time_scale=0.001, is_fast=False)
    order = await given.order(quick, account_id)
    assert order.policy == schedules.scaled(dialects.named("standard").policy, 0.001)


async def test_opening_twice_opens_once(
    database: Database, registry: Registry, fanout: Fanout, account_id: int
) -> None:
    """After a crash the event is opened again: the same deliveries are ordered, and none is added."""
    await given.endpoint(registry, account_id)
    event = given.event(account_id, key="once")
    first = await fanout.open(event)
    await given.endpoint(registry, account_id)  # one that came too late
    assert await fanout.open(event) == first
    assert await _counts(database) == (1, 1, 1)


async def test_opening_at_once_opens_once(
    database: Database, registry: Registry, fanout: Fanout, account_id: int
) -> None:
    """Eight workers that open the same event in the same moment open it once and order the same."""
    await given.endpoint(registry, account_id)
    await given.endpoint(registry, account_id)
    event = given.event(account_id, key="once")
    opened = await asyncio.gather(*(fanout.open(event) for _ in range(8)))
    assert [each == opened[0] for each in opened] == [True] * 8
    assert len(opened[0].orders) == 2
    assert await _counts(database) == (1, 2, 1)


async def test_an_event_that_nobody_wants_is_kept(database: Database, fanout: Fanout, account_id: int) -> None:
    """Without a listener the event is written all the same."""
    assert (await fanout.open(given.event(account_id))).orders == ()
    assert await _counts(database) == (1, 0, 0)


@pytest.mark.rows("DN2-43")
async def test_an_inactive_endpoint_is_skipped_and_listed(
    database: Database, registry: Registry, fanout: Fanout, account_id: int
) -> None:
    """For a disabled endpoint no attempt is ordered; the delivery is listed as skipped, and says why."""
    active = await given.endpoint(registry, account_id)
    disabled = await given.endpoint(registry, account_id)
    await registry.disable(Actor(account_id), disabled)
    event = given.event(account_id)
    assert [order.endpoint_id for order in (await fanout.open(event)).orders] == [active]
    (skipped,) = [each for each in await _opened(database, event) if each.endpoint_id == disabled]
    assert skipped.status is DeliveryStatus.SKIPPED
    assert skipped.reason == "the endpoint was disabled when the event came"
    assert skipped.completed_at == skipped.created_at
    await registry.enable(Actor(account_id), disabled)
    assert [order.endpoint_id for order in (await fanout.open(event)).orders] == [active]


async def test_a_deleted_endpoint_gets_nothing(
    database: Database, registry: Registry, fanout: Fanout, account_id: int
) -> None:
    """For an endpoint that is gone there is not even a skipped delivery."""
    await registry.delete(Actor(account_id), await given.endpoint(registry, account_id))
    event = given.event(account_id)
    assert (await fanout.open(event)).orders == ()
    assert await _opened(database, event) == []


async def test_equal_bodies_are_kept_once(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int
) -> None:
    """Endpoints that are sent the same bytes share them, and each gets them whole; another event has its own."""
    for _ in range(3):
        await given.endpoint(registry, account_id)
    event = given.event(account_id, data='{"name":"bücher.example","price":1.10}')
    opened = await fanout.open(event)
    assert await _counts(database) == (1, 3, 1)
    sent = {(await ledger.duty(order)).body for order in opened.orders}
    assert sent == {dialects.named("standard").envelope(Letter(event, "", "someone"))}
    await fanout.open(given.event(account_id))
    assert await _counts(database) == (2, 6, 2)


@pytest.mark.parametrize("endpoints", [3, 4, 5])
async def test_a_wide_event_is_ordered_page_by_page(
    registry: Registry, fanout: Fanout, account_id: int, endpoints: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More deliveries than one run starts are ordered in pages: each once, none forgotten, no data repeated."""
    monkeypatch.setattr(fanouts, "PAGE_OF_ORDERS", 2)
    made = [await given.endpoint(registry, account_id) for _ in range(endpoints)]
    event, after, ordered = given.event(account_id), None, list[str]()
    while True:
        opened = await fanout.open(replace(event, after=after, data="" if after else event.data))
        assert len(opened.orders) <= 2
        ordered += [order.endpoint_id for order in opened.orders]
        after = opened.next
        if after is None:
            break
    assert sorted(ordered) == sorted(made)


@pytest.mark.parametrize(("endpoints", "is_fast"), [(1, True), (2, False), (5, False)])
async def test_a_wide_event_is_not_for_the_fast_lane(
    database: Database,
    registry: Registry,
    account_id: int,
    endpoints: int,
    is_fast: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there is or may be another page, no slow receiver of this one holds it up: none of them is fast."""
    monkeypatch.setattr(fanouts, "PAGE_OF_ORDERS", 2)
    for _ in range(endpoints):
        await given.endpoint(registry, account_id)
    fast = Fanout(database, time_scale=1, is_fast=True)
    event = given.event(account_id)
    pages = [await fast.open(event)]
    while pages[-1].next is not None:
        pages.append(await fast.open(replace(event, data="", after=pages[-1].next)))
    assert {page.is_fast for page in pages} == {is_fast}
    assert sum(len(page.orders) for page in pages) == endpoints


def _took(duration_ms: int, status_code: int = 200) -> Sent:
    return replace(given.sent(1, status_code), duration_ms=duration_ms)


@pytest.mark.parametrize(
    ("last", "at_once"),
    [(_took(999), True), (_took(1000), False), (_took(10, 503), False), (_took(10_000, 503), False)],
)
async def test_only_who_is_well_and_prompt_is_tried_at_once(
    registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, last: Sent, at_once: bool
) -> None:
    """An endpoint whose last answer was a failure or took a second is not tried where others wait for it; after its
    next prompt success it is again.
    """
    await given.endpoint(registry, account_id)
    first = await given.order(fanout, account_id)
    await ledger.record(first, await ledger.duty(first), last)
    second = await given.order(fanout, account_id)
    await ledger.record(second, await ledger.duty(second), _took(999))
    third = await given.order(fanout, account_id)
    assert [each.at_once for each in (first, second, third)] == [True, at_once, True]


async def test_a_slow_success_after_a_failure(
    registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int
) -> None:
    """A success that took long ends a row of failures and leaves the endpoint a slow one."""
    endpoint_id = await given.endpoint(registry, account_id)
    for last in (_took(10, 503), _took(3000)):
        order = await given.order(fanout, account_id)
        await ledger.record(order, await ledger.duty(order), last)
    assert (await registry.get(account_id, endpoint_id)).consecutive_failures == 0
    assert not (await given.order(fanout, account_id)).at_once


async def test_held_in_opposite_orders(database: Database, account_id: int) -> None:
    """Two that write the same hundred events at once, one of them backwards, do not wait for each other for ever."""
    for _ in range(10):
        batch = [given.event(account_id) for _ in range(100)]
        await asyncio.gather(*(database.write(stored.hold, each) for each in (batch, batch[::-1], batch)))
    assert await _counts(database) == (1000, 0, 0)
