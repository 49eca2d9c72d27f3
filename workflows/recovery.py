"""What one endpoint missed, sent again: batch after batch, at a pace, until none is left."""

import asyncio
import contextlib
from collections import deque
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.durably import durably
    from workflows.waiting import until
    from zonehook import messages
    from zonehook.recovery import (
        OVER,
        MissedBatch,
        Progress,
        RecoveryOrder,
        RecoveryStatus,
        RecoveryTurn,
        Steering,
        Verb,
    )


@workflow.defn(name=messages.RECOVERY_WORKFLOW)
class Recovery:
    """Id `recovery/{recovery}`. Whether it is paused or cancelled stands in the records, which it asks before each
    batch; a signal makes it ask at once. Its current details tell how far it is.
    """

    def __init__(self) -> None:
        self._asked: deque[Verb] = deque()
        self._is_woken = False
        self._progress = Progress(RecoveryStatus.RUNNING, None, 0, 0, 0)

    @workflow.run
    async def run(self, order: RecoveryOrder) -> Progress:
        going = asyncio.create_task(self._go_on(order))
        await until(going.done, self.cancel)  # the Cancel of Temporal's UI asks for what our signal does
        order = going.result()
        if self._progress.status not in OVER:
            workflow.continue_as_new(order)
        return self._progress

    @workflow.query(name=messages.PROGRESS)
    def progress(self) -> Progress:
        """How it stands, and how far it is."""
        return self._progress

    @workflow.signal(name=messages.LOOK_AGAIN)
    def look_again(self, *_ignored: Any) -> None:
        """The records were changed."""
        self._is_woken = True

    @workflow.signal(name=Verb.PAUSE)
    def pause(self, *_ignored: Any) -> None:
        """Send no further batch until it is resumed."""
        self._asked.append(Verb.PAUSE)

    @workflow.signal(name=Verb.RESUME)
    def resume(self, *_ignored: Any) -> None:
        """Go on where it paused."""
        self._asked.append(Verb.RESUME)

    @workflow.signal(name=Verb.CANCEL)
    def cancel(self, *_ignored: Any) -> None:
        """End it. What was sent again already goes on."""
        self._asked.append(Verb.CANCEL)

    async def _go_on(self, order: RecoveryOrder) -> RecoveryOrder:
        """Until the recovery is over, or its history is long: then what is left of it, to begin a new one with."""
        due = workflow.now()  # whoever wakes it does not hurry it
        while self._asked or not workflow.info().is_continue_as_new_suggested():
            self._is_woken = False
            turn = await durably(calls.look_at_recovery, order)
            self._tell(turn, order)
            if turn.status in OVER:
                break
            if self._asked:
                steering = Steering(order.account_id, order.recovery_id, self._asked.popleft())
                await durably(calls.steer_recovery, steering)
                continue
            if turn.missed and workflow.now() >= due:
                due = workflow.now() + timedelta(seconds=turn.seconds)
                order = await _send(MissedBatch(order, turn.missed))
                self._tell(turn, order)
            wait = due - workflow.now() if turn.missed else timedelta(seconds=turn.seconds)
            await self._until_woken(wait)
        return order

    async def _until_woken(self, wait: timedelta) -> None:
        if wait > timedelta(0):
            with contextlib.suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: self._is_woken or bool(self._asked), timeout=wait)

    def _tell(self, turn: RecoveryTurn, order: RecoveryOrder) -> None:
        self._progress = Progress(turn.status, turn.reason, turn.total, order.done, order.failed)
        because = f": {turn.reason}" if turn.reason else ""
        workflow.set_current_details(
            f"{turn.status}{because}; {order.done} of {turn.total} sent again, {order.failed} could not be"
        )


async def _send(batch: MissedBatch) -> RecoveryOrder:
    """By the server, never as a local activity: which runs these deliveries missed must be in the history before the
    first of them is replayed. What a worker lists and loses is listed anew, and would then name the replays' runs.
    """
    return await workflow.execute_activity(
        calls.send_missed_again,
        batch,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
        summary=f"{len(batch.missed)} deliveries",
    )
