"""Awaiting what becomes of an event: over REST, and for producers that have Temporal."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.acceptance import steering
from tests.api import shapes
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House

EVENTS = "/v1/events"
EARLY = 20.0  # seconds, of the thirty that these may wait


async def awaited(account: Account, event_id: str, wait: int = 30) -> Any:
    async with asyncio.timeout(EARLY):
        event = await account.call("GET", f"{EVENTS}/{event_id}", params={"wait": wait}, status=200)
    shapes.check(event, shapes.WHOLE_EVENT)
    return event


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def test_answers_when_it_is_over(account: Account, mailbox: Mailbox) -> None:
    """Who waits hears of the last delivery's end when it ends, and not before."""
    release = asyncio.Event()
    mailbox.replies.append(Reply(200, hold=release))
    await account.register(mailbox.url)
    event = await account.publish()

    waiting = asyncio.create_task(awaited(account, event["id"]))
    await mailbox.wait_for(1)
    now = await account.call("GET", f"{EVENTS}/{event['id']}", status=200)
    assert not waiting.done()
    release.set()
    over = await waiting

    assert (now["outcome"], [each["status"] for each in now["deliveries"]]) == ("pending", ["pending"])
    assert (over["outcome"], [each["status"] for each in over["deliveries"]]) == ("delivered", ["delivered"])


async def test_answers_when_the_time_is_up(patient_account: Account, receiver: Receiver) -> None:
    """With a delivery that waits for its retry the answer comes after the time, with how each endpoint's stands."""
    refusing, confirming = receiver.mailbox(), receiver.mailbox()
    refusing.refuse(1)
    for mailbox in (refusing, confirming):
        await patient_account.register(mailbox.url)
    event = await patient_account.publish()
    await patient_account.settled(event["id"], 2, ("retrying", "delivered"))

    pending = await awaited(patient_account, event["id"], wait=1)

    assert pending["outcome"] == "pending"
    assert {each["status"] for each in pending["deliveries"]} == {"retrying", "delivered"}


async def test_failed(account: Account, receiver: Receiver) -> None:
    """Where one of two endpoints never confirms, the event has failed, and the deliveries say which."""
    refusing, confirming = receiver.mailbox(), receiver.mailbox()
    refusing.otherwise = Reply(500)
    lost = await account.register(refusing.url)
    await account.register(confirming.url)
    event = await account.publish()

    over = await awaited(account, event["id"])

    assert over["outcome"] == "failed"
    assert [each["endpoint_id"] for each in over["deliveries"] if each["status"] == "failed"] == [lost["id"]]


async def test_nobody_listens(account: Account) -> None:
    """An event that nobody subscribed to is over at once; a cancelled one, too; one that is scheduled is not."""
    usual = await account.publish()
    scheduled = await account.publish(deliver_at=tomorrow())

    assert (await awaited(account, usual["id"]))["outcome"] == "none"
    assert (await awaited(account, scheduled["id"], wait=1))["outcome"] == "pending"
    await account.call("POST", f"{EVENTS}/{scheduled['id']}/cancel", status=200)
    assert (await awaited(account, scheduled["id"]))["outcome"] == "cancelled"


@pytest.mark.parametrize("wait", ["31", "-1", "soon", "", "nan", "1e1"])
async def test_no_such_wait(account: Account, wait: str) -> None:
    """Whole seconds up to thirty can be waited, and only for an event there is."""
    event = await account.publish()

    shapes.refusal(await account.client.get(f"{EVENTS}/{event['id']}", params={"wait": wait}), 400, "wait")
    shapes.refusal(await account.client.get(f"{EVENTS}/evt_{'0' * 26}", params={"wait": 30}), 404)


async def test_many_wait(house: House, account: Account) -> None:
    """Fifty of an account may wait; one more is told so, and to try again; whoever does not wait is answered meanwhile,
    and another account may wait, too.
    """
    stranger = await house.new_account()
    others_event = await stranger.publish(deliver_at=tomorrow())
    event = await account.publish(deliver_at=tomorrow())
    path = f"{EVENTS}/{event['id']}"
    async with httpx.AsyncClient(
        base_url=account.client.base_url,
        headers=account.client.headers,
        timeout=EARLY,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
        verify=False,
    ) as client:
        waiting = [asyncio.create_task(client.get(path, params={"wait": 5})) for _ in range(53)]
        refused = [await each for each in itertools.islice(asyncio.as_completed(waiting), 3)]
        at_once = await client.get(path)
        other = await stranger.call("GET", f"{EVENTS}/{others_event['id']}", params={"wait": 1}, status=200)
        still = [each.done() for each in waiting].count(False)
        others = await asyncio.gather(*waiting)

    assert still > 0
    assert [each.status_code for each in others].count(200) == 50
    for answer in refused:
        assert shapes.refusal(answer, 503)["code"] == "too_many_waiters"
        assert int(answer.headers["retry-after"]) > 0
    assert at_once.json()["outcome"] == "pending"
    assert other["outcome"] == "pending"


async def _executed(client: Client, account: Account, name: str, request: Any) -> Any:
    """As a producer in any language does: by the workflow's name, with plain JSON."""
    return await client.execute_workflow(
        "Outcome", request, id=f"outcome/{account.id}/{name}", task_queue="zonehook", result_type=dict
    )


async def test_by_temporal(house: House, account: Account, receiver: Receiver) -> None:
    """A producer that has Temporal executes `Outcome` and gets each endpoint's status when all are over, or how things
    stand when its time is up.
    """
    client = await steering.temporal_of(house)
    refusing, confirming = receiver.mailbox(), receiver.mailbox()
    refusing.refuse(3)
    endpoints = [(await account.register(each.url))["id"] for each in (refusing, confirming)]
    event = await account.publish()
    later = await account.publish(deliver_at=tomorrow())

    wanted = {"account_id": account.id, "event_id": event["id"]}
    over = await _executed(client, account, "over", wanted)
    open_ = await _executed(client, account, "open", wanted | {"event_id": later["id"], "seconds": 1})

    assert over == {"outcome": "delivered", "endpoints": dict.fromkeys(endpoints, "delivered")}
    assert open_ == {"outcome": "pending", "endpoints": {}}


@pytest.mark.parametrize(
    "wrong",
    [{}, {"event_id": "evt_x"}, {"event_id": "evt_" + "0" * 26}, {"seconds": 1e9}, {"account_id": 10**12}, None],
)
async def test_asked_wrongly_by_temporal(house: House, account: Account, wrong: Any) -> None:
    """What cannot be read, and an event that is not the account's, is a failure with a sentence, at once."""
    client = await steering.temporal_of(house)
    stranger = await house.new_account()
    event = await stranger.publish()
    request = {"account_id": account.id, "event_id": event["id"]} | wrong if wrong is not None else "please"

    with pytest.raises(WorkflowFailureError) as refused:
        await _executed(client, account, f"wrong {wrong}", request)

    assert isinstance(refused.value.cause, ApplicationError)
    assert "there is no event" in str(refused.value.cause) or "send {" in str(refused.value.cause)
