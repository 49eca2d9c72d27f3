"""The desk for what people do to a delivery by hand: replay it, retry it now, cancel it."""

import contextlib
from dataclasses import replace

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from zonehook import dialects, messages, temporal, verdicts
from zonehook.errors import Conflict, Unavailable
from zonehook.ledger import Ledger, Standing
from zonehook.messages import DeliveryOrder
from zonehook.verdicts import DeliveryStatus, End

_CANCELLED = End(DeliveryStatus.CANCELLED, "it was cancelled by hand")
_AFTER_WHAT_IS_NEW = Priority(priority_key=5)  # of 1 to 5; 3 is usual


class Interventions:
    """Every refusal is a Conflict with what to do instead; an unknown delivery is NotFound."""

    def __init__(self, ledger: Ledger, client: Client) -> None:
        self._ledger = ledger
        self._client = client

    async def replay(self, account_id: int, delivery_id: str) -> None:
        """Sends a finished delivery again: same bytes, new signature, fresh budget, its history kept.

        The workflow is started first and written down then: a crash between the two loses nothing. Raises NotFound;
        Conflict while it is still being delivered, its endpoint takes nothing, or its dialect does not replay what
        was delivered; Unavailable.
        """
        await self._again(await self._ledger.standing(account_id, delivery_id))

    async def replay_after(self, account_id: int, delivery_id: str, run: int, may_begin: bool = True) -> bool:
        """The same for one of many that were missed, whose last run was this when it was listed: whether a later one
        has begun, now or before, so that asking again sends nothing twice. What is new goes before it, where tasks
        queue. One that was delivered after all is left alone.
        """
        standing = await self._ledger.standing(account_id, delivery_id)
        if standing.order.run != run:
            return True
        if not may_begin or standing.progress.status not in verdicts.MISSED:
            return False
        await self._again(standing, _AFTER_WHAT_IS_NEW)
        return True

    async def retry_now(self, account_id: int, delivery_id: str) -> None:
        """Makes the waiting attempt at once; the schedule goes on from there. An attempt under way is left alone.

        The records are written first: whatever the workflow does when it is told, it finds the attempt due. Raises
        NotFound; Conflict when nothing waits or the endpoint takes nothing; Unavailable.
        """
        standing = await self._ledger.standing(account_id, delivery_id)
        if standing.progress.status not in verdicts.OPEN:
            raise Conflict("delivery_ended", "this delivery has ended, so no attempt waits; replay it instead")
        self._refuse_inactive(standing)
        if not await self._ledger.hurry(standing.order):
            raise Conflict("nothing_waits", "an attempt is under way, or due at this very moment; look again")
        if await self._hurry(standing.order):
            return
        now = await self._ledger.standing(account_id, delivery_id)
        if now.progress.status in verdicts.OPEN:  # and not the very attempt that was asked for, made meanwhile
            raise Conflict("not_running", "nothing is under way: its workflow was ended by an operator; replay it")

    async def cancel(self, account_id: int, delivery_id: str) -> None:
        """Ends a delivery: no attempt of it is made any more. One under way is finished and recorded.

        The records are what every attempt asks first, so they are written before the workflow is told. Raises
        NotFound; Conflict when it has ended; Unavailable.
        """
        standing = await self._ledger.standing(account_id, delivery_id)
        if standing.progress.status not in verdicts.OPEN:
            raise Conflict("delivery_ended", f"this delivery is {standing.progress.status} already")
        await self._ledger.end(standing.order, _CANCELLED)
        with contextlib.suppress(Unavailable, RPCError):  # it finds out at its next turn
            handle = self._client.get_workflow_handle(standing.order.workflow_id)
            with temporal.as_unavailable():
                await handle.signal(messages.CANCEL, rpc_timeout=temporal.RPC_TIMEOUT)

    async def _again(self, standing: Standing, priority: Priority = Priority.default) -> None:
        if standing.progress.status in verdicts.OPEN and await self._is_running(standing):
            raise Conflict("still_delivering", "this delivery is still under way; replay it when it has ended")
        self._refuse_inactive(standing)
        if not standing.is_writable:
            raise Conflict("nothing_to_send", f"there is nothing to send: {standing.progress.reason}")
        replays_all = dialects.named(standing.dialect).replays_delivered
        if standing.progress.status is DeliveryStatus.DELIVERED and not replays_all:
            raise Conflict("already_delivered", f"it was delivered, and {standing.dialect} replays only what was not")
        await self._begin(replace(standing.order, run=standing.order.run + 1), priority)

    def _refuse_inactive(self, standing: Standing) -> None:
        if standing.progress.inactive_because is not None:
            raise Conflict.inactive(standing.progress.inactive_because)

    async def _begin(self, order: DeliveryOrder, priority: Priority) -> None:
        """Starts this run of a delivery, or the next where this one was ended before it could do anything."""
        try:
            await self._start(order, priority=priority)
        except WorkflowAlreadyStartedError:  # asked twice at once, or by one who crashed then
            if await self._was_ended(order):
                await self._ledger.reopen(order)  # no run begins in the records but after the one before it
                return await self._begin(replace(order, run=order.run + 1), priority)
        await self._ledger.reopen(order)

    async def _was_ended(self, order: DeliveryOrder) -> bool:
        """Whether an operator ended this run's workflow. One that closes by itself has written its end before: so
        Temporal is asked first, and the records then.
        """
        if await self._status(order.workflow_id) is WorkflowExecutionStatus.RUNNING:
            return False
        standing = await self._ledger.standing(order.account_id, order.delivery_id)
        return standing.order.run < order.run or standing.progress.status in verdicts.OPEN

    async def _hurry(self, order: DeliveryOrder) -> bool:
        """Whether the delivery's workflow runs, and looks at the records again. Where the event's workflow was just
        about to start it, it is started now.
        """
        try:
            await self._start(order, signal=messages.LOOK_AGAIN)
        except WorkflowAlreadyStartedError:  # and closed
            return False
        return True

    async def _is_running(self, standing: Standing) -> bool:
        """An operator may have terminated the workflow: then nothing is under way, whatever the records say. Before
        there is one, the event's own works on the delivery; that is asked first, since it may end by starting this one.
        """
        order = standing.order
        before = [] if order.run else [messages.event_workflow_id(order.account_id, standing.event_id)]
        for workflow_id in (*before, order.workflow_id):
            if await self._status(workflow_id) is WorkflowExecutionStatus.RUNNING:
                return True
        return False

    async def _status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        """None for a workflow that never was, or was forgotten."""
        try:
            with temporal.as_unavailable():
                found = await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=temporal.RPC_TIMEOUT)
        except RPCError as problem:
            if problem.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        return found.status

    async def _start(
        self, order: DeliveryOrder, signal: str | None = None, priority: Priority = Priority.default
    ) -> None:
        """Raises WorkflowAlreadyStartedError; with a signal only when the workflow is closed."""
        replay = f", replay {order.run}" if order.run else ""
        with temporal.as_unavailable():
            await self._client.start_workflow(
                messages.DELIVERY_WORKFLOW,
                order,
                id=order.workflow_id,
                task_queue=messages.TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=temporal.search_attributes(order.account_id, order.event_type, order.endpoint_id),
                static_summary=f"{order.event_type} to {order.host}{replay}",
                start_signal=signal,
                priority=priority,
                task_timeout=messages.TASK_TIMEOUT,
                rpc_timeout=temporal.RPC_TIMEOUT,
            )
