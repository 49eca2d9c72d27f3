"""Attempts are written down once each, together with what follows from them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.store import given
from zonehook import verdicts
from zonehook.archive import Archive
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.messages import DeliveryOrder
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store.deliveries import Delivery
from zonehook.verdicts import Attempt, DeliveryStatus, End, Wait


@pytest.fixture
async def order(registry: Registry, fanout: Fanout, account_id: int) -> DeliveryOrder:
    """A delivery that nobody attempted yet."""
    await given.endpoint(registry, account_id)
    return await given.order(fanout, account_id)


async def _delivery(archive: Archive, order: DeliveryOrder) -> Delivery:
    return await archive.get(order.account_id, order.delivery_id)


async def _numbers(archive: Archive, order: DeliveryOrder) -> list[int]:
    return [each.number for each in await archive.attempts(order.account_id, order.delivery_id)]


async def _failed(ledger: Ledger, order: DeliveryOrder, number: int = 1) -> Wait:
    decision = await ledger.record(order, await ledger.duty(order), given.sent(number))
    assert isinstance(decision, Wait)
    return decision


async def test_a_failure_is_written_with_what_follows(archive: Archive, ledger: Ledger, order: DeliveryOrder) -> None:
    """After a failed attempt the delivery is retrying, and says when the next one is due."""
    wait = await _failed(ledger, order)
    delivery = await _delivery(archive, order)
    assert delivery.status is DeliveryStatus.RETRYING
    assert (delivery.attempts, delivery.last_status_code, delivery.completed_at) == (1, 503, None)
    assert delivery.next_retry_at == wait.until
    assert given.AT + timedelta(seconds=14.25) <= wait.until <= given.AT + timedelta(seconds=15.65)


@pytest.mark.rows("CD-28")
async def test_every_attempt_is_kept_with_its_answer(archive: Archive, ledger: Ledger, order: DeliveryOrder) -> None:
    """Failures with and without an answer and the success are all listed: time, duration, status or error."""
    attempts = [given.sent(1, 503), given.sent(2, None, after=20), given.sent(3, 204, after=60)]
    for sent in attempts:
        await ledger.record(order, await ledger.duty(order), sent)
    kept = await archive.attempts(order.account_id, order.delivery_id)
    assert [(each.number, each.started_at, each.duration_ms, each.status_code, each.error) for each in kept] == [
        (1, given.AT, 250, 503, None),
        (2, given.AT + timedelta(seconds=20), 250, None, "timeout"),
        (3, given.AT + timedelta(seconds=60), 250, 204, None),
    ]
    assert [each.trigger for each in kept] == ["schedule"] * 3
    assert [each.response_excerpt for each in kept] == ["an answer", None, "an answer"]


async def test_a_success_ends_the_delivery_and_the_row_of_failures(
    registry: Registry, archive: Archive, ledger: Ledger, order: DeliveryOrder
) -> None:
    """A confirmed delivery is over and has nothing due; its endpoint's failures are forgotten."""
    await _failed(ledger, order)
    assert (await registry.get(order.account_id, order.endpoint_id)).consecutive_failures == 1
    decision = await ledger.record(order, await ledger.duty(order), given.sent(2, 200, after=15))
    assert decision == End(DeliveryStatus.DELIVERED)
    delivery = await _delivery(archive, order)
    assert (delivery.status, delivery.next_retry_at, delivery.attempts) == (DeliveryStatus.DELIVERED, None, 2)
    assert delivery.completed_at == given.AT + timedelta(seconds=15.25)
    assert (await registry.get(order.account_id, order.endpoint_id)).consecutive_failures == 0


async def test_the_tenth_failure_fails_the_delivery(archive: Archive, ledger: Ledger, order: DeliveryOrder) -> None:
    """Ten failures and no more: the delivery is failed, says so, and has nothing due."""
    for number in range(1, 10):
        await _failed(ledger, order, number)
    decision = await ledger.record(order, await ledger.duty(order), given.sent(10, 500))
    assert decision == End(DeliveryStatus.FAILED, "the last of 10 attempts got status 500")
    delivery = await _delivery(archive, order)
    assert (delivery.status, delivery.attempts, delivery.next_retry_at) == (DeliveryStatus.FAILED, 10, None)
    assert delivery.reason == "the last of 10 attempts got status 500"
    assert await _numbers(archive, order) == list(range(1, 11))


