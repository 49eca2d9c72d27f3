"""One event: when its time has come, ask who listens, start one delivery for each; in the fast lane only for who does
not confirm at once.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.delivery import Delivery, attempt_at_once
    from workflows.durably import durably
    from workflows.held import Held
    from workflows.waiting import undisturbed, until
    from zonehook import messages
    from zonehook.messages import AcceptedEvent, DeliveryOrder, OpenedDeliveries

_AT_ONCE = 50
_STATUS = SearchAttributeKey.for_keyword(messages.STATUS)


@workflow.defn(name=messages.EVENT_WORKFLOW)
class Event:
    """Id `event/{account}/{event}`. Ends as soon as every delivery is over or has its own workflow. Its result tells an
    operator which; in the fast lane, endpoint by endpoint. Temporal's own Cancel is the signal `cancel`, which is too
    late once the event is let go.
    """

    def __init__(self) -> None:
        self._held = Held()

    @workflow.run
    async def run(self, event: AcceptedEvent) -> list[str]:
        self._held.resume(event.looks)
        opened = await self._opened(event)
        while opened.waits_until is not None:
            await self._held.until(opened.waits_until, event)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(event, looks=self._held.looks_ahead()))
            opened = await self._opened(replace(event, as_of=workflow.now()))
        if opened.is_fast:
            return await _in_the_fast_lane(opened.orders)
        await undisturbed(_start_each(opened.orders))
        if opened.next is not None:
            workflow.continue_as_new(replace(event, data="", after=opened.next))
        return [f"{len(opened.orders)} deliveries started"]

    async def _opened(self, event: AcceptedEvent) -> OpenedDeliveries:
        return await undisturbed(durably(calls.open_deliveries, event), self._held.cancel)

    @workflow.signal(name=messages.LOOK_AGAIN)
    def look_again(self, at: Any = None, *_more: Any) -> None:
        """The records of a scheduled event were changed; `at`: look at them then, too."""
        self._held.look_again(at)

    @workflow.signal(name=messages.RESCHEDULE)
    def reschedule(self, deliver_at: Any = None, *_more: Any) -> None:
        """Move a scheduled event: `"2026-07-02T12:00:00Z"`."""
        self._held.move(deliver_at)

    @workflow.signal(name=messages.CANCEL)
    def cancel(self, *_ignored: Any) -> None:
        """Open no deliveries. One that is let go already has deliveries of its own to cancel."""
        self._held.cancel()


async def _in_the_fast_lane(orders: Sequence[DeliveryOrder]) -> list[str]:
    """All first attempts side by side. A Cancel of Temporal's stops none of them: each delivery has its own."""
    outcomes = [asyncio.create_task(_at_once_or_on_its_own(order)) for order in orders]
    await until(lambda: all(each.done() for each in outcomes))
    return [each.result() for each in outcomes]


async def _at_once_or_on_its_own(order: DeliveryOrder) -> str:
    """What became of one delivery, for a person."""
    if order.at_once:
        first = await attempt_at_once(order, lambda: None)
        if first.end is not None:
            if first.end.status == "failed":  # what an operator looks for
                workflow.upsert_search_attributes([_STATUS.value_set(first.end.status)])
            because = f", {first.end.reason}" if first.end.reason else ""
            return f"{order.host}, {order.delivery_id}: {first.end.status}{because}"
        order = first.order
    await _start(order)
    return f"{order.host}, {order.delivery_id}: {order.told or 'not tried at once'}; goes on as {order.workflow_id}"


async def _start_each(orders: Sequence[DeliveryOrder]) -> None:
    """Awaited: a parent that closes in the task that starts its children loses them. Many at once: one by one costs ten
    writes more. Not hundreds at once: they queue for their parent's lock (500: 12 a second, not 36).
    """
    for first in range(0, len(orders), _AT_ONCE):
        await asyncio.gather(*(_start(order) for order in orders[first : first + _AT_ONCE]))


async def _start(order: DeliveryOrder) -> None:
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await workflow.start_child_workflow(
            Delivery.run,
            order,
            id=order.workflow_id,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            task_timeout=messages.TASK_TIMEOUT,
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
