"""Scheduled events whose API or worker dies, or is not there yet, at the worst moment: the real desks, one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.publishing import Publishing
from activities.rescheduling import Rescheduling
from workflows.batch import Batch
from workflows.event import Event
from zonehook import clock, messages, scheduling
from zonehook.batches import Batches
from zonehook.enforcement import Enforcement
from zonehook.errors import Conflict
from zonehook.fanout import Fanout
from zonehook.intake import Accepted, Intake
from zonehook.messages import AcceptedEvent, EventChange, OpenedDeliveries
from zonehook.offers import Offered
from zonehook.scheduling import Scheduling
from zonehook.store import migrate, tables
from zonehook.store.database import Database
from zonehook.tenants import Tenants

_PATIENCE = 40.0
_SOON = timedelta(seconds=4)
_DAY = timedelta(days=1)


class Killed(Exception):
    """What becomes of a process in the middle of something."""


@dataclass
class Records:
    """The activities that ask the records, which may be away: how often they looked, and when they were missed."""

    fanout: Fanout
    rescheduling: Rescheduling
    looks: int = 0
    are_away: bool = False
    were_missed: asyncio.Event = field(default_factory=asyncio.Event)

    @activity.defn(name=messages.OPEN_DELIVERIES)
    async def open_deliveries(self, event: AcceptedEvent) -> OpenedDeliveries:
        self._ask()
        opened = await self.fanout.open(event)
        self.looks += 1
        return opened

    @activity.defn(name=messages.CHANGE_EVENT)
    async def change_event(self, change: EventChange) -> bool:
        self._ask()
        return await self.rescheduling.change_event(change)

    def _ask(self) -> None:
        if self.are_away:
            if not activity.info().is_local:  # from here on it waits for its next try
                self.were_missed.set()
            raise ApplicationError("the database is away")

    async def looked(self, times: int) -> None:
        async with asyncio.timeout(_PATIENCE):
            while self.looks < times:  # noqa: ASYNC110 (nothing tells)
                await asyncio.sleep(0.01)


@dataclass
class Waiting:
    """An account's events, the desks that steer them, and a worker that comes when it is wanted."""

    client: Client
    database: Database
    account_id: int

    def __post_init__(self) -> None:
        self.intake = Intake(self.database, self.client, Enforcement(self.database), starts_eagerly=False)
        self.batches = Batches(self.database, self.client, self.intake, starts_eagerly=False)
        self.desk = Scheduling(self.database, self.client, self.intake)
        self.records = Records(Fanout(self.database, time_scale=1, is_fast=False), Rescheduling(self.desk))

    async def accept(self, offered: Offered) -> str:
        return (await self.intake.accept(self.account_id, "standard", offered)).id

    async def batch(self, *offered: Offered) -> list[Accepted]:
        return await self.batches.accept(self.account_id, "standard", offered)

    def workflow(self, event_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(messages.event_workflow_id(self.account_id, event_id))

    def working(self) -> AbstractAsyncContextManager[object]:
        records, publishing = self.records, Publishing(self.intake)
        return Worker(
            self.client, task_queue=messages.TASK_QUEUE, workflows=[Event, Batch],
            activities=[records.open_deliveries, records.change_event, publishing.start_events],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )  # fmt: skip

    async def end(self, event_id: str) -> str:
        """How the event stands in the records when its workflow has ended."""
        async with asyncio.timeout(_PATIENCE):
            await self.workflow(event_id).result()
        found, _ = await self.intake.find(self.account_id, event_id)
        return found.status


class Dying(Scheduling):
    """Is killed when the records were changed, which they are not before its first signal was heard."""

    heard: Callable[[], Any]

    async def _change(self, event: AcceptedEvent, deliver_at: datetime | None) -> None:
        await self.heard()
        await super()._change(event, deliver_at)
        raise Killed


def tomorrows(key: str | None = None) -> Offered:
    return Offered(type="domain.create", data="{}", key=key, deliver_at=clock.now() + _DAY)


@pytest_asyncio.fixture
async def waiting(client: Client, tmp_path: Path) -> AsyncIterator[Waiting]:
    database = Database(f"sqlite:///{tmp_path / 'zonehook.db'}")
    await migrate.upgrade(database)
    account, _ = await Tenants(database).open_account("someone", "standard", "unlimited")
    yield Waiting(client, database, account.id)
    await database.close()


@pytest.mark.parametrize("continues", [False, True], ids=["one run", "continued as new"])
async def test_killed_after_the_change(waiting: Waiting, monkeypatch: pytest.MonkeyPatch, continues: bool) -> None:
    """An event that was moved to now by a process that died before it could say so is not left until its old time,
    also where its workflow has continued as new since.
    """
    monkeypatch.setattr(scheduling, "_AFTER_THE_CHANGE", _SOON)
    if continues:
        is_first = lambda info: info.continued_run_id is None  # noqa: E731
        monkeypatch.setattr(workflow.Info, "is_continue_as_new_suggested", is_first)
    dying = Dying(waiting.database, waiting.client, waiting.intake)
    dying.heard = lambda: waiting.records.looked(2)

    event_id = await waiting.accept(tomorrows())
    async with waiting.working():
        await waiting.records.looked(1)
        with pytest.raises(Killed):
            await dying.reschedule(waiting.account_id, event_id, clock.now())
        found, _ = await waiting.intake.find(waiting.account_id, event_id)
        assert found.status == messages.SCHEDULED
        assert await waiting.end(event_id) == messages.PUBLISHED


async def test_moved_before_a_worker_came_to_it(waiting: Waiting) -> None:
    """A batch's event whose workflow is still to be started is moved all the same, and let go once; one that was
    cancelled is too late to be moved.
    """
    moved, cancelled = await waiting.batch(tomorrows(), tomorrows())

    await waiting.desk.cancel(waiting.account_id, cancelled.id)
    await waiting.desk.reschedule(waiting.account_id, moved.id, clock.now())
    with pytest.raises(Conflict) as too_late:
        await waiting.desk.reschedule(waiting.account_id, cancelled.id, clock.now())

    async with waiting.working():
        assert await waiting.end(moved.id) == messages.PUBLISHED
    assert too_late.value.code == "event_not_scheduled"


async def test_moved_when_an_operator_has_ended_its_workflow(waiting: Waiting) -> None:
    """An event that nothing waits for any more is not said to have been moved, and is not."""
    event_id = await waiting.accept(tomorrows())
    async with waiting.working():
        await waiting.records.looked(1)
    before, _ = await waiting.intake.find(waiting.account_id, event_id)
    await waiting.workflow(event_id).terminate()

    with pytest.raises(Conflict) as refused:
        await waiting.desk.reschedule(waiting.account_id, event_id, clock.now())

    assert refused.value.code == "not_running"
    assert (await waiting.intake.find(waiting.account_id, event_id))[0] == before


async def test_a_batch_sent_again_after_the_api_died(waiting: Waiting) -> None:
    """Where the API died with a batch accepted and no row written, and no worker is there, the same batch is accepted
    as sent before, as old as it is, and each of its events can be read.
    """
    batch = [tomorrows(key) for key in ("b", "a")]
    first = await waiting.batch(*batch)
    await waiting.database.write(lambda conn: conn.execute(delete(tables.events)))

    again = await waiting.batch(*batch)
    found = [(await waiting.intake.find(waiting.account_id, each.id))[0] for each in again]

    assert again == [replace(each, is_duplicate=True) for each in first]
    assert [each.accepted_at for each in found] == [each.accepted_at for each in first]


@pytest.mark.parametrize(
    ("offered", "status"), [(tomorrows(), messages.CANCELLED), (Offered("domain.create", "{}"), messages.PUBLISHED)]
)
async def test_temporals_cancel_before_a_worker_came(waiting: Waiting, offered: Offered, status: str) -> None:
    """Temporal's own Cancel before anything was done cancels an event that is for later; one for now was accepted, and
    is let go.
    """
    event_id = await waiting.accept(offered)
    await waiting.workflow(event_id).cancel()

    async with waiting.working():
        assert await waiting.end(event_id) == status


@pytest.mark.parametrize("is_moved", [False, True], ids=["at its first look", "while it is moved"])
async def test_temporals_cancel_while_the_records_are_away(waiting: Waiting, is_moved: bool) -> None:
    """Cancelled while its workflow waits for the database, an event is cancelled when that is back."""
    event_id = await waiting.accept(tomorrows())
    waiting.records.are_away = not is_moved
    async with waiting.working():
        if is_moved:
            await waiting.records.looked(1)
            waiting.records.are_away = True
            await waiting.workflow(event_id).signal(messages.RESCHEDULE, (clock.now() + 2 * _DAY).isoformat())
        async with asyncio.timeout(_PATIENCE):
            await waiting.records.were_missed.wait()
        await waiting.workflow(event_id).cancel()
        waiting.records.are_away = False
        assert await waiting.end(event_id) == messages.CANCELLED
