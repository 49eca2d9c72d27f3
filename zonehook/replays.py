"""The desk for replays: send a delivery again, whatever became of it."""

import contextlib
from dataclasses import replace

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from zonehook import messages, temporal, verdicts
from zonehook.errors import Conflict
from zonehook.ledger import Ledger
from zonehook.messages import DeliveryOrder
from zonehook.store.deliveries import Delivery

_INACTIVE = {
    "disabled": "the endpoint is disabled; enable it before replaying",
    "suppressed": "the endpoint is suppressed; clear its suppression before replaying",
    "deleted": "the endpoint is deleted; nothing can be sent to it any more",
}


class Replays:
    """Starts the workflow of a replay first, and writes it down then: a crash between the two loses nothing."""

    def __init__(self, ledger: Ledger, client: Client) -> None:
        self._ledger = ledger
        self._client = client

    async def replay(self, account_id: int, delivery_id: str) -> Delivery:
        """Sends a finished delivery again: same bytes, new signature, fresh budget, its history kept.

        Raises NotFound; Conflict while it is still being delivered or its endpoint takes nothing; Unavailable.
        """
        standing, current = await self._ledger.standing(account_id, delivery_id)
        if standing.status in verdicts.OPEN and await self._is_running(current):
            raise Conflict("still_delivering", "this delivery is still under way; replay it when it has ended")
        if standing.inactive_because is not None:
            raise Conflict("endpoint_inactive", _INACTIVE[standing.inactive_because])
        order = replace(current, run=current.run + 1)
        await self._start(order)
        await self._ledger.reopen(order)
        return await self._ledger.get(account_id, delivery_id)

    async def _is_running(self, order: DeliveryOrder) -> bool:
        """An operator may have terminated the workflow: then nothing is under way, whatever the records say."""
        handle = self._client.get_workflow_handle(order.workflow_id)
        try:
            with temporal.as_unavailable():
                found = await handle.describe(rpc_timeout=temporal.RPC_TIMEOUT)
        except RPCError as problem:
            if problem.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return found.status is WorkflowExecutionStatus.RUNNING

    async def _start(self, order: DeliveryOrder) -> None:
        # Already started: asked twice at once, or a crash came before the records knew. It is one replay.
        with temporal.as_unavailable(), contextlib.suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                messages.DELIVERY_WORKFLOW,
                order,
                id=order.workflow_id,
                task_queue=messages.TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=temporal.search_attributes(order.account_id, order.event_type, order.endpoint_id),
                static_summary=f"{order.event_type} to {order.host}, replay {order.run}",
                rpc_timeout=temporal.RPC_TIMEOUT,
            )
