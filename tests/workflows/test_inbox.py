"""What an inbox makes of very many signals, and of an operator who resets it."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.worker import Worker

from workflows.inbox import Inbox
from zonehook import messages
from zonehook.inbox import INBOX_WORKFLOW, NOTE_REFUSED, NotedRefusals
from zonehook.messages import Offer, PublishOrder, Refused


@dataclass
class Desk:
    """Takes everything, and keeps it."""

    orders: list[PublishOrder] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def offers(self) -> set[Offer]:
        """Told twice, because nobody heard the answer, they are the same."""
        return {offer for order in self.orders for offer in order.offers}

    @activity.defn(name=messages.PUBLISH)
    async def publish(self, order: PublishOrder) -> list[Refused]:
        async with self._changed:
            self.orders.append(order)
            self._changed.notify_all()
        return []

    @activity.defn(name=NOTE_REFUSED)
    async def note_refused(self, noted: NotedRefusals) -> None:
        raise AssertionError(noted)

    async def has(self, count: int) -> None:
        """Returns when so many offers have come."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: sum(len(order.offers) for order in self.orders) >= count)

    def working(self, client: Client, queue: str) -> Worker:
        activities: list[Callable[..., Any]] = [self.publish, self.note_refused]
        return Worker(client, task_queue=queue, workflows=[Inbox], activities=activities)


async def _signal(client: Client, queue: str, text: str) -> None:
    event = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=text.encode()))
    await client.start_workflow(
        INBOX_WORKFLOW, id="inbox/1", task_queue=queue, start_signal="publish", start_signal_args=[event]
    )


async def _drained(client: Client) -> tuple[str, str]:
    """The first and the last run, once the inbox has taken everything and ended."""
    inbox = client.get_workflow_handle("inbox/1")
    await inbox.cancel()
    result: str = await inbox.result()
    assert result.endswith("0 were refused"), result
    info = (await inbox.describe()).raw_description.workflow_execution_info
    return info.first_run_id, info.execution.run_id


async def reset(client: Client, workflow_id: str, reapplying: bool = True) -> None:
    """To its first task, as an operator does; `reapplying`: the signals that came later come again."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    first_task = next(
        each.event_id for each in history.events if each.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )
    excluded = [] if reapplying else [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL]
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            workflow_task_finish_event_id=first_task,
            request_id=str(uuid.uuid4()),
            reason="a test",
            reset_reapply_exclude_types=excluded,
        )
    )


async def test_a_crowd_that_waited_for_a_worker(client: Client) -> None:
    """4,500 signals that came while no worker was there are all offered, each under a key of its own, over several
    runs, in batches that Temporal can carry.
    """
    queue, desk = str(uuid.uuid4()), Desk()
    for number in range(4500):
        await _signal(client, queue, f'{{"n": {number}}}')

    async with desk.working(client, queue):
        await desk.has(4500)
        first_run, last_run = await _drained(client)

    assert sorted(offer.document for offer in desk.offers) == sorted(f'{{"n": {number}}}' for number in range(4500))
    assert len({offer.key for offer in desk.offers}) == 4500
    assert {offer.key.partition("/")[0] for offer in desk.offers} == {first_run}
    assert first_run != last_run
    assert max(len(order.offers) for order in desk.orders) <= 100
    assert max(len(offer.key) for offer in desk.offers) <= 255


async def test_large_events(client: Client) -> None:
    """Forty events of nearly 256 KiB, every character of which takes two in a message, all come through."""
    queue, desk = str(uuid.uuid4()), Desk()
    large = ['"' * 250_000 + str(number) for number in range(40)]
    async with desk.working(client, queue):
        for each in large:
            await _signal(client, queue, each)
        await _drained(client)

    assert sorted(offer.document for offer in desk.offers) == sorted(large)


async def test_a_reset_offers_the_same_again(client: Client) -> None:
    """An operator who resets an inbox to its beginning has it offer the same events again, under the same keys, so that
    the desk knows them.
    """
    queue, desk = str(uuid.uuid4()), Desk()
    async with desk.working(client, queue):
        for number in range(3):
            await _signal(client, queue, f'{{"n": {number}}}')
        await _drained(client)
        before, desk.orders = desk.offers, []
        await reset(client, "inbox/1")
        await _drained(client)

    assert desk.offers == before
    assert len(before) == 3
