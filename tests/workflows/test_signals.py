"""What is asked of a delivery by signals that come at the worst moment."""

import asyncio
import itertools
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from workflows.delivery import Delivery
from zonehook import dialects, messages
from zonehook.messages import AtOnce, DeliveryEnd, DeliveryOrder


@dataclass
class Noted:
    """Activities that note that they were called."""

    calls: list[str] = field(default_factory=list)
    failures: int = 0
    was_made_before: bool = False

    @activity.defn(name=messages.DELIVER_AT_ONCE)
    async def deliver_at_once(self, order: DeliveryOrder) -> AtOnce:
        self.calls.append("first attempt")
        return AtOnce(None, order, self.was_made_before)

    @activity.defn(name=messages.DELIVER)
    async def deliver(self, _order: DeliveryOrder) -> DeliveryEnd:
        self.calls.append("attempt")
        if len(self.calls) <= self.failures:
            raise ApplicationError("503", type=messages.ATTEMPT_FAILED, next_retry_delay=timedelta(hours=1))
        return DeliveryEnd("delivered", 2)

    @activity.defn(name=messages.HURRY_DELIVERY)
    async def hurry_delivery(self, _order: DeliveryOrder) -> None:
        self.calls.append("hurried")

    @activity.defn(name=messages.CANCEL_DELIVERY)
    async def cancel_delivery(self, _order: DeliveryOrder) -> DeliveryEnd:
        self.calls.append("cancelled")
        return DeliveryEnd("cancelled", 0)


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ("cancel", ["cancelled"]),
        ("Temporal's cancel", ["cancelled"]),
        ("retry_now", ["first attempt", "attempt"]),
    ],
)
async def test_what_was_asked_before_is_heard_first(client: Client, asked: str, calls: list[str]) -> None:
    """A delivery that was cancelled while no worker was there is not sent; one to be hurried is tried, not twice."""
    queue, noted = str(uuid.uuid4()), Noted()
    policy = dialects.named("standard").policy
    order = DeliveryOrder(1, "dlv_1", "ep_1", "domain.create", "hooks.example", policy, at_once=True)
    delivery = await client.start_workflow(Delivery.run, order, id=f"delivery/{queue}", task_queue=queue)
    await (delivery.cancel() if asked == "Temporal's cancel" else delivery.signal(asked))

    every = [noted.deliver_at_once, noted.deliver, noted.hurry_delivery, noted.cancel_delivery]
    async with Worker(client, task_queue=queue, workflows=[Delivery], activities=every):
        end = await delivery.result()

    assert noted.calls == calls
    assert end.status == ("delivered" if asked == "retry_now" else "cancelled")


@pytest.mark.parametrize(
    ("asked", "calls"), [("look_again", ["attempt"] * 2), ("retry_now", ["attempt", "hurried", "attempt"])]
)
async def test_after_the_attempt_that_was_meant(client: Client, asked: str, calls: list[str]) -> None:
    """The signal that the records changed, which may come after the attempt it was about, makes no other attempt due;
    an operator's retry-now does.
    """
    queue, noted = str(uuid.uuid4()), Noted(failures=1)
    order = DeliveryOrder(1, "dlv_1", "ep_1", "domain.create", "hooks.example", dialects.named("standard").policy)
    every = [noted.deliver_at_once, noted.deliver, noted.hurry_delivery, noted.cancel_delivery]
    async with Worker(client, task_queue=queue, workflows=[Delivery], activities=every):
        delivery = await client.start_workflow(Delivery.run, order, id=f"delivery/{queue}", task_queue=queue)
        await _back_off(delivery)
        await delivery.signal(asked)
        await delivery.result()

    assert noted.calls == calls


async def test_asked_after_an_attempt_that_nobody_told_of(client: Client) -> None:
    """Where a worker died with the first attempt made, a retry-now signalled since then makes the second at once."""
    queue, noted = str(uuid.uuid4()), Noted(was_made_before=True)
    policy = dialects.named("standard").policy
    order = DeliveryOrder(1, "dlv_1", "ep_1", "domain.create", "hooks.example", policy, at_once=True)
    delivery = await client.start_workflow(Delivery.run, order, id=f"delivery/{queue}", task_queue=queue)
    await delivery.signal(messages.RETRY_NOW)

    every = [noted.deliver_at_once, noted.deliver, noted.hurry_delivery, noted.cancel_delivery]
    async with Worker(client, task_queue=queue, workflows=[Delivery], activities=every):
        await delivery.result()

    assert noted.calls == ["first attempt", "hurried", "attempt"]


async def _back_off(delivery: WorkflowHandle[Any, Any]) -> None:
    """Returns when the delivery waits for its next attempt."""
    for _ in itertools.count():
        found = (await delivery.describe()).raw_description.pending_activities
        if any(each.HasField("last_failure") for each in found):
            return
        await asyncio.sleep(0.05)  # Temporal tells how things stand, not when they change
