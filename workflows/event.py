"""One event: ask who listens, start one delivery for each."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import (
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.delivery import Delivery
    from zonehook import messages
    from zonehook.messages import AcceptedEvent, DeliveryOrder, OpenedDeliveries

_AT_ONCE = 50


@workflow.defn(name=messages.EVENT_WORKFLOW)
class Event:
    """Id `event/{account}/{event}`. Ends as soon as every delivery has its own workflow."""

    @workflow.run
    async def run(self, event: AcceptedEvent) -> str:
        opened = await _open(event)
        # Awaited: a parent that closes in the task that starts its children loses them. Many at once: one by one
        # costs ten writes more. Not hundreds at once: they queue for their parent's lock (500: 12 a second, not 36).
        for first in range(0, len(opened.orders), _AT_ONCE):
            await asyncio.gather(*(_start(order) for order in opened.orders[first : first + _AT_ONCE]))
        if opened.next is not None:
            workflow.continue_as_new(replace(event, data="", after=opened.next))
        return f"{len(opened.orders)} deliveries started"


async def _open(event: AcceptedEvent) -> OpenedDeliveries:
    """In the worker itself, which is cheapest; through the server while the database is away, for as long as it
    likes: there a retry adds nothing to the history, and none of them keeps a worker from stopping.
    """
    try:
        return await workflow.execute_local_activity(
            calls.open_deliveries,
            event,
            schedule_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
        )
    except FailureError as problem:  # an ActivityError the first time, and its bare cause when history is replayed
        if is_cancelled_exception(problem):
            raise
    return await workflow.execute_activity(
        calls.open_deliveries,
        event,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
    )


async def _start(order: DeliveryOrder) -> None:
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await workflow.start_child_workflow(
            Delivery.run,
            order,
            id=order.workflow_id,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            search_attributes=_search_attributes(order),
            static_summary=f"{order.event_type} to {order.host}",
        )


def _search_attributes(order: DeliveryOrder) -> TypedSearchAttributes:
    values = {
        messages.ACCOUNT: str(order.account_id),
        messages.ENDPOINT: order.endpoint_id,
        messages.EVENT_TYPE: order.event_type,
    }
    return TypedSearchAttributes(
        [SearchAttributePair(SearchAttributeKey.for_keyword(name), value) for name, value in values.items()]
    )
