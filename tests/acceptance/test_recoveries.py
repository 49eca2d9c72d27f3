"""After an outage: what an endpoint missed is sent again in bulk, all of it and none of it twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests import samples
from tests.acceptance import recovering, steering
from tests.acceptance.recovering import LONG_AGO
from tests.conftest import FAST
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House, running
from zonehook import clock, messages
from zonehook.recovery import RecoveryOrder

MISSED = 300
SOME = 100  # sent again in five seconds: time enough to interfere


@pytest_asyncio.fixture
async def quick_house(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own to be cruel to, which recovers as quickly as it can."""
    async with running(tmp_path, trusting | FAST | {"ZONEHOOK_RECOVERY_RATE": "1000"}) as house:
        yield house


async def test_killed_in_the_middle(quick_house: House, receiver: Receiver) -> None:
    """A kill -9 amid 300 missed deliveries: the recovery comes to its end, each was sent again once and no more, though
    the receiver refuses all of them for good, so that what was sent again looks at once like what was missed.
    """
    account, mailbox = await quick_house.new_account("captaindns"), receiver.mailbox()
    mailbox.otherwise = Reply(400)
    endpoint = await account.register(**samples.endpoint("captaindns", mailbox.url))
    event = samples.event("captaindns")
    await asyncio.gather(*(account.publish(event["type"], event["data"]) for _ in range(MISSED)))
    missed = await recovering.until_there_are(account, MISSED, status="failed")
    assert {each["attempts"] for each in missed} == {1}

    recovery = await recovering.start(account, endpoint)
    await mailbox.wait_for(MISSED + MISSED // 2)
    await quick_house.kill()
    await quick_house.start()
    account = quick_house.known_account(account.client.headers["Authorization"], account.id)
    end = await recovering.completed(account, recovery)
    after = await recovering.until_there_are(account, MISSED, status="failed")

    assert (end["total"], end["done"], end["failed"]) == (MISSED, MISSED, 0)
    assert Counter(each["attempts"] for each in after) == {2: MISSED}
    # At the receiver, too, but for those POSTs that were under way when the worker was killed
    posts = Counter(recovering.ids(mailbox.received))
    assert posts.keys() == {each["id"] for each in missed}
    assert set(posts.values()) <= {2, 3}
    assert sum(posts.values()) <= 2 * MISSED + 50

    mailbox.otherwise = Reply(200)
    await recovering.completed(account, await recovering.start(account, endpoint))
    await recovering.until_there_are(account, MISSED, status="delivered")


async def test_killed_while_the_receiver_is_asked(quick_house: House, mailbox: Mailbox) -> None:
    """A recovery that sent everything and was killed before it could tell sends nothing again."""
    account = quick_house.account()
    endpoint = await account.register(mailbox.url)
    missed = await recovering.skipped(account, endpoint, 20)
    await recovering.switch(account, endpoint, "enable")
    mailbox.replies.extend(Reply(200, hold=asyncio.Event()) for _ in missed)

    recovery = await recovering.start(account, endpoint)
    await mailbox.wait_for(20)
    await quick_house.kill()
    await quick_house.start()
    end = await recovering.completed(account, recovery)
    after = await recovering.until_there_are(account, 20, status="delivered")

    assert (end["total"], end["done"], end["failed"]) == (20, 20, 0)
    assert {each["attempts"] for each in after} == {1}
    assert Counter(recovering.ids(mailbox.received)) == dict.fromkeys(missed, 2)  # all were under way


async def test_killed_before_it_was_written_down(house: House, account: Account, mailbox: Mailbox) -> None:
    """A recovery that Temporal holds, and whose API died before it wrote it down, is listed, noted and carried out."""
    endpoint = await account.register(mailbox.url)
    missed = await recovering.skipped(account, endpoint, 3)
    await recovering.switch(account, endpoint, "enable")
    now = clock.now()
    since = now - timedelta(hours=1)
    order = RecoveryOrder(
        account.id, clock.new_id("rcv"), endpoint["id"], since, now, ("skipped",), now, key_id="key_x"
    )
    client = await steering.temporal_of(house)
    await client.start_workflow(messages.RECOVERY_WORKFLOW, order, id=order.workflow_id, task_queue=messages.TASK_QUEUE)
    await client.get_workflow_handle(order.workflow_id).result()
    await mailbox.wait_for(3)

    [listed] = (await account.call("GET", "/v1/recoveries", status=200))["data"]
    [noted] = [
        each
        for each in (await account.call("GET", "/v1/audit-log", status=200))["data"]
        if each["object_id"] == order.recovery_id
    ]
    assert (listed["id"], listed["status"], listed["done"]) == (order.recovery_id, "completed", 3)
    assert (noted["action"], noted["key_id"]) == ("recovery.started", "key_x")
    assert sorted(recovering.ids(mailbox.received)) == missed


async def test_the_same_delivery_again(account: Account, mailbox: Mailbox) -> None:
    """What was skipped, failed or cancelled arrives with the bytes and the id it had, the oldest first, and its history
    goes on; what was delivered is left alone.
    """
    endpoint = await account.register(mailbox.url)
    delivered = (await account.publish())["id"]
    await account.settled(delivered)
    mailbox.otherwise = Reply(500)
    failed = await account.publish(data={"domain": "failed.example"})
    [once] = await account.settled(failed["id"])
    assert (once["status"], once["attempts"]) == ("failed", 10)
    mailbox.otherwise = Reply(200)
    missed = await recovering.skipped(account, endpoint, 2)
    await recovering.switch(account, endpoint, "enable")
    before = list(mailbox.received)

    recovery = await recovering.start(account, endpoint)
    end = await recovering.completed(account, recovery)
    arrived = (await mailbox.wait_for(len(before) + 3))[len(before) :]
    attempts = (await account.attempts(once["id"]))[10:]

    assert (end["total"], end["done"], end["failed"], end["failures"]) == (3, 3, 0, [])
    assert set(recovering.ids(arrived)) == {once["id"], *missed}
    [same] = [each for each in arrived if each.headers["webhook-id"] == once["id"]]
    assert same.body == before[-1].body
    assert [(each["number"], each["trigger"]) for each in attempts] == [(11, "replay")]


async def test_only_what_was_asked_for(account: Account, mailbox: Mailbox) -> None:
    """Deliveries of other times, other statuses and other endpoints stay as they are."""
    other = await account.register("https://127.0.0.1:9/", events=["domain.delete"])
    await recovering.skipped(account, other, 1, "domain.delete")
    endpoint = await account.register(mailbox.url, events=["domain.create"])
    early = await recovering.skipped(account, endpoint, 2)
    await asyncio.sleep(1.1)  # times are told in whole seconds
    between = (await account.publish())["accepted_at"]
    late = [each["id"] for each in await recovering.until_there_are(account, 4, status="skipped")][:1]
    await recovering.switch(account, endpoint, "enable")

    none = await recovering.completed(account, await recovering.start(account, endpoint, statuses=["failed"]))
    first = await recovering.completed(account, await recovering.start(account, endpoint, until=between))
    arrived = recovering.ids(await mailbox.wait_for(2))
    second = await recovering.completed(account, await recovering.start(account, endpoint, since=between))
    await mailbox.wait_for(3)

    assert (none["total"], none["done"], none["statuses"]) == (0, 0, ["failed"])
    assert (sorted(arrived), first["done"]) == (sorted(early), 2)
    assert (recovering.ids(mailbox.received)[2:], second["done"]) == (late, 1)
    assert [each["endpoint_id"] for each in await recovering.every(account, status="skipped")] == [other["id"]]


async def test_paused_and_resumed(house: House, account: Account, mailbox: Mailbox) -> None:
    """Paused, it sends nothing further while new events are delivered; resumed, it sends the rest, each once."""
    endpoint = await account.register(mailbox.url)
    missed = await recovering.skipped(account, endpoint, SOME)
    await recovering.switch(account, endpoint, "enable")

    recovery = await recovering.start(account, endpoint)
    await mailbox.wait_for(1)
    paused = await recovering.steer(account, recovery, "pause")
    progress = await recovering.heard(house, recovery, "paused")
    new = await account.publish(data={"domain": "new.example"})
    await account.settled(new["id"])
    still = await recovering.every(account, status="skipped")
    resumed = await recovering.steer(account, recovery, "resume")
    end = await recovering.completed(account, recovery)
    await mailbox.wait_for(SOME + 1)

    assert (paused["status"], paused["reason"]) == ("paused", "it was paused by hand")
    assert 0 < progress["done"] < SOME
    assert len(still) == SOME - progress["done"]
    assert (resumed["status"], resumed["reason"]) == ("running", None)
    assert (end["total"], end["done"]) == (SOME, SOME)
    arrived = Counter(recovering.ids(mailbox.received))
    assert {arrived[each] for each in missed} == {1}


async def test_cancelled(account: Account, mailbox: Mailbox) -> None:
    """Cancelled, it sends nothing further, takes no more orders, and another may begin and sends the rest."""
    endpoint = await account.register(mailbox.url)
    missed = await recovering.skipped(account, endpoint, SOME)
    await recovering.switch(account, endpoint, "enable")

    recovery = await recovering.start(account, endpoint)
    await mailbox.wait_for(1)
    cancelled = await recovering.steer(account, recovery, "cancel")
    refused = [await recovering.steer(account, recovery, verb, status=409) for verb in ("pause", "resume", "cancel")]
    rest = await recovering.start(account, endpoint)
    await recovering.completed(account, rest)
    await recovering.until_there_are(account, SOME, status="delivered")
    end = await recovering.until(account, recovery, "cancelled")

    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "it was cancelled by hand")
    assert {each["error"]["code"] for each in refused} == {"recovery_ended"}
    assert end["done"] < SOME
    assert Counter(recovering.ids(mailbox.received)) == dict.fromkeys(missed, 1)
    listed = (await account.call("GET", "/v1/recoveries", status=200))["data"]
    assert [each["id"] for each in listed] == [rest["id"], recovery["id"]]