@pytest.mark.parametrize("status_code", [503, 200])
async def test_an_attempt_is_written_once(
    registry: Registry, archive: Archive, ledger: Ledger, order: DeliveryOrder, status_code: int
) -> None:
    """An attempt that comes again after a crash is recognised, and what follows from it is the same."""
    duty, sent = await ledger.duty(order), given.sent(1, status_code)
    first = await ledger.record(order, duty, sent)
    assert await ledger.record(order, duty, sent) == first
    assert await ledger.record(order, await ledger.duty(order), sent) == first
    assert await _numbers(archive, order) == [1]
    endpoint = await registry.get(order.account_id, order.endpoint_id)
    assert endpoint.consecutive_failures == (status_code != 200)


async def test_the_same_attempt_at_once_is_written_once(archive: Archive, ledger: Ledger, order: DeliveryOrder) -> None:
    """Eight workers that write the same attempt in the same moment write it once."""
    duty, sent = await ledger.duty(order), given.sent()
    decisions = await asyncio.gather(*(ledger.record(order, duty, sent) for _ in range(8)))
    assert len(set(decisions)) == 1
    assert await _numbers(archive, order) == [1]


@pytest.mark.parametrize("before", [0, 1])
async def test_two_attempts_at_once_get_two_numbers(
    registry: Registry, archive: Archive, ledger: Ledger, order: DeliveryOrder, before: int
) -> None:
    """Two workers that both made an attempt lose none of them: both are listed, counted and numbered."""
    for number in range(1, before + 1):
        await _failed(ledger, order, number)
    duty = await ledger.duty(order)
    both = [given.sent(before + 1, after=seconds) for seconds in (20, 21)]
    await asyncio.gather(*(ledger.record(order, duty, sent) for sent in both))
    assert await _numbers(archive, order) == list(range(1, before + 3))
    assert (await _delivery(archive, order)).attempts == before + 2
    assert (await registry.get(order.account_id, order.endpoint_id)).consecutive_failures == before + 2


@pytest.mark.rows("ALL-11")
async def test_deleting_an_endpoint_cancels_what_is_pending(
    registry: Registry, archive: Archive, ledger: Ledger, order: DeliveryOrder
) -> None:
    """After the deletion the delivery is cancelled, says why, has nothing due, and no attempt is made."""
    wait = await _failed(ledger, order)
    await registry.delete(Actor(order.account_id), order.endpoint_id)
    delivery = await _delivery(archive, order)
    assert (delivery.status, delivery.reason) == (DeliveryStatus.CANCELLED, "the endpoint was deleted")
    assert delivery.next_retry_at is None
    assert delivery.completed_at is not None
    progress = (await ledger.duty(order)).progress
    assert verdicts.before(progress, order.policy, wait.until) == End(
        DeliveryStatus.CANCELLED, "the endpoint was deleted"
    )


async def test_recording_and_deleting_at_once_get_by_each_other(
    registry: Registry, fanout: Fanout, archive: Archive, ledger: Ledger, account_id: int
) -> None:
    """An endpoint can be deleted while its attempts are written: neither fails for the other's sake."""
    for _ in range(5):
        endpoint_id = await given.endpoint(registry, account_id)
        order = await given.order(fanout, account_id)
        duty = await ledger.duty(order)
        recording = ledger.record(order, duty, given.sent())
        await asyncio.gather(recording, registry.delete(Actor(account_id), endpoint_id))
        assert (await _delivery(archive, order)).status is DeliveryStatus.CANCELLED
        assert await _numbers(archive, order) == [1]


@pytest.mark.parametrize(("status_code", "status"), [(503, DeliveryStatus.CANCELLED), (200, DeliveryStatus.DELIVERED)])
async def test_an_attempt_under_way_while_the_endpoint_is_deleted(
    registry: Registry, archive: Archive, ledger: Ledger, order: DeliveryOrder, status_code: int, status: DeliveryStatus
) -> None:
    """What arrived is delivered; what failed stays cancelled; either way the attempt is listed."""
    duty = await ledger.duty(order)
    await registry.delete(Actor(order.account_id), order.endpoint_id)
    decision = await ledger.record(order, duty, given.sent(1, status_code))
    assert isinstance(decision, End)
    delivery = await _delivery(archive, order)
    assert (decision.status, delivery.status, delivery.next_retry_at) == (status, status, None)
    assert await _numbers(archive, order) == [1]


