"""A delivery steered by hand, in each of the ways there are: REST, the command line, a signal through Temporal."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.cli.shell import Shell
from tests.running import Account, House
from zonehook import temporal

_PATIENCE = 60.0
_SIGNALS = {"retry-now": "retry_now", "cancel": "cancel"}
Way = Callable[[House, Account, str, str], Awaitable[None]]


async def by_api(house: House, account: Account, verb: str, delivery_id: str) -> None:
    await account.call("POST", path(verb, delivery_id), status=202)


async def by_cli(house: House, account: Account, verb: str, delivery_id: str) -> None:
    done = await shell(house, account).run(verb, delivery_id)
    assert (done.status, done.err) == (0, "")
    assert delivery_id in done.out


async def by_signal(house: House, account: Account, verb: str, delivery_id: str) -> None:
    client = await temporal_of(house)
    if verb == "replay":
        order = {"account_id": account.id, "delivery_id": delivery_id}
        await client.get_workflow_handle("operator").signal("replay", order)
    else:
        await _once_listed(lambda: client.get_workflow_handle(f"delivery/{delivery_id}").signal(_SIGNALS[verb]))


def path(verb: str, delivery_id: str) -> str:
    return f"/v1/webhook-deliveries/{delivery_id}/{verb}"


def shell(house: House, account: Account) -> Shell:
    """A terminal whose commands go to this account."""
    key = account.client.headers["Authorization"].removeprefix("Bearer ")
    return Shell({"ZONEHOOK_HOME": str(house.home), "ZONEHOOK_API_KEY": key})


async def temporal_of(house: House) -> Client:
    """The Temporal that an operator would open."""
    return await temporal.connect(house.credentials["temporal_address"])


async def backed_off(house: House, delivery_id: str) -> None:
    """Returns when Temporal, too, knows that the delivery waits for its second attempt: a moment after the records. In
    the fast lane the delivery gets its workflow only then.
    """
    handle = (await temporal_of(house)).get_workflow_handle(f"delivery/{delivery_id}")
    async with asyncio.timeout(_PATIENCE):
        while True:
            with _if_found():
                shown = await handle.describe()
                if any(each.attempt > 1 for each in shown.raw_description.pending_activities):
                    return
            await asyncio.sleep(0.05)  # Temporal tells how things stand, not when they change


async def ended(house: House, account: Account, delivery_id: str) -> None:
    """Returns when the workflows that work on the delivery have ended: from then on nothing is sent."""
    client = await temporal_of(house)
    event_id = (await account.delivery(delivery_id))["event_id"]
    async with asyncio.timeout(_PATIENCE):
        await client.get_workflow_handle(f"event/{account.id}/{event_id}").result()
        with _if_found():  # in the fast lane the event's own may have been all there was
            await client.get_workflow_handle(f"delivery/{delivery_id}").result()


async def _once_listed(signal: Callable[[], Awaitable[None]]) -> None:
    """What an operator can signal: in the fast lane a delivery gets its workflow a moment after its first attempt's
    record, and after a crash when the event's own has been taken over.
    """
    async with asyncio.timeout(_PATIENCE):
        while True:
            with _if_found():
                return await signal()
            await asyncio.sleep(0.05)  # Temporal tells how things stand, not when they change


@contextlib.contextmanager
def _if_found() -> Iterator[None]:
    """For a workflow that may not exist, or not yet."""
    try:
        yield
    except RPCError as problem:
        if problem.status is not RPCStatusCode.NOT_FOUND:
            raise


@contextlib.contextmanager
def locked(house: House) -> Iterator[None]:
    """Nobody can write the house's records meanwhile."""
    with contextlib.closing(sqlite3.connect(house.home / "zonehook.db", isolation_level=None, timeout=10)) as records:
        records.execute("BEGIN EXCLUSIVE")
        yield
        records.execute("ROLLBACK")


async def told(client: Client, text: str) -> str:
    """What the operator's desk shows, once it tells of `text`."""
    desk = client.get_workflow_handle("operator")
    async with asyncio.timeout(_PATIENCE):
        while True:
            shown: WorkflowMetadata = await desk.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
            if text in shown.current_details:
                return shown.current_details
            await asyncio.sleep(0.05)  # the desk tells what it did, not when
