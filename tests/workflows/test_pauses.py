"""A machine that pauses: workflow code is not interrupted for being slow."""

import time

from temporalio import workflow
from temporalio.client import Client

import worker
from tests.acceptance import signalling

_pauses: list[float] = []  # seconds, taken by the next that run


@workflow.defn
class Slow:
    """Takes its time over one workflow task, as one with thousands of signals to read does on a busy machine."""

    @workflow.run
    async def run(self) -> str:
        time.sleep(_pauses.pop() if _pauses else 0)  # noqa: ASYNC251 (what a pause of the machine is to it)
        return "whole"


async def test_a_pause_interrupts_no_workflow(client: Client) -> None:
    """A workflow task that takes longer than the SDK lets one take is finished, not failed and done again."""
    _pauses.append(2.5)  # the SDK's own patience is two seconds
    async with worker.on(client, "pauses", workflows=[Slow], activities=[], is_sandboxed=False):
        result = await client.execute_workflow(Slow.run, id="slow", task_queue="pauses")

    assert result == "whole"
    assert await signalling.failed_tasks(client, "slow") == []
