"""Records the histories beside this file, from a real Temporal:

    .venv/bin/python -m tests.replay.record      writes those of which there is no file yet, in a minute

A recorded history stands for deliveries that are under way when a release comes. A new kind of history is a new case
here; an old file is only removed, and recorded anew, when no such delivery can be under way any more.
"""

import asyncio
import contextlib
import json
import ssl
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from temporalio.client import Client, WorkflowFailureError

from tests.acceptance import recovering
from tests.receiver import Mailbox, Receiver, Reply, listening
from tests.running import Account, House, running
from tests.samples import CONNECTION
from zonehook import messages, temporal
from zonehook.inbox import INBOX_WORKFLOW
from zonehook.recovery import Verb
from zonehook.sources.messages import SOURCE_WORKFLOW

FOLDER = Path(__file__).parent
WORKER = "worker"  # whoever wrote a history: what process and machine it was is nobody's business
_QUICK = {"ZONEHOOK_TIME_SCALE": "0.001", "ZONEHOOK_HOST_OFFLINE_SECONDS": "1"}
_FAST = _QUICK | {"ZONEHOOK_FAST_LANE": "1"}
_PATIENCE = 60.0


@dataclass
class Stage:
    """A Zonehook, an account and a receiver of one case's own."""

    house: House
    account: Account
    receiver: Receiver
    client: Client

    async def published(self, mailbox: Mailbox) -> Any:
        """The one delivery of an event to this receiver."""
        await self.account.register(mailbox.url)
        event = await self.account.publish()
        await self.closed(f"event/{self.account.id}/{event['id']}")
        return await self.listed(event["id"], ("pending", "retrying", "delivered", "failed", "cancelled"))

    async def listed(self, event_id: str, statuses: tuple[str, ...] = ()) -> Any:
        [delivery] = await self.account.settled(event_id, statuses=statuses)
        return delivery

    async def waiting(self) -> Any:
        """A delivery that was refused once and waits for its second attempt."""
        mailbox = self.receiver.mailbox()
        mailbox.refuse(1)
        delivery = await self.published(mailbox)
        return await self.listed(delivery["event_id"], ("retrying",))

    async def to_all(self, *mailboxes: Mailbox) -> str:
        """The workflow of an event to these receivers, once all its deliveries are over."""
        for mailbox in mailboxes:
            await self.account.register(mailbox.url)
        event = await self.account.publish()
        await self.account.settled(event["id"], len(mailboxes))
        return await self.closed(f"event/{self.account.id}/{event['id']}")

    async def tomorrow(self) -> Any:
        """An event that waits for then."""
        event = await self.account.publish(deliver_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
        await _at_rest(self.client, f"event/{self.account.id}/{event['id']}")
        return event

    def refusing(self) -> Mailbox:
        mailbox = self.receiver.mailbox()
        mailbox.otherwise = Reply(500)
        return mailbox

    async def told(self, workflow_id: str, *facts: tuple[str, Any]) -> str:
        """The workflow of a source, to which facts are signalled."""
        for signal, fact in facts:
            await self.client.start_workflow(
                SOURCE_WORKFLOW, id=workflow_id, task_queue=messages.TASK_QUEUE,
                start_signal=signal, start_signal_args=[fact],
            )  # fmt: skip
        return workflow_id

    async def has_events(self, count: int) -> None:
        while len((await self.account.call("GET", "/v1/events", status=200))["data"]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def closed(self, workflow_id: str) -> str:
        with contextlib.suppress(WorkflowFailureError):
            await self.client.get_workflow_handle(workflow_id).result()
        return workflow_id


Case = Callable[[Stage], Awaitable[str]]


async def delivered_at_once(stage: Stage) -> str:
    delivery = await stage.published(stage.receiver.mailbox())
    return await stage.closed(f"delivery/{delivery['id']}")


async def delivered_on_the_third_attempt(stage: Stage) -> str:
    mailbox = stage.receiver.mailbox()
    mailbox.refuse(2)
    delivery = await stage.published(mailbox)
    return await stage.closed(f"delivery/{delivery['id']}")


async def exhausted(stage: Stage) -> str:
    delivery = await stage.published(stage.refusing())
    return await stage.closed(f"delivery/{delivery['id']}")


async def suppressed(stage: Stage) -> str:
    """Fifteen failures in a row over two deliveries: neither gets its next attempt."""
    delivery = await stage.published(stage.refusing())
    await stage.account.publish()
    over = await stage.listed(delivery["event_id"])
    assert "suppressed" in over["reason"], over
    return await stage.closed(f"delivery/{delivery['id']}")


async def replayed(stage: Stage) -> str:
    delivery = await stage.published(stage.receiver.mailbox())
    await stage.closed(f"delivery/{delivery['id']}")
    await stage.account.call("POST", f"/v1/webhook-deliveries/{delivery['id']}/replay", status=202)
    return await stage.closed(f"delivery/{delivery['id']}/replay/1")


async def twelve_endpoints(stage: Stage) -> str:
    """The event's workflow, not a delivery's."""
    for _ in range(12):
        await stage.account.register(stage.receiver.mailbox().url)
    event = await stage.account.publish()
    return await stage.closed(f"event/{stage.account.id}/{event['id']}")


async def cancelled_by_signal(stage: Stage) -> str:
    delivery = await stage.waiting()
    await stage.client.get_workflow_handle(f"delivery/{delivery['id']}").signal(messages.CANCEL)
    return await stage.closed(f"delivery/{delivery['id']}")


async def cancelled_by_request(stage: Stage) -> str:
    """Temporal's own way to cancel a workflow."""
    delivery = await stage.waiting()
    await stage.client.get_workflow_handle(f"delivery/{delivery['id']}").cancel()
    return await stage.closed(f"delivery/{delivery['id']}")


async def retried_now(stage: Stage) -> str:
    delivery = await stage.waiting()
    await stage.client.get_workflow_handle(f"delivery/{delivery['id']}").signal(messages.RETRY_NOW)
    return await stage.closed(f"delivery/{delivery['id']}")


async def worker_died(stage: Stage) -> str:
    """In the middle of an attempt: Temporal notices by the attempt's time limit."""
    mailbox, dead = stage.receiver.mailbox(), asyncio.Event()
    mailbox.replies.append(Reply(hold=dead))
    delivery = await stage.published(mailbox)
    await mailbox.wait_for(1)
    await stage.house.kill()
    dead.set()
    await stage.house.start()
    return await stage.closed(f"delivery/{delivery['id']}")


async def scheduled_and_moved(stage: Stage) -> str:
    """The event's workflow: for tomorrow, and then for now."""
    await stage.account.register(stage.receiver.mailbox().url)
    event = await stage.tomorrow()
    now = datetime.now(UTC).isoformat()
    await stage.account.call("PATCH", f"/v1/events/{event['id']}", body={"deliver_at": now}, status=200)
    await stage.account.settled(event["id"])
    return await stage.closed(f"event/{stage.account.id}/{event['id']}")


async def scheduled_and_cancelled(stage: Stage) -> str:
    """The event's workflow: moved by a signal, to the day after, and then cancelled by Temporal's own way."""
    event = await stage.tomorrow()
    handle = stage.client.get_workflow_handle(f"event/{stage.account.id}/{event['id']}")
    await handle.signal(messages.RESCHEDULE, (datetime.now(UTC) + timedelta(days=2)).isoformat())
    await _at_rest(stage.client, handle.id)
    await handle.cancel()
    return await stage.closed(handle.id)


async def batch_of_thirty(stage: Stage) -> str:
    """The batch's workflow: more events than are started at once."""
    events = [{"type": "domain.create", "data": {"n": n}} for n in range(30)]
    await stage.account.call("POST", "/v1/events/batch", body={"events": events}, status=202)
    started = f'WorkflowType = "{messages.BATCH_WORKFLOW}"'
    while not (found := [each async for each in stage.client.list_workflows(started)]):  # noqa: ASYNC110
        await asyncio.sleep(0.1)  # listed a moment later
    return await stage.closed(found[0].id)


async def outcome_awaited(stage: Stage) -> str:
    """A producer's workflow, started while the event's delivery is under way."""
    await stage.account.register(stage.refusing().url)
    event = await stage.account.publish()
    wanted = {"account_id": stage.account.id, "event_id": event["id"]}
    workflow_id = f"outcome/{stage.account.id}/{event['id']}"
    await stage.client.start_workflow(messages.OUTCOME_WORKFLOW, wanted, id=workflow_id, task_queue=messages.TASK_QUEUE)
    return await stage.closed(workflow_id)


async def operator_desk(stage: Stage) -> str:
    """An order that nobody can read, one that is refused, and a replay. This workflow never ends."""
    mailbox = stage.receiver.mailbox()
    delivery = await stage.published(mailbox)
    await stage.closed(f"delivery/{delivery['id']}")
    desk = stage.client.get_workflow_handle(messages.OPERATOR_ID)
    unknown = {"account_id": stage.account.id, "delivery_id": "dlv_unknown"}
    for order in ("replay, please", unknown, {**unknown, "delivery_id": delivery["id"]}):
        await desk.signal(messages.REPLAY, order)
    await mailbox.wait_for(2)
    return messages.OPERATOR_ID


async def inbox(stage: Stage) -> str:
    """Signals that are no event, one that is, and many at once. This workflow never ends either."""
    workflow_id, good = f"inbox/{stage.account.id}", {"type": "domain.create", "data": {"n": 1}}
    for arguments in ([], ["an event, please"], [good]):
        await _signal(stage.client, workflow_id, arguments)
    await asyncio.gather(*(_signal(stage.client, workflow_id, [good]) for _ in range(30)))
    while len((await stage.account.call("GET", "/v1/events", status=200, params={"limit": 100}))["data"]) < 31:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    return workflow_id


async def recovery(stage: Stage) -> str:
    """Sixty missed deliveries in batches; paused by a signal, resumed over REST, and then the last of them."""
    mailbox = stage.receiver.mailbox()
    endpoint = await stage.account.register(mailbox.url)
    await recovering.skipped(stage.account, endpoint, 60)
    await recovering.switch(stage.account, endpoint, "enable")
    begun = await recovering.start(stage.account, endpoint)
    await mailbox.wait_for(1)
    await stage.client.get_workflow_handle(f"recovery/{begun['id']}").signal(Verb.PAUSE)
    await recovering.until(stage.account, begun, "paused")
    await recovering.steer(stage.account, begun, "resume")
    return await stage.closed(f"recovery/{begun['id']}")


async def source_connection(stage: Stage) -> str:
    """Goes live, drifts and goes live again. This workflow never ends either."""
    created = {"hostname": "app.customer.example", "setup_type": "automatic", "written": True}
    checks = [("checked", {"records": fine, "certificate": True}) for fine in (True, False, True)]
    return await stage.told(f"connection/{stage.account.id}/{CONNECTION}", ("created", created), *checks)


async def source_api_key(stage: Stage) -> str:
    """Its expiry is moved to a second from now, and the warning comes thirty days before; then it is revoked."""
    workflow_id, now = f"api-key/{stage.account.id}/key_1", datetime.now(UTC)
    far, near = ((now + timedelta(days=days, seconds=1)).isoformat() for days in (400, 30))
    await stage.told(workflow_id, ("created", {"key_prefix": "cdns_1", "expires_at": far}))
    await stage.told(workflow_id, ("expiry_changed", {"expires_at": near}))
    await stage.has_events(1)
    await stage.told(workflow_id, ("revoked", {}))
    return await stage.closed(workflow_id)


async def source_usage(stage: Stage) -> str:
    """Crosses three thresholds at once, before a signal that is no fact."""
    month = {"period_start": "2026-07-01T00:00:00Z", "period_end": "2026-08-01T00:00:00Z"}
    consumed = {**month, "consumed": 130, "limit": 100}
    return await stage.told(f"usage/{stage.account.id}/customer-7", ("consumed", consumed), ("consumed", {}))


async def source_host(stage: Stage) -> str:
    """Calls, falls silent, calls again and is deleted."""
    workflow_id = f"host/{stage.account.id}/home-7"
    await stage.told(workflow_id, ("created", {"host": "home.example.net"}), ("updated", {"ipv4": "192.0.2.1"}))
    await stage.has_events(4)
    await stage.told(workflow_id, ("updated", {}), ("deleted", {}))
    return await stage.closed(workflow_id)


async def first_at_once_delivered(stage: Stage) -> str:
    """By the delivery's workflow itself. The cases above were recorded when every attempt was a task of its own."""
    return await delivered_at_once(stage)


async def first_at_once_then_third(stage: Stage) -> str:
    return await delivered_on_the_third_attempt(stage)


async def fast_twelve_endpoints(stage: Stage) -> str:
    return await twelve_endpoints(stage)


async def fast_one_of_three_refused(stage: Stage) -> str:
    """The event's workflow: two end in it, and one goes on by itself."""
    refusing = stage.receiver.mailbox()
    refusing.refuse(1)
    return await stage.to_all(stage.receiver.mailbox(), refusing, stage.receiver.mailbox())


async def fast_all_refused(stage: Stage) -> str:
    """The event's workflow, in which no delivery ends."""
    return await stage.to_all(*(stage.refusing() for _ in range(3)))


async def fast_exhausted(stage: Stage) -> str:
    """The workflow of a delivery whose first attempt was its event's."""
    delivery = await stage.published(stage.refusing())
    return await stage.closed(f"delivery/{delivery['id']}")


QUICK: tuple[Case, ...] = (
    delivered_at_once,
    delivered_on_the_third_attempt,
    exhausted,
    suppressed,
    replayed,
    twelve_endpoints,
    scheduled_and_moved,
    scheduled_and_cancelled,
    batch_of_thirty,
    outcome_awaited,
    operator_desk,
    inbox,
    recovery,
    source_connection,
    source_api_key,
    source_usage,
    source_host,
    first_at_once_delivered,
    first_at_once_then_third,
)
PATIENT: tuple[Case, ...] = (cancelled_by_signal, cancelled_by_request, retried_now, worker_died)
FAST: tuple[Case, ...] = (fast_twelve_endpoints, fast_one_of_three_refused, fast_all_refused, fast_exhausted)
CASES = QUICK + PATIENT + FAST


def path(case: Case) -> Path:
    """Where a case's history is kept."""
    return FOLDER / f"{case.__name__}.json"


def scrubbed(found: Any) -> Any:
    """A history without the names of processes and machines, and without the places in files of a stack trace."""
    if isinstance(found, list):
        return [scrubbed(each) for each in found]
    if not isinstance(found, dict):
        return found
    if "normalName" in found:  # a worker's own queue, beside the name of the one that all share
        return found | {"name": WORKER}
    told = {name: scrubbed(value) for name, value in found.items() if name != "stackTrace"}
    return told | ({"identity": WORKER} if "identity" in found else {})


async def _signal(client: Client, inbox_id: str, arguments: list[Any]) -> None:
    await client.start_workflow(
        INBOX_WORKFLOW, id=inbox_id, task_queue=messages.TASK_QUEUE,
        start_signal=messages.PUBLISH, start_signal_args=arguments,
    )  # fmt: skip


async def _write() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.TemporaryDirectory() as folder:
        authority.cert_pem.write_to_path(f"{folder}/authority.pem")
        trusting = {"SSL_CERT_FILE": f"{folder}/authority.pem"}
        async with listening(context) as receiver:
            for cases, settings in ((QUICK, _QUICK), (PATIENT, {}), (FAST, _FAST)):
                missing = [case for case in cases if not path(case).exists()]
                if missing:
                    async with running(Path(folder) / missing[0].__name__, trusting | settings) as house:
                        for case in missing:
                            await _record(case, house, receiver)


async def _record(case: Case, house: House, receiver: Receiver) -> None:
    client = await temporal.connect(house.credentials["temporal_address"])
    async with asyncio.timeout(_PATIENCE):
        workflow_id = await case(Stage(house, await house.new_account(), receiver, client))
        events = await _at_rest(client, workflow_id)
    lines = ",\n".join(json.dumps(scrubbed(event)) for event in events)
    path(case).write_text(f'{{"events": [\n{lines}\n]}}\n')
    print(f"{path(case).name}: {len(events)} events of {workflow_id}")


async def _at_rest(client: Client, workflow_id: str) -> list[Any]:
    """A history's events, once nothing of it is under way: also of a workflow that never ends."""
    while True:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        events: list[Any] = json.loads(history.to_json())["events"]
        types = Counter(event["eventType"].removeprefix("EVENT_TYPE_") for event in events)
        tasks = types["WORKFLOW_TASK_SCHEDULED"] - types["WORKFLOW_TASK_COMPLETED"] - types["WORKFLOW_TASK_TIMED_OUT"]
        done = ("COMPLETED", "FAILED", "TIMED_OUT", "CANCELED")
        activities = types["ACTIVITY_TASK_SCHEDULED"] - sum(types[f"ACTIVITY_TASK_{end}"] for end in done)
        if tasks == activities == 0:
            return events
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(_write())
