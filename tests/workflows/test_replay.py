"""Histories as a running Zonehook writes them, replayed against today's code as after a deploy or a crash."""

import contextlib

from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.receiver import Receiver, Reply
from tests.running import IS_FAST, Account, House
from workflows.delivery import Delivery
from workflows.event import Event


async def test_histories_replay(house: House, account: Account, receiver: Receiver) -> None:
    """Fan-out, success at once and on the third attempt, exhaustion and a replay can be replayed."""
    boxes = [receiver.mailbox() for _ in range(4)]
    for box in boxes:
        await account.register(box.url)
    boxes[1].refuse(2)
    boxes[2].otherwise = Reply(500)
    event = await account.publish()
    found = await account.settled(event["id"], count=4)
    delivered = next(each["id"] for each in found if each["status"] == "delivered")
    await account.call("POST", f"/v1/webhook-deliveries/{delivered}/replay", status=202)
    await account.settled(event["id"], count=4)
    client = await Client.connect(house.credentials["temporal_address"])

    ids = [f"event/{account.id}/{event['id']}", f"delivery/{delivered}/replay/1"]
    # In the fast lane what was confirmed at once has no workflow of its own
    ids += [f"delivery/{each['id']}" for each in found if each["attempts"] > 1 or not IS_FAST]
    histories = [await _finished(client, each) for each in ids]

    replayer = Replayer(workflows=[Event, Delivery], data_converter=pydantic_data_converter)
    for history in histories:
        await replayer.replay_workflow(history)


async def _finished(client: Client, workflow_id: str) -> WorkflowHistory:
    """The history of a workflow, once it has closed: that may be a moment after the records have its end."""
    handle = client.get_workflow_handle(workflow_id)
    with contextlib.suppress(WorkflowFailureError):
        await handle.result()
    return await handle.fetch_history()
