"""A recovery's long clock: its pace, and what interrupts its waits, on a Temporal that skips the time."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest_asyncio
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from workflows.recovery import Recovery
from zonehook import devserver, messages, temporal
from zonehook.recovery import Missed, MissedBatch, RecoveryOrder, RecoveryTurn, Steering

_AT = datetime(2026, 7, 2, 12, tzinfo=UTC)
_PATIENCE = 60.0
_SHORT = "limit.historyCount.suggestContinueAsNew=60"  # as if that were many events


@pytest_asyncio.fixture(scope="module")
async def skipping() -> AsyncIterator[Client]:
    """A client of a Temporal server that skips the time in which nothing is under way."""
    options = [*devserver._DYNAMIC_CONFIG, "frontend.WorkflowTimeSkippingEnabled=true", _SHORT]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        data_converter=temporal.DATA_CONVERTER,
        dev_server_existing_path=devserver._binary(),
        dev_server_log_level="error",
        dev_server_extra_args=[word for option in options for word in ("--dynamic-config-value", option)],
        dev_server_startup_timeout=timedelta(seconds=_PATIENCE),
    ) as environment:
        yield environment.client


@dataclass
class Noted:
    """Activities that note when they were called: as many batches of one delivery, each of which may take a turn of
    `seconds`, as there are `left`.
    """

    left: int
    seconds: float = 1
    status: str = "running"
    sent_at: list[datetime] = field(default_factory=list)
    steered: list[str] = field(default_factory=list)
    looked: int = 0
    looked_often: asyncio.Event = field(default_factory=asyncio.Event)

    @activity.defn(name=messages.LOOK_AT_RECOVERY)
    async def look_at_recovery(self, order: RecoveryOrder) -> RecoveryTurn:
        self.looked += 1
        if self.looked == 3:
            self.looked_often.set()
        if self.status != "running":
            return RecoveryTurn(self.status, None, self.left, (), 60)
        if order.done == self.left:
            return RecoveryTurn("completed", None, self.left, (), 60)
        missed = Missed(f"dlv_{order.done}", 0, _AT)
        return RecoveryTurn("running", None, self.left, (missed,), self.seconds)

    @activity.defn(name=messages.SEND_MISSED_AGAIN)
    async def send_missed_again(self, batch: MissedBatch) -> RecoveryOrder:
        self.sent_at.append(activity.info().current_attempt_scheduled_time)
        return replace(batch.order, done=batch.order.done + len(batch.missed))

    @activity.defn(name=messages.STEER_RECOVERY)
    async def steer_recovery(self, steering: Steering) -> None:
        self.steered.append(steering.verb)
        self.status = {"pause": "paused", "resume": "running", "cancel": "cancelled"}[steering.verb]

    def worker(self, client: Client, queue: str) -> Worker:
        every: list[Callable[..., Any]] = [self.look_at_recovery, self.send_missed_again, self.steer_recovery]
        return Worker(client, task_queue=queue, workflows=[Recovery], activities=every)


def _order() -> RecoveryOrder:
    return RecoveryOrder(1, "rcv_1", "ep_1", _AT, _AT, ("failed",), _AT)


async def test_the_pace_is_kept(skipping: Client) -> None:
    """Between two batches lies the time that the desk gave for the first, also when somebody wakes the recovery."""
    queue, noted = str(uuid.uuid4()), Noted(left=6, seconds=3600)
    async with noted.worker(skipping, queue):
        handle = await skipping.start_workflow(Recovery.run, _order(), id=f"recovery/{queue}", task_queue=queue)
        for _ in range(3):
            await handle.signal(messages.LOOK_AGAIN)
        async with asyncio.timeout(_PATIENCE):
            end = await handle.result()

    assert (end.status, end.done, end.total) == ("completed", 6, 6)
    assert len(noted.sent_at) == 6
    waits = [later - earlier for earlier, later in pairwise(noted.sent_at)]
    assert all(abs(wait - timedelta(hours=1)) < timedelta(minutes=1) for wait in waits), waits


async def test_asked_before_any_worker_came(skipping: Client) -> None:
    """What operators signalled while no worker was there is done in order, before anything is sent."""
    queue, noted = str(uuid.uuid4()), Noted(left=3)
    handle = await skipping.start_workflow(Recovery.run, _order(), id=f"recovery/{queue}", task_queue=queue)
    for signal in ("pause", "resume", "cancel"):
        await handle.signal(signal)
    async with noted.worker(skipping, queue), asyncio.timeout(_PATIENCE):
        end = await handle.result()

    assert (noted.steered, noted.sent_at, end.status) == (["pause", "resume", "cancel"], [], "cancelled")


async def test_a_pause_that_nobody_ended_by_a_signal(skipping: Client) -> None:
    """Resumed in the records alone, because the API was killed before it could tell, it goes on within a minute."""
    queue, noted = str(uuid.uuid4()), Noted(left=2, status="paused")
    async with noted.worker(skipping, queue):
        handle = await skipping.start_workflow(Recovery.run, _order(), id=f"recovery/{queue}", task_queue=queue)
        await asyncio.wait_for(noted.looked_often.wait(), _PATIENCE)
        noted.status = "running"
        end = await asyncio.wait_for(handle.result(), _PATIENCE)

    assert (end.status, end.done) == ("completed", 2)


async def test_a_long_one_begins_anew_where_it_was(skipping: Client) -> None:
    """However many batches there are, no history grows without end: the next one goes on from the last delivery."""
    queue, noted = str(uuid.uuid4()), Noted(left=40)
    async with noted.worker(skipping, queue):
        handle = await skipping.start_workflow(Recovery.run, _order(), id=f"recovery/{queue}", task_queue=queue)
        end = await asyncio.wait_for(handle.result(), _PATIENCE)
        described = await skipping.get_workflow_handle(f"recovery/{queue}").describe()

    assert (end.status, end.done, len(noted.sent_at)) == ("completed", 40, 40)
    assert described.run_id != handle.first_execution_run_id
    assert described.history_length < 120
