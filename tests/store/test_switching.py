"""Endpoints are switched while their deliveries are written: nobody waits for ever, and nothing written is lost."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from tests.store import given
from zonehook.archive import Archive
from zonehook.endpoints import EndpointStatus
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import endpoints
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.verdicts import DeliveryStatus, End

_CANCELLED = End(DeliveryStatus.CANCELLED, "it was cancelled by hand")


@pytest_asyncio.fixture
async def elsewhere(url: str, database: Database) -> AsyncIterator[Database]:
    """The same database as another process has it."""
    another = Database(url)
    yield another
    await another.close()


async def test_two_rotations_at_once(
    registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two rotations at the same moment neither is lost: the new secret of the earlier signs beside the later's."""
    endpoint_id = await given.endpoint(registry, account_id)
    order = await given.order(fanout, account_id)
    both_have_read = threading.Barrier(2)
    change = endpoints.change

    def change_after_both_have_read(*args: Any) -> bool:
        with contextlib.suppress(threading.BrokenBarrierError):  # the other is kept from reading meanwhile
            both_have_read.wait(timeout=1)
        return change(*args)

    monkeypatch.setattr(endpoints, "change", change_after_both_have_read)
    rotated = await asyncio.gather(*(registry.rotate_secret(Actor(account_id), endpoint_id) for _ in range(2)))

    assert set((await ledger.duty(order)).secrets) == set(rotated)


@pytest.mark.rows("ALL-10", "ALL-11")
async def test_switched_at_the_moment_of_the_record(
    database: Database, elsewhere: Database, registry: Registry, fanout: Fanout, ledger: Ledger, archive: Archive,
    cipher: Cipher, account_id: int,
) -> None:  # fmt: skip
    """Twenty attempts are written while two processes disable, enable, delete, rotate and cancel: all are recorded."""
    others = Registry(elsewhere, cipher, ())
    ids = [await given.endpoint(registry, account_id) for _ in range(20)]
    orders = {order.endpoint_id: order for order in (await fanout.open(given.event(account_id))).orders}
    duties = {endpoint_id: await ledger.duty(order) for endpoint_id, order in orders.items()}

    async def switched(endpoint_id: str, desk: Registry) -> None:
        await desk.disable(Actor(account_id), endpoint_id)
        await desk.rotate_secret(Actor(account_id), endpoint_id)
        await desk.clear_suppression(Actor(account_id), endpoint_id)
        await desk.enable(Actor(account_id), endpoint_id)

    at_once: list[Coroutine[Any, Any, Any]] = []
    for endpoint_id in ids:
        sent = given.sent(1, 200 if endpoint_id in ids[:10] else 503)
        at_once.append(ledger.record(orders[endpoint_id], duties[endpoint_id], sent))
        if endpoint_id in ids[::2]:
            at_once += [switched(endpoint_id, desk) for desk in (registry, others)]
        else:
            at_once += [others.delete(Actor(account_id), endpoint_id), ledger.end(orders[endpoint_id], _CANCELLED)]
    async with asyncio.timeout(60):
        await asyncio.gather(*at_once)

    for endpoint_id in ids:
        delivery = await archive.get(account_id, orders[endpoint_id].delivery_id)
        [attempt] = await archive.attempts(account_id, delivery.id)
        ended = DeliveryStatus.CANCELLED if endpoint_id in ids[1::2] else DeliveryStatus.RETRYING
        assert delivery.status is (DeliveryStatus.DELIVERED if attempt.status_code == 200 else ended)
        assert (delivery.next_retry_at is not None) == (delivery.status is DeliveryStatus.RETRYING)
        assert delivery.attempts == 1
    assert {(await registry.get(account_id, each)).status for each in ids[::2]} == {EndpointStatus.ENABLED}
