"""Events that producers signal to an account's inbox."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RawValue

from tests.receiver import Mailbox, Receiver
from tests.running import Account, House, running
from zonehook import messages, producers, temporal

_PATIENCE = 240.0
_MANY = 5000


async def _client(house: House) -> Client:
    return await temporal.connect(house.credentials["temporal_address"])


@pytest_asyncio.fixture
async def client(house: House) -> Client:
    return await _client(house)


async def _signal(client: Client, account_id: int, *arguments: Any, name: str = messages.PUBLISH) -> None:
    await client.start_workflow(
        messages.INBOX_WORKFLOW, id=messages.inbox_workflow_id(account_id), task_queue=messages.TASK_QUEUE,
        start_signal=name, start_signal_args=arguments,
    )  # fmt: skip


async def test_a_signalled_event_is_delivered(account: Account, mailbox: Mailbox, client: Client) -> None:
    await account.register(mailbox.url)
    event_id = await producers.publish(client, account.id, type="domain.create", data={"domain": "example.com"})
    [delivery] = await account.settled(event_id)
    assert delivery["status"] == "delivered"
