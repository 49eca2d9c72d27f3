"""What a release must not break: deliveries under way, whose histories were written by the code before it.

When one of these fails, the workflows' code has changed in a way that running deliveries cannot follow: change it
behind `workflow.patched`. Recording the history anew (tests/replay/record.py) hides that.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay import record
from tests.replay.record import FOLDER, Case
from workflows.batch import Batch
from workflows.delivery import Delivery
from workflows.event import Event
from workflows.inbox import Inbox
from workflows.operator import Operator
from workflows.outcome import AwaitedOutcome
from workflows.recovery import Recovery
from workflows.source import Source

CASES = record.CASES
TELLING: dict[Case, str] = {
    record.delivered_at_once: '{"status":"delivered","attempts":1,"reason":null}',
    record.delivered_on_the_third_attempt: '{"status":"delivered","attempts":3,"reason":null}',
    record.exhausted: '"reason":"the last of 10 attempts got status 500"',
    record.suppressed: '"reason":"the endpoint was suppressed when attempt ',
    record.replayed: '"run":1',
    record.twelve_endpoints: "12 deliveries started",
    record.scheduled_and_moved: "EVENT_TYPE_TIMER_CANCELED",
    record.scheduled_and_cancelled: '"activity_type":"change_event"',
    record.batch_of_thirty: "30 events started",
    record.outcome_awaited: '{"outcome":"failed","endpoints":{"ep_',
    record.operator_desk: '"activityType": {"name": "replay_delivery"}',
    record.inbox: '"activityType": {"name": "publish"}',
    record.recovery: '"activityType": {"name": "send_missed_again"}',
    record.source_connection: '"records":false',
    record.source_api_key: "EVENT_TYPE_TIMER_CANCELED",
    record.source_usage: '"consumed":130',
    record.source_host: "EVENT_TYPE_TIMER_FIRED",
    record.cancelled_by_signal: '"signalName": "cancel"',
    record.cancelled_by_request: "EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED",
    record.retried_now: '"activityType": {"name": "hurry_delivery"}',
    record.worker_died: "EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT",
    record.first_at_once_delivered: '"activity_type":"deliver_at_once"',
    record.first_at_once_then_third: '"told":"attempt 1 to 127.0.0.1 got status 503; the next is due at ',
    record.fast_twelve_endpoints: ': delivered"',
    record.fast_one_of_three_refused: "; goes on as delivery/dlv_",
    record.fast_all_refused: "; goes on as delivery/dlv_",
    record.fast_exhausted: '"reason":"the last of 10 attempts got status 500"',
}
_ACTIVITY = "activityTaskScheduledEventAttributes"
_CHILD = "startChildWorkflowExecutionInitiatedEventAttributes"


async def _replay(history: Any) -> None:
    """Raises what today's code does differently."""
    ours = [AwaitedOutcome, Batch, Delivery, Event, Inbox, Operator, Recovery, Source]
    replayer = Replayer(workflows=ours, data_converter=pydantic_data_converter)
    started = history["events"][0]["workflowExecutionStartedEventAttributes"]
    await replayer.replay_workflow(WorkflowHistory.from_json(started["workflowId"], history))


def _recorded(case: Case) -> Any:
    return json.loads(record.path(case).read_text())


def _name(case: Case) -> str:
    return case.__name__


@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_todays_code_goes_on_with_it(case: Case) -> None:
    """A worker of today decides at every step as the one did that wrote the history."""
    await _replay(_recorded(case))


@pytest.mark.parametrize(
    ("case", "attributes", "exchanged"),
    [
        (record.retried_now, _ACTIVITY, "activityType"),
        (record.cancelled_by_signal, _ACTIVITY, "activityType"),
        (record.twelve_endpoints, _CHILD, "workflowId"),
        (record.fast_all_refused, _CHILD, "workflowId"),
    ],
)
async def test_another_order_would_be_noticed(case: Case, attributes: str, exchanged: str) -> None:
    """A history whose first two steps of a kind have changed places is none that today's code would write."""
    history = _recorded(case)
    first, second = [event[attributes] for event in history["events"] if attributes in event][:2]
    first[exchanged], second[exchanged] = second[exchanged], first[exchanged]

    with pytest.raises(NondeterminismError):
        await _replay(history)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_it_is_the_history_that_it_is_called(case: Case) -> None:
    """What makes the case stands in its history."""
    history = _recorded(case)
    payloads = [base64.b64decode(data).decode() for data in _values(history, "data") if isinstance(data, str)]
    assert TELLING[case] in "\n".join([json.dumps(history), *payloads])


def test_every_case_is_recorded() -> None:
    """There is a file for each case and none besides, and each is small enough to be read."""
    sizes = {path: path.stat().st_size for path in FOLDER.glob("*.json")}
    assert sizes.keys() == {record.path(case) for case in CASES}
    assert max(sizes.values()) < 64 * 1024


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_no_file_tells_where_it_was_recorded(case: Case) -> None:
    """Whoever wrote the history is called a worker, and no stack trace names a place on a machine."""
    history = _recorded(case)
    assert record.scrubbed(history) == history
    assert set(_values(history, "identity")) == {record.WORKER}


def _values(found: Any, wanted: str) -> Iterator[Any]:
    """All values under a name, however deep."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name == wanted:
                yield value
            yield from _values(value, wanted)
    if isinstance(found, list):
        for each in found:
            yield from _values(each, wanted)
