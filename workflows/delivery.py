"""One delivery to one endpoint: attempt, wait, attempt …, until it is delivered, failed or cancelled."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError, TimeoutError

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.waiting import until
    from zonehook import messages
    from zonehook.messages import AtOnce, DeliveryEnd, DeliveryOrder, Policy, Sent, kept

Written = TypeVar("Written")
_STATUS = SearchAttributeKey.for_keyword(messages.STATUS)
_RECORD_MARGIN = timedelta(seconds=15)  # beside the time of the POST: for reading and writing the records


@workflow.defn(name=messages.DELIVERY_WORKFLOW)
class Delivery:
    """Id `delivery/{delivery}`, and `delivery/{delivery}/replay/{n}` for its n-th replay."""

    def __init__(self) -> None:
        self._is_hurried = False
        self._is_woken = False
        self._is_cancelled = False

    @workflow.run
    async def run(self, order: DeliveryOrder) -> DeliveryEnd:
        end = await self._carry_out(order)
        workflow.upsert_search_attributes([_STATUS.value_set(end.status)])
        if end.status == "failed":  # red in the operator's list
            raise ApplicationError(end.reason or "failed", type="DeliveryFailed", non_retryable=True)
        return end

    @workflow.signal(name=messages.RETRY_NOW)
    def retry_now(self) -> None:
        """Make the waiting attempt at once. One that is under way is left alone; asked for during the first, which is
        made in the task that would hear of it, this makes the second at once.
        """
        self._is_hurried = True

    @workflow.signal(name=messages.LOOK_AGAIN)
    def look_again(self) -> None:
        """The records were changed. Nothing is written here, and an attempt that was made between the change and this
        signal stays the only one.
        """
        self._is_woken = workflow.patched("look-again")  # a worker of before did not know the signal

    @workflow.signal(name=messages.CANCEL)
    def cancel(self) -> None:
        """Make no attempt any more. One that is under way is finished and recorded."""
        self._is_cancelled = True

    async def _carry_out(self, order: DeliveryOrder) -> DeliveryEnd:
        """The first attempt at once, where that is allowed; then the activity's retries are the attempts. When it times
        out instead, the worker died: a new one goes on from the records at once, with the number and the schedule the
        endpoint had. The window is not Temporal's to watch: it begins with the first attempt, and a schedule-to-close
        timeout would begin before, when none was made.
        """
        if order.at_once and not self._is_cancelled and workflow.cancellation_reason() is None:
            asked, self._is_hurried = self._is_hurried, False  # this is the attempt that was asked for
            first = await attempt_at_once(order, self._note_cancel)
            if first.end is not None:
                return first.end
            if first.was_made_before and asked:  # and so that was the next one
                self._is_hurried = True
            order = first.order
        while not self._is_cancelled:
            try:
                return await self._attempts(order)
            except ActivityError as problem:
                order = replace(order, unrecorded=_unrecorded(problem) or order.unrecorded, told=None)
                was_made = isinstance(problem.cause, ApplicationError) and problem.cause.type == messages.ATTEMPT_FAILED
            if self._is_hurried:
                self._is_hurried = False
                if not was_made and not self._is_cancelled:
                    await self._write(calls.hurry_delivery, order)
            if workflow.info().is_continue_as_new_suggested() and not self._is_asked():
                workflow.continue_as_new(order)
        return await self._write(calls.cancel_delivery, order)

    async def _attempts(self, order: DeliveryOrder) -> DeliveryEnd:
        """Until the delivery's end, or a signal. A cancelled activity that waits is over at once; one that makes its
        attempt does not hear of it, records what came, and is not retried: nothing is sent twice.
        """
        self._is_woken = False  # whatever was changed before, this activity sees
        attempting = workflow.start_activity(
            calls.deliver,
            order,
            activity_id="deliver",
            start_to_close_timeout=_longest(order.policy),
            retry_policy=_retry_policy(order.policy),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=order.host,
        )
        await self._until(lambda: attempting.done() or self._is_asked())
        if not attempting.done():
            attempting.cancel()
            await self._until(attempting.done)
        return await attempting

    def _is_asked(self) -> bool:
        return self._is_hurried or self._is_woken or self._is_cancelled

    async def _write(self, activity: Callable[[DeliveryOrder], Awaitable[Written]], order: DeliveryOrder) -> Written:
        """What was asked for, into the records, however long they are away."""
        writing = workflow.start_activity(
            activity,
            order,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
        )
        await self._until(writing.done)
        return await writing

    async def _until(self, condition: Callable[[], bool]) -> None:
        """The Cancel of Temporal's UI asks for what our signal does."""
        await until(condition, self._note_cancel)

    def _note_cancel(self) -> None:
        self._is_cancelled = True


async def attempt_at_once(order: DeliveryOrder, when_cancelled: Callable[[], None]) -> AtOnce:
    """The first attempt, made by the worker that runs this workflow: no task of its own has to be written, found and
    answered. One that is lost with its worker is made again, by whoever takes this workflow over, if it left no record.
    """
    attempting = workflow.start_local_activity(
        calls.deliver_at_once,
        order,
        start_to_close_timeout=_longest(order.policy),
        retry_policy=RetryPolicy(maximum_attempts=1),
        summary=order.host,
    )
    await until(attempting.done, when_cancelled)
    try:
        return await attempting
    except FailureError:  # the worker's fault: it took too long, or stops
        return AtOnce(None, replace(order, at_once=False))


def _longest(policy: Policy) -> timedelta:
    return timedelta(seconds=policy.timeout) + _RECORD_MARGIN


def _unrecorded(problem: ActivityError) -> Sent | None:
    """The attempt that could not be written down, if there was one. Raises what is no reason to go on."""
    match problem.cause:
        case CancelledError():
            return None
        case TimeoutError() as cause:
            return kept(cause.last_heartbeat_details)
        case ApplicationError(type=messages.ATTEMPT_FAILED | messages.NOT_YET) as cause:
            return kept(cause.details)
    raise problem


def _retry_policy(policy: Policy) -> RetryPolicy:
    """The back-off, as Temporal and its UI know it; a failed attempt names the same wait to the second.

    No maximum of attempts: Temporal also counts crashes and an absent database, which must not use up the
    endpoint's; those are counted in the records, and the activity ends when they are made.
    """
    waits = policy.waits
    return RetryPolicy(
        initial_interval=timedelta(seconds=waits[0]),
        backoff_coefficient=max(1.0, waits[1] / waits[0]) if len(waits) > 1 else 1.0,
        maximum_interval=timedelta(seconds=max(waits)),
        maximum_attempts=0,
        # A dead worker is noticed by time. It is not the endpoint's failure and must not wait for its turn.
        non_retryable_error_types=["TemporalTimeout:StartToClose"],
    )