@pytest.mark.parametrize("verb", ["disable", "suppress"])
async def test_an_endpoint_that_takes_nothing(account: Account, mailbox: Mailbox, verb: str) -> None:
    """Where the endpoint is disabled, or fails until it is suppressed, the recovery pauses and says what to do; resumed
    after that it sends the rest.
    """
    endpoint = await account.register(mailbox.url)
    await recovering.skipped(account, endpoint, SOME)
    await recovering.switch(account, endpoint, "enable")
    if verb == "suppress":
        mailbox.refuse(15)
    recovery = await recovering.start(account, endpoint)
    if verb == "disable":
        await mailbox.wait_for(1)
        await recovering.switch(account, endpoint, "disable")

    paused = await recovering.until(account, recovery, "paused")
    refused = await recovering.steer(account, recovery, "resume", status=409)
    await recovering.switch(account, endpoint, "enable" if verb == "disable" else "clear-suppression")
    await recovering.steer(account, recovery, "resume")
    end = await recovering.completed(account, recovery)

    todo = {"disable": "disabled; enable it first", "suppress": "suppressed; clear its suppression first"}[verb]
    assert paused["reason"] == f"the endpoint is {todo}, then resume this recovery"
    assert 0 < paused["done"] < SOME
    assert refused["error"]["code"] == "endpoint_inactive"
    assert (end["done"], end["failed"]) == (SOME, 0)
    # What was cancelled meanwhile had been sent again; it is missed anew
    await recovering.completed(account, await recovering.start(account, endpoint))
    await recovering.until_there_are(account, SOME, status="delivered")