@pytest.mark.rows("DN2-41")
async def test_an_endpoint_disabled_when_a_retry_is_due_ends_the_delivery(
    registry: Registry, archive: Archive, ledger: Ledger, order: DeliveryOrder
) -> None:
    """The retry is not made, the delivery ends as cancelled, and enabling the endpoint does not bring it back."""
    wait = await _failed(ledger, order)
    await registry.disable(Actor(order.account_id), order.endpoint_id)
    end = verdicts.before((await ledger.duty(order)).progress, order.policy, wait.until)
    assert end == End(DeliveryStatus.CANCELLED, "the endpoint was disabled when attempt 2 fell due")
    await ledger.end(order, end)
    await registry.enable(Actor(order.account_id), order.endpoint_id)
    assert verdicts.before((await ledger.duty(order)).progress, order.policy, wait.until) == end
    delivery = await _delivery(archive, order)
    assert (delivery.status, delivery.reason, delivery.next_retry_at) == (end.status, end.reason, None)


@pytest.mark.rows("DN2-42")
async def test_an_endpoint_enabled_again_in_time_changes_nothing(
    registry: Registry, ledger: Ledger, order: DeliveryOrder
) -> None:
    """Disabled and enabled before the retry is due, the delivery goes on with its number and its time."""
    wait = await _failed(ledger, order)
    await registry.disable(Actor(order.account_id), order.endpoint_id)
    moment = wait.until - timedelta(milliseconds=1)
    assert verdicts.before((await ledger.duty(order)).progress, order.policy, moment) == wait
    await registry.enable(Actor(order.account_id), order.endpoint_id)
    assert verdicts.before((await ledger.duty(order)).progress, order.policy, wait.until) == Attempt(2)


async def test_a_delivery_that_ended_stays_as_it_ended(archive: Archive, ledger: Ledger, order: DeliveryOrder) -> None:
    """Cancelling a delivered delivery changes nothing."""
    await ledger.record(order, await ledger.duty(order), given.sent(1, 200))
    before = await _delivery(archive, order)
    await ledger.end(order, End(DeliveryStatus.CANCELLED, "an operator cancelled it"))
    assert await _delivery(archive, order) == before


async def test_a_replay_has_a_budget_of_its_own(archive: Archive, ledger: Ledger, order: DeliveryOrder) -> None:
    """A replay keeps the attempts and their numbers, begins the schedule anew, and may be told twice."""
    for number in range(1, 10):
        await _failed(ledger, order, number)
    await ledger.record(order, await ledger.duty(order), given.sent(10))
    replayed = replace(order, run=1)
    duty = await ledger.duty(replayed)
    await ledger.reopen(replayed)
    assert verdicts.before(duty.progress, order.policy, given.AT + timedelta(days=1)) == Attempt(11)
    assert isinstance(await ledger.record(replayed, duty, given.sent(11, after=86_400)), Wait)
    assert await _numbers(archive, order) == list(range(1, 12))
    assert (await archive.attempts(order.account_id, order.delivery_id))[-1].trigger == "replay"


async def test_a_late_attempt_takes_nothing_from_the_replay(
    archive: Archive, ledger: Ledger, order: DeliveryOrder
) -> None:
    """An attempt of the run before, written when a replay has begun, is listed and uses none of the replay's budget."""
    duty = await ledger.duty(order)
    await ledger.end(order, End(DeliveryStatus.CANCELLED, "an operator cancelled it"))
    replayed = replace(order, run=1)
    await ledger.reopen(replayed)

    decision = await ledger.record(order, duty, given.sent(1))

    assert isinstance(decision, End)
    assert (await _delivery(archive, order)).status is DeliveryStatus.PENDING
    progress = (await ledger.duty(replayed)).progress
    assert (progress.made, progress.number, progress.next_retry_at) == (0, 1, None)
    assert (await ledger.duty(order)).is_superseded
