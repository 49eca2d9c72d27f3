"""Worker processes beside a house that does not work itself."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from tests.acceptance import steering
from tests.running import ROOT, House


@contextlib.asynccontextmanager
async def two(house: House) -> AsyncIterator[Client]:
    """Two worker processes on the house's Temporal and database; a client of that Temporal."""
    settings = {
        "TEMPORAL_ADDRESS": house.credentials["temporal_address"],
        "ZONEHOOK_ALLOWED_TARGETS": "127.0.0.0/8",
    }
    client = await steering.temporal_of(house)
    environment = {**os.environ, **house.environment, **settings}
    program = (sys.executable, "-m", "worker")
    processes = [await asyncio.create_subprocess_exec(*program, cwd=ROOT, env=environment) for _ in range(2)]
    try:
        async with asyncio.timeout(60):
            while len(await pollers(client)) < 2:
                assert [each.returncode for each in processes] == [None, None]
                await asyncio.sleep(0.05)  # nobody tells when a worker has come
        yield client
    finally:
        for each in processes:
            each.kill()
            await each.wait()


async def pollers(client: Client) -> set[str]:
    """Who asks Temporal for workflow tasks."""
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name="zonehook"),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    found = await client.workflow_service.describe_task_queue(asked)
    return {each.identity for each in found.pollers}