async def test_a_deleted_endpoint(account: Account, mailbox: Mailbox) -> None:
    """Where the endpoint is deleted the recovery ends, and says so."""
    endpoint = await account.register(mailbox.url)
    await recovering.skipped(account, endpoint, SOME)
    await recovering.switch(account, endpoint, "enable")
    recovery = await recovering.start(account, endpoint)
    await mailbox.wait_for(1)
    await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", status=204)

    end = await recovering.until(account, recovery, "cancelled")

    assert end["reason"] == "the endpoint was deleted"
    assert end["done"] < SOME


async def test_what_cannot_be_sent(account: Account, mailbox: Mailbox) -> None:
    """A delivery that was never written, for want of what the dialect needs, counts as failed with its reason, and
    holds up no other.
    """
    endpoint = await account.register(**samples.endpoint("dnsimple", mailbox.url))
    unwritten = await account.publish("domain.create", {"domain": "example.com"})
    [nothing] = await account.settled(unwritten["id"])
    await recovering.switch(account, endpoint, "disable")
    event = samples.event("dnsimple")
    await account.settled((await account.publish(event["type"], event["data"]))["id"])
    await recovering.switch(account, endpoint, "enable")

    end = await recovering.completed(account, await recovering.start(account, endpoint))
    await mailbox.wait_for(1)

    assert (end["total"], end["done"], end["failed"]) == (2, 1, 1)
    reason = f"there is nothing to send: {nothing['reason']}"
    assert end["failures"] == [{"delivery_id": nothing["id"], "reason": reason}]


