"""What becomes of an event, for a producer that has Temporal: it executes this and gets the answer as the result."""

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from zonehook import ids, messages
    from zonehook.messages import Outcome, OutcomeRequest

_REQUEST = TypeAdapter(OutcomeRequest)
_LONGEST = 120 * 86400.0  # an event may be scheduled ninety days ahead
_MOST_ACCOUNTS = 2**31
_ASKED_WRONGLY = 'send {"account_id": 1, "event_id": "evt_…", "seconds": 3600}, at most 120 days'


@workflow.defn(name=messages.OUTCOME_WORKFLOW)
class AwaitedOutcome:
    """Id: whatever the producer gives it, such as `outcome/{account}/{event}`. Fails for what it cannot read, and for
    an event that is not known; every look at the records is a try of one activity, which leaves no history.
    """

    @workflow.run
    async def run(self, request: Any = None) -> Outcome:
        wanted = _understood(request)
        try:
            return await workflow.execute_activity(
                calls.await_outcome,
                wanted,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
                summary=wanted.event_id,
            )
        except ActivityError as problem:
            raise problem.cause or problem from None


def _understood(request: Any) -> OutcomeRequest:
    try:
        wanted = _REQUEST.validate_python(request)
    except ValidationError:
        raise ApplicationError(_ASKED_WRONGLY, type="Refused", non_retryable=True) from None
    is_possible = 0 < wanted.account_id < _MOST_ACCOUNTS and ids.is_id(wanted.event_id)
    if not is_possible or not 0 <= wanted.seconds <= _LONGEST:
        raise ApplicationError(_ASKED_WRONGLY, type="Refused", non_retryable=True)
    return wanted
