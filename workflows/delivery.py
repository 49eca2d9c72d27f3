"""One delivery to one endpoint: attempt, wait, attempt …, until it is delivered, failed or cancelled."""

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from zonehook import messages
    from zonehook.messages import DeliveryEnd, DeliveryOrder, Policy, kept

_STATUS = SearchAttributeKey.for_keyword(messages.STATUS)
_RECORD_MARGIN = timedelta(seconds=15)  # beside the time of the POST: for reading and writing the records


@workflow.defn(name=messages.DELIVERY_WORKFLOW)
class Delivery:
    """Id `delivery/{delivery}`, and `delivery/{delivery}/replay/{n}` for its n-th replay."""

    @workflow.run
    async def run(self, order: DeliveryOrder) -> DeliveryEnd:
        try:
            end = await _carry_out(order)
        except ActivityError as problem:
            if is_cancelled_exception(problem):
                await _cancel(order)
            raise
        workflow.upsert_search_attributes([_STATUS.value_set(end.status)])
        if end.status == "failed":  # red in the operator's list
            raise ApplicationError(end.reason or "failed", type="DeliveryFailed", non_retryable=True)
        return end


async def _carry_out(order: DeliveryOrder) -> DeliveryEnd:
    """The activity's retries are the attempts. When it times out instead, the worker died: a new one goes on
    from the records at once, with the number and the schedule the endpoint had. The window is not Temporal's to
    watch: it begins with the first attempt, and a schedule-to-close timeout would begin before, when none was made.
    """
    while True:
        try:
            return await workflow.execute_activity(
                calls.deliver,
                order,
                activity_id="deliver",
                start_to_close_timeout=timedelta(seconds=order.policy.timeout) + _RECORD_MARGIN,
                retry_policy=_retry_policy(order.policy),
                summary=order.host,
            )
        except ActivityError as problem:
            if not isinstance(problem.cause, TimeoutError):
                raise
            order = replace(order, unrecorded=kept(problem.cause.last_heartbeat_details) or order.unrecorded)
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(order)


async def _cancel(order: DeliveryOrder) -> None:
    await workflow.execute_activity(
        calls.cancel_delivery,
        order,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
        cancellation_type=workflow.ActivityCancellationType.ABANDON,
    )


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
