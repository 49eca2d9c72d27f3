"""Nothing of an account can be seen or changed by another."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.store import given
from zonehook.archive import Archive
from zonehook.errors import NotFound
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.messages import DeliveryOrder
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import deliveries, endpoints, events, health
from zonehook.store.database import Database
from zonehook.store.deliveries import DeliveryFilter
from zonehook.store.events import EventFilter


@pytest.fixture
async def order(registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int) -> DeliveryOrder:
    """A delivery of the account, with an attempt."""
    await given.endpoint(registry, account_id)
    order = await given.order(fanout, account_id)
    await ledger.record(order, await ledger.duty(order), given.sent())
    return order


async def test_statements_find_nothing_of_another_account(
    database: Database, order: DeliveryOrder, account_id: int, stranger_id: int
) -> None:
    """Every statement that takes an account finds for its owner what it does not find for a stranger."""
    event_id = (await database.read(deliveries.page, account_id, DeliveryFilter(), 50, None)).data[0].event_id
    for account, is_owner in ((account_id, True), (stranger_id, False)):
        found = await database.read(_all_of, account, event_id, order)
        assert [bool(each) for each in found] == [is_owner] * len(found)


def _all_of(conn: Connection, account: int, event_id: str, order: DeliveryOrder) -> list[object]:
    """What each statement finds."""
    return [
        events.get(conn, account, event_id),
        events.firsts(conn, account, [event_id]),
        events.page(conn, account, EventFilter(), 50, None).data,
        endpoints.get(conn, account, order.endpoint_id),
        endpoints.page(conn, account, 50, None).data,
        endpoints.secret_of(conn, account, order.endpoint_id),
        endpoints.count(conn, account),
        health.tallies(conn, account, order.endpoint_id, given.AT - timedelta(hours=1)),
        health.last_failure(conn, account, order.endpoint_id, (200, 299)),
        endpoints.all_of(conn, account),
        deliveries.get(conn, account, order.delivery_id),
        deliveries.page(conn, account, DeliveryFilter(event_id=event_id), 50, None).data,
        deliveries.duty(conn, account, order.delivery_id),
        deliveries.of_event(conn, account, event_id),
        deliveries.standing_of_event(conn, account, event_id),
        deliveries.attempts_of(conn, account, order.delivery_id),
    ]


REFUSED: list[Callable[[Registry, Archive, Ledger, int, DeliveryOrder], Awaitable[Any]]] = [
    lambda registry, _, __, account, order: registry.get(account, order.endpoint_id),
    lambda registry, _, __, account, order: registry.change(Actor(account), order.endpoint_id, {"description": "mine"}),
    lambda registry, _, __, account, order: registry.disable(Actor(account), order.endpoint_id),
    lambda registry, _, __, account, order: registry.enable(Actor(account), order.endpoint_id),
    lambda registry, _, __, account, order: registry.clear_suppression(Actor(account), order.endpoint_id),
    lambda registry, _, __, account, order: registry.rotate_secret(Actor(account), order.endpoint_id),
    lambda registry, _, __, account, order: registry.reveal_secret(Actor(account), order.endpoint_id),
    lambda _, archive, __, account, order: archive.health(account, order.endpoint_id),
    lambda registry, _, __, account, order: registry.delete(Actor(account), order.endpoint_id),
    lambda _, archive, __, account, order: archive.get(account, order.delivery_id),
    lambda _, archive, __, account, order: archive.attempts(account, order.delivery_id),
    lambda _, archive, __, account, order: archive.request(account, order.delivery_id),
    lambda _, __, ledger, account, order: ledger.standing(account, order.delivery_id),
    lambda _, __, ledger, account, order: ledger.duty(replace(order, account_id=account)),
]


async def test_desks_know_nothing_of_another_account(
    registry: Registry, archive: Archive, ledger: Ledger, order: DeliveryOrder, account_id: int, stranger_id: int
) -> None:
    """Whatever a stranger asks for, there is no such object, and it stays as it was."""
    before = await registry.get(account_id, order.endpoint_id), await archive.get(account_id, order.delivery_id)
    for ask in REFUSED:
        with pytest.raises(NotFound):
            await ask(registry, archive, ledger, stranger_id, order)
    assert before == (
        await registry.get(account_id, order.endpoint_id),
        await archive.get(account_id, order.delivery_id),
    )


async def test_an_event_goes_to_its_own_account(
    registry: Registry, fanout: Fanout, stranger_id: int, account_id: int
) -> None:
    """Endpoints of another account get nothing of an event, though they listen to everything."""
    await given.endpoint(registry, stranger_id)
    assert (await fanout.open(given.event(account_id))).orders == ()
