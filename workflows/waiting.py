"""Waiting in a workflow that does not stop where it is when Temporal's UI asks it to."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

Done = TypeVar("Done")


async def until(condition: Callable[[], bool], when_cancelled: Callable[[], None] = lambda: None) -> None:
    """Returns when the condition holds. A Cancel of Temporal's comes once, wherever the workflow waits, and is told by
    `when_cancelled`: awaiting an activity itself would pass it on to that, and nobody would hear of it.
    """
    while True:
        try:
            await workflow.wait_condition(condition)
        except asyncio.CancelledError:
            when_cancelled()
        else:
            return


async def undisturbed(work: Coroutine[Any, Any, Done], when_cancelled: Callable[[], None] = lambda: None) -> Done:
    """What comes of the work, which a Cancel of Temporal's does not stop."""
    working = asyncio.create_task(work)
    await until(working.done, when_cancelled)
    return working.result()
