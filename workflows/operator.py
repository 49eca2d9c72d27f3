"""The operator's desk in the Temporal UI: one long-lived workflow that takes orders about finished deliveries.

A delivery under way takes its signals itself; one that has ended has no workflow to signal any more.
"""

from collections import deque
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from zonehook import ids, messages
    from zonehook.messages import ReplayRequest

_REQUEST = TypeAdapter(ReplayRequest)
_MOST_ACCOUNTS = 2**31
_TOLD = 20  # orders whose outcome is shown


@workflow.defn(name=messages.OPERATOR_WORKFLOW)
class Operator:
    """Id `operator`. Its current details tell what became of the last orders."""

    @workflow.init
    def __init__(self, told: list[str] | None = None) -> None:
        self._orders: deque[Any] = deque()
        self._told = deque(told or [], maxlen=_TOLD)

    @workflow.run
    async def run(self, told: list[str] | None = None) -> None:
        while True:
            workflow.set_current_details("\n".join(self._told) or "nothing was ordered yet")
            await workflow.wait_condition(lambda: bool(self._orders))
            while self._orders:
                outcome = await _replay(self._orders.popleft())
                self._told.appendleft(f"* {workflow.now():%Y-%m-%d %H:%M:%S} UTC {outcome}")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(list(self._told))

    @workflow.signal(name=messages.REPLAY)
    def replay(self, request: Any = None, *_more: Any) -> None:
        """Send a finished delivery again: `{"account_id": 1, "delivery_id": "dlv_…"}`."""
        self._orders.append(request)  # read later: an order that cannot be read is answered, too


async def _replay(order: Any) -> str:
    """What came of it, in a sentence."""
    request = _understood(order)
    if request is None:
        return f'`{str(order)[:60]}` was not understood; send {{"account_id": 1, "delivery_id": "dlv_…"}}'
    try:
        await workflow.execute_activity(
            calls.replay_delivery,
            request,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
            summary=request.delivery_id,
        )
    except ActivityError as problem:
        reason = problem.cause.message if isinstance(problem.cause, ApplicationError) else problem.cause
        return f"`{request.delivery_id}` was refused: {reason}"
    return f"`{request.delivery_id}` is sent again"


def _understood(order: Any) -> ReplayRequest | None:
    try:
        request = _REQUEST.validate_python(order)
    except ValidationError:
        return None
    is_possible = 0 < request.account_id < _MOST_ACCOUNTS and ids.is_id(request.delivery_id)
    return request if is_possible else None