async def test_one_at_a_time(house: House, account: Account, mailbox: Mailbox) -> None:
    """Of two that are ordered for an endpoint, at once or one after the other, one is refused and names the other."""
    endpoint = await account.register(mailbox.url)
    missed = await recovering.skipped(account, endpoint, 40)
    await recovering.switch(account, endpoint, "enable")
    path = f"/v1/webhook-endpoints/{endpoint['id']}/recover"

    answers = await asyncio.gather(*(account.client.post(path, json={"since": LONG_AGO}) for _ in range(4)))
    [begun] = [each.json() for each in answers if each.status_code == 202]
    refused = [each.json()["error"] for each in answers if each.status_code == 409]
    await recovering.completed(account, begun)
    await recovering.until_there_are(account, 40, status="delivered")

    assert len(refused) == 3
    assert {each["code"] for each in refused} == {"recovery_under_way"}
    assert all(begun["id"] in each["message"] for each in refused)
    assert Counter(recovering.ids(mailbox.received)) == dict.fromkeys(missed, 1)
    listed = await account.call("GET", "/v1/recoveries", status=200)
    assert [each["id"] for each in listed["data"]] == [begun["id"]]


@pytest.mark.parametrize("how", ["signal", "Temporal's cancel"])
async def test_by_an_operator(house: House, account: Account, mailbox: Mailbox, how: str) -> None:
    """In Temporal's UI the signals pause, resume and cancel do what the calls do, whatever is sent with them, and so
    does its own Cancel; the account sees it.
    """
    endpoint = await account.register(mailbox.url)
    await recovering.skipped(account, endpoint, SOME)
    await recovering.switch(account, endpoint, "enable")
    recovery = await recovering.start(account, endpoint)
    handle = (await steering.temporal_of(house)).get_workflow_handle(f"recovery/{recovery['id']}")

    await handle.signal("pause", args=[{"unread": [1]}, 2])
    await recovering.until(account, recovery, "paused")
    await handle.signal("resume")
    await recovering.until(account, recovery, "running", "completed")
    await handle.signal("pause")
    await recovering.until(account, recovery, "paused")
    await (handle.cancel() if how == "Temporal's cancel" else handle.signal("cancel"))
    end: Any = await handle.result()

    assert (end["status"], end["reason"]) == ("cancelled", "it was cancelled by hand")
    assert (await recovering.until(account, recovery, "cancelled"))["done"] == end["done"]


async def test_who_did_what(account: Account, mailbox: Mailbox) -> None:
    """The audit log has who began, paused, resumed and cancelled a recovery, once each."""
    endpoint = await account.register(mailbox.url)
    await recovering.skipped(account, endpoint, SOME)
    await recovering.switch(account, endpoint, "enable")
    recovery = await recovering.start(account, endpoint)
    for verb in ("pause", "pause", "resume", "cancel"):
        await recovering.steer(account, recovery, verb)

    log = (await account.call("GET", "/v1/audit-log", params={"limit": 200}, status=200))["data"]
    own = [each for each in log if each["object_id"] == recovery["id"]][::-1]
    verbs = ["started", "paused", "resumed", "cancelled"]
    assert [each["action"] for each in own] == [f"recovery.{verb}" for verb in verbs]
    assert all(each["key_id"] and each["address"] == "127.0.0.1" for each in own)
