"""Calling an activity that must be done, however long what it stands on is away."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

Order = TypeVar("Order")
Answer = TypeVar("Answer")


async def durably(call: Callable[[Order], Awaitable[Answer]], order: Order) -> Answer:
    """In the worker itself, which is cheapest; through the server while the database is away, for as long as it
    likes: there a retry adds nothing to the history, and none of them keeps a worker from stopping. Once, since the
    SDK forgets the time limit of a local activity that passes between two retries of it, and then never gives up.
    """
    try:
        return await workflow.execute_local_activity(
            call,
            order,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
    except FailureError as problem:  # an ActivityError the first time, and its bare cause when history is replayed
        if is_cancelled_exception(problem):
            raise
    return await through_the_server(call, order)


async def through_the_server(call: Callable[[Order], Awaitable[Answer]], order: Order) -> Answer:
    """As `durably` in the end does, from the beginning: holds up no workflow task, and so no signal."""
    return await workflow.execute_activity(
        call,
        order,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
    )
