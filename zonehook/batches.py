"""The desk for batches: events that are accepted together, or none of them."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from zonehook import clock, intake, messages, offers, temporal
from zonehook.errors import Conflict, Detail, Invalid, Unavailable
from zonehook.intake import Accepted, Intake
from zonehook.messages import AcceptedEvent, EventBatch
from zonehook.offers import Offered
from zonehook.store import events
from zonehook.store.database import Database


class Batches:
    """Accepts events together. `starts_eagerly` and `on_acceptance`: as for the intake."""

    def __init__(
        self,
        database: Database,
        client: Client,
        intake: Intake,
        starts_eagerly: bool,
        on_acceptance: Callable[[int], None] = lambda _account_id: None,
    ) -> None:
        self._database = database
        self._client = client
        self._intake = intake
        self._starts_eagerly = starts_eagerly
        self._on_acceptance = on_acceptance

    async def accept(
        self, account_id: int, dialect: str, offered: Sequence[Offered], catalogue_version: int | None = None
    ) -> list[Accepted]:
        """What became of each, in their order. All are durable when it returns: Temporal holds the workflow that starts
        theirs. They are listed by then, too.

        Raises Invalid and Conflict with what is wrong with each, as `Intake.accept` would: then nothing was accepted.
        And Unavailable: then it may have been. Sent again, events with ids of their own are the same events.
        """
        proposed = _proposed(account_id, dialect, offered)
        known = await self._intake.known(proposed)
        answers = _answers(proposed, known)
        fresh = [event for event, answer in zip(proposed, answers, strict=True) if not answer.is_duplicate]
        await self._enforce(proposed, fresh, dialect, catalogue_version)
        if not fresh:
            return answers
        accepted_at = await self._hold([replace(event, is_held=True) for event in fresh])
        if accepted_at is not None:  # by the same batch, sent twice at the same time
            own = {event.id for event in fresh}
            return [replace(each, accepted_at=accepted_at, is_duplicate=True) if each.id in own else each
                    for each in answers]  # fmt: skip
        for _ in fresh:
            self._on_acceptance(account_id)
        return answers

    async def _enforce(
        self, proposed: list[AcceptedEvent], fresh: list[AcceptedEvent], dialect: str, catalogue_version: int | None
    ) -> None:
        found: list[Detail] = []
        for event in fresh:
            try:
                await self._intake.enforce(event, dialect, catalogue_version)
            except Invalid as problem:
                found += problem.within(f"events.{proposed.index(event)}")
        offers.refuse(found)

    async def _hold(self, fresh: list[AcceptedEvent]) -> datetime | None:
        """When the first batch like this was accepted; None: this is the first."""
        workflow_id, first_at = _workflow_id(fresh), None
        try:
            await self._start(workflow_id, fresh)
        except WorkflowAlreadyStartedError:  # whoever started it may have died before the rows were written
            first_at = await self._accepted_at(workflow_id)
            fresh = [replace(event, accepted_at=first_at) for event in fresh]
        with contextlib.suppress(Unavailable):  # they are accepted, whether they can be listed already or not
            await self._database.write(events.hold, fresh)
        return first_at

    async def _accepted_at(self, workflow_id: str) -> datetime:
        with temporal.as_unavailable():
            first = await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=temporal.RPC_TIMEOUT)
        return datetime.fromisoformat(await first.memo_value("accepted_at"))

    async def _start(self, workflow_id: str, fresh: list[AcceptedEvent]) -> None:
        with temporal.as_unavailable():
            await self._client.start_workflow(
                messages.BATCH_WORKFLOW,
                EventBatch(tuple(fresh)),
                id=workflow_id,
                task_queue=messages.TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={"accepted_at": fresh[0].accepted_at.isoformat()},
                static_summary=f"{len(fresh)} events",
                request_eager_start=self._starts_eagerly,
                task_timeout=messages.TASK_TIMEOUT,
                rpc_timeout=temporal.RPC_TIMEOUT,
            )


def _proposed(account_id: int, dialect: str, offered: Sequence[Offered]) -> list[AcceptedEvent]:
    now = clock.now()
    proposed: list[AcceptedEvent] = []
    found: list[Detail] = []
    for place, each in enumerate(offered):
        try:
            proposed.append(intake.propose(account_id, dialect, each, now))
        except Invalid as problem:
            found += problem.within(f"events.{place}")
    offers.refuse(found)
    return proposed


def _answers(proposed: list[AcceptedEvent], known: list[Accepted | Conflict | None]) -> list[Accepted]:
    """Each as new, or as a duplicate of one before, also of one in the same batch. Raises Conflict."""
    first = {event.id: event for event in reversed(proposed)}
    answers: list[Accepted] = []
    conflicts: list[Detail] = []
    for place, (event, before) in enumerate(zip(proposed, known, strict=True)):
        if isinstance(before, Conflict):
            conflicts.append(Detail(f"events.{place}.id", before.message))
        elif first[event.id].fingerprint != event.fingerprint:
            conflicts.append(Detail(f"events.{place}.id", "another event of this batch has this id and other content"))
        else:
            is_duplicate = first[event.id] is not event
            answers.append(before or Accepted(event.id, event.type, event.accepted_at, is_duplicate))
    if conflicts:
        raise Conflict("idempotency_conflict", f"{conflicts[0].field}: {conflicts[0].message}", tuple(conflicts))
    return answers


def _workflow_id(fresh: list[AcceptedEvent]) -> str:
    """The same for the same batch, unless an event in it has no id of its own."""
    content = " ".join(f"{event.id} {event.fingerprint}" for event in fresh)
    return f"batch/{fresh[0].account_id}/{hashlib.sha256(content.encode()).hexdigest()[:32]}"
