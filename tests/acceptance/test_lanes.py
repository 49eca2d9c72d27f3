"""The default lane and the fast lane: who makes the first attempt, and that all else is the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.acceptance import steering
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House, running

FAST = {"ZONEHOOK_FAST_LANE": "1"}
AFTER_A_CRASH = 60.0  # the time limit of a workflow's task, and what a loaded machine needs on top


@pytest_asyncio.fixture(scope="module", params=["0", "1"], ids=["default lane", "fast lane"])
async def either_house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, trusting: dict[str, str]
) -> AsyncIterator[House]:
    """A running Zonehook with the schedules of production, in each lane in turn."""
    async with running(tmp_path_factory.mktemp("lane"), trusting | {"ZONEHOOK_FAST_LANE": request.param}) as house:
        yield house


@pytest_asyncio.fixture
async def fast_house(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own, in the fast lane; it waits half as long as in production."""
    async with running(tmp_path, trusting | FAST | {"ZONEHOOK_TIME_SCALE": "0.5"}) as house:
        yield house


async def test_who_refuses_gets_a_workflow(fast_house: House, receiver: Receiver) -> None:
    """Of three endpoints one refuses once: the event's workflow tells what became of each, and that one alone has a
    workflow of its own, which makes the second attempt.
    """
    account = fast_house.account()
    refusing = receiver.mailbox()
    refusing.refuse(1)
    boxes = await _registered(account, refusing, receiver.mailbox(), receiver.mailbox())
    event = await account.publish()
    found = {boxes[each["endpoint_id"]].url: each for each in await account.settled(event["id"], 3)}
    slow = found.pop(refusing.url)

    client = await steering.temporal_of(fast_house)
    result = await client.get_workflow_handle(f"event/{account.id}/{event['id']}").result()
    told = {line for line in result if slow["id"] not in line}
    [went_on] = set(result) - told
    end = await client.get_workflow_handle(f"delivery/{slow['id']}").result()

    assert told == {f"127.0.0.1, {each['id']}: delivered" for each in found.values()}
    assert went_on.startswith(f"127.0.0.1, {slow['id']}: attempt 1 to 127.0.0.1 got status 503; the next is due at ")
    assert went_on.endswith(f" UTC; goes on as delivery/{slow['id']}")
    assert end == {"status": "delivered", "attempts": 2, "reason": None}
    assert [each["number"] for each in await account.attempts(slow["id"])] == [1, 2]
    assert [await _has_a_workflow(client, each["id"]) for each in found.values()] == [False, False]
    assert sorted(len(box.received) for box in boxes.values()) == [1, 1, 2]


async def test_who_is_not_well_goes_its_own_way(fast_house: House, receiver: Receiver) -> None:
    """An endpoint that failed last time gets a workflow from the start; after a success it needs none any more."""
    account = fast_house.account()
    mailbox = receiver.mailbox()
    mailbox.refuse(1, status=400)
    await _registered(account, mailbox)
    refused = await account.publish()
    await account.attempted(1, event_id=refused["id"])

    own = []
    client = await steering.temporal_of(fast_house)
    for _ in range(2):
        event = await account.publish()
        [delivered] = await account.settled(event["id"])
        await steering.ended(fast_house, account, delivered["id"])
        own.append(await _has_a_workflow(client, delivered["id"]))

    assert own == [True, False]


@pytest.mark.rows("ALL-02", "CD-38")
async def test_killed_in_the_middle_of_a_first_attempt(fast_house: House, mailbox: Mailbox) -> None:
    """A kill -9 while the receiver has the first attempt leads to a second POST and to one recorded attempt."""
    account = fast_house.account()
    mailbox.replies.append(Reply(200, hold=asyncio.Event()))
    await _registered(account, mailbox)
    event = await account.publish()
    await mailbox.wait_for(1)

    await fast_house.kill()
    await fast_house.start()
    await mailbox.wait_for(2, patience=AFTER_A_CRASH)
    [delivery] = await account.settled(event["id"])
    await steering.ended(fast_house, account, delivery["id"])

    assert (delivery["status"], delivery["attempts"], len(mailbox.received)) == ("delivered", 1, 2)


@pytest.mark.rows("ALL-02", "CD-38")
async def test_killed_between_first_attempts(fast_house: House, receiver: Receiver) -> None:
    """After a kill -9 between an event's first attempts, what was recorded is not sent again: what was confirmed is
    over, what was refused goes on with its second attempt, and what was held back is made again.
    """
    account = fast_house.account()
    confirming, refusing, holding = (receiver.mailbox() for _ in range(3))
    refusing.refuse(1)
    holding.replies.append(Reply(200, hold=asyncio.Event()))
    boxes = await _registered(account, confirming, refusing, holding)
    event = await account.publish()
    await holding.wait_for(1)
    await account.attempted(2, event_id=event["id"])

    await fast_house.kill()
    await fast_house.start()
    await holding.wait_for(2, patience=AFTER_A_CRASH)
    found = {boxes[each["endpoint_id"]].url: each for each in await account.settled(event["id"], 3)}

    assert {each["status"] for each in found.values()} == {"delivered"}
    attempts = [found[box.url]["attempts"] for box in (confirming, refusing, holding)]
    assert (attempts, [len(box.received) for box in (confirming, refusing, holding)]) == ([1, 2, 1], [1, 2, 2])


@pytest.mark.parametrize(("status", "end"), [(200, "delivered"), (503, "cancelled")])
async def test_steered_during_the_first_attempt(either_house: House, mailbox: Mailbox, status: int, end: str) -> None:
    """While the first attempt is under way replay and retry-now are refused; a cancel lets it finish and be recorded,
    and ends what was not confirmed. Then it can be replayed.
    """
    account = await either_house.new_account()
    release = asyncio.Event()
    mailbox.replies.append(Reply(status, hold=release))
    await _registered(account, mailbox)
    event = await account.publish()
    await mailbox.wait_for(1)
    [pending] = await account.deliveries(event_id=event["id"])

    codes = []
    for verb in ("replay", "retry-now"):
        refused = await account.call("POST", steering.path(verb, pending["id"]), status=409)
        codes.append(refused["error"]["code"])
    await steering.by_api(either_house, account, "cancel", pending["id"])
    release.set()
    await steering.ended(either_house, account, pending["id"])
    ended = await account.delivery(pending["id"])
    posts = len(mailbox.received)
    await steering.by_api(either_house, account, "replay", pending["id"])
    [replayed] = await account.settled(event["id"], statuses=("delivered",))

    assert (pending["status"], codes) == ("pending", ["still_delivering", "nothing_waits"])
    assert (ended["status"], ended["attempts"], ended["last_status_code"], posts) == (end, 1, status, 1)
    assert len(await account.attempts(pending["id"])) == replayed["attempts"]


async def _registered(account: Account, *mailboxes: Mailbox) -> dict[str, Mailbox]:
    """The mailboxes by the ids of their endpoints."""
    return {(await account.register(box.url))["id"]: box for box in mailboxes}


async def _has_a_workflow(client: Client, delivery_id: str) -> bool:
    try:
        await client.get_workflow_handle(f"delivery/{delivery_id}").describe()
    except RPCError as problem:
        if problem.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
