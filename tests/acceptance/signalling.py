"""Signalling to an inbox, and what came of it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import Client

from tests.running import Account


async def signal(client: Client, inbox: str, *arguments: Any, name: str = "publish", given: Sequence[Any] = ()) -> None:
    await client.start_workflow(
        "Inbox", args=given, id=inbox, task_queue="zonehook", start_signal=name, start_signal_args=arguments
    )


async def failed_tasks(client: Client, workflow_id: str) -> list[str]:
    """Causes of failed workflow tasks, but for the one of Temporal's own protocol that lets no signal slip by."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    causes = [
        each.workflow_task_failed_event_attributes.cause
        for each in history.events
        if each.HasField("workflow_task_failed_event_attributes")
    ]
    named = [WorkflowTaskFailedCause.Name(cause) for cause in causes]
    return [name for name in named if name != "WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND"]


async def events(account: Account, count: int) -> list[Any]:
    """The account's events, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            found = await account.call("GET", "/v1/events", status=200)
            listed: list[Any] = found["data"]
            if len(listed) >= count:
                assert len(listed) == count
                return listed
            await asyncio.sleep(0.05)  # the API tells how things stand, not when they change
