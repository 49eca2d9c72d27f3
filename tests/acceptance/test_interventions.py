"""Replay, retry-now and cancel: the same by REST, on the command line and by a signal through Temporal."""

import asyncio
import contextlib
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle

from tests import samples
from tests.acceptance import steering, vendors
from tests.acceptance.steering import Way
from tests.receiver import Mailbox, Received, Receiver, Reply
from tests.running import IS_FAST, Account, House, running

every_way = pytest.mark.parametrize("way", [steering.by_api, steering.by_cli, steering.by_signal])
# A command takes its second to start: too long where an answer is held back meanwhile
ENDS = ("delivered", "failed", "cancelled", "skipped")
QUICK_WAYS = (steering.by_api, steering.by_signal)
# In the fast lane a first attempt is made by the event's workflow: the delivery has none yet that could be signalled
during_an_attempt = pytest.mark.parametrize(
    ("number", "way"),
    [(1, steering.by_api), *([] if IS_FAST else [(1, steering.by_signal)]), *((2, way) for way in QUICK_WAYS)],
)
VERBS = ("replay", "retry-now", "cancel")
LATER = Reply(503, headers=(("retry-after", "600"),))  # so that nothing falls due while a test is at work


@every_way
async def test_retry_now(patient_house: House, patient_account: Account, mailbox: Mailbox, way: Way) -> None:
    """The waiting attempt is made at once with its number, and the wait after it is the schedule's next."""
    await patient_account.register(mailbox.url, dialect="connect-domain")
    mailbox.refuse(2)
    waiting = await _waiting(patient_house, patient_account, "connect-domain")

    await way(patient_house, patient_account, "retry-now", waiting["id"])
    [still_waiting] = await patient_account.attempted(2, event_id=waiting["event_id"])
    await steering.by_api(patient_house, patient_account, "retry-now", waiting["id"])
    [delivered] = await patient_account.settled(waiting["event_id"])

    first, second, third = await patient_account.attempts(waiting["id"])
    assert [(each["number"], each["trigger"]) for each in (first, second, third)] == [
        (1, "schedule"), (2, "manual"), (3, "manual"),
    ]  # fmt: skip
    assert still_waiting["status"] == "retrying"
    for delivery, attempt, wait in ((waiting, first, 60), (still_waiting, second, 120)):
        due = _seconds(delivery["next_retry_at"]) - _seconds(attempt["started_at"]) - attempt["duration_ms"] / 1000
        assert abs(due - wait) <= 1.5  # the API shows whole seconds
    assert (delivered["status"], delivered["attempts"], len(mailbox.received)) == ("delivered", 3, 3)
    assert len({each.body for each in mailbox.received}) == 1


@pytest.mark.parametrize(("number", "way"), [(1, steering.by_api), *((2, way) for way in QUICK_WAYS)])
async def test_retry_now_doubles_nothing(
    patient_house: House, patient_account: Account, mailbox: Mailbox, number: int, way: Way
) -> None:
    """An attempt under way is left alone, over REST with a sentence, and the schedule goes on after it."""
    await patient_account.register(mailbox.url)
    release = asyncio.Event()
    pending = await _under_way(patient_house, patient_account, mailbox, number, replace(LATER, hold=release))

    if way is steering.by_signal:
        await way(patient_house, patient_account, "retry-now", pending["id"])
        handle = (await steering.temporal_of(patient_house)).get_workflow_handle(f"delivery/{pending['id']}")
        await _in_history(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, number)
    else:
        refused = await patient_account.call("POST", steering.path("retry-now", pending["id"]), status=409)
        assert refused["error"]["message"] == "an attempt is under way, or due at this very moment; look again"
    release.set()
    [waiting] = await patient_account.attempted(number, event_id=pending["event_id"])
    await steering.by_api(patient_house, patient_account, "retry-now", pending["id"])
    [delivered] = await patient_account.settled(pending["event_id"])

    assert (waiting["status"], waiting["attempts"]) == ("retrying", number)
    assert delivered["attempts"] == len(mailbox.received) == number + 1
    triggers = [each["trigger"] for each in await patient_account.attempts(pending["id"])]
    assert triggers == ["schedule", "manual", "manual"][: number + 1]


@pytest.mark.skipif(IS_FAST, reason="in the fast lane there is no workflow of the delivery's to be signalled yet")
async def test_a_signal_to_retry_during_the_first_attempt(
    patient_house: House, patient_account: Account, mailbox: Mailbox
) -> None:
    """The first attempt is left alone, and when it has failed the second is made at once."""
    await patient_account.register(mailbox.url)
    release = asyncio.Event()
    pending = await _under_way(patient_house, patient_account, mailbox, 1, replace(LATER, hold=release))

    await steering.by_signal(patient_house, patient_account, "retry-now", pending["id"])
    release.set()
    [delivered] = await patient_account.settled(pending["event_id"])

    assert delivered["attempts"] == len(mailbox.received) == 2
    assert [each["trigger"] for each in await patient_account.attempts(pending["id"])] == ["schedule", "manual"]


async def test_many_orders_at_once(patient_house: House, patient_account: Account, mailbox: Mailbox) -> None:
    """Ten orders to retry now, all at once, lose no attempt, double none, and leave the delivery to be cancelled; over
    REST each is carried out or told that nothing waits.
    """
    await patient_account.register(mailbox.url)
    mailbox.otherwise = LATER
    waiting = await _waiting(patient_house, patient_account)

    path = steering.path("retry-now", waiting["id"])
    calls = [patient_account.client.post(path) for _ in range(5)]
    signals = [steering.by_signal(patient_house, patient_account, "retry-now", waiting["id"]) for _ in range(5)]
    answers, _ = await asyncio.gather(asyncio.gather(*calls), asyncio.gather(*signals))
    assert {each.status_code for each in answers} <= {202, 409}
    await mailbox.wait_for(2)
    await steering.by_signal(patient_house, patient_account, "cancel", waiting["id"])
    await steering.ended(patient_house, patient_account, waiting["id"])

    cancelled = await patient_account.delivery(waiting["id"])
    attempts = await patient_account.attempts(waiting["id"])
    assert (cancelled["status"], cancelled["attempts"]) == ("cancelled", len(mailbox.received))
    assert [each["number"] for each in attempts] == list(range(1, len(mailbox.received) + 1))
    assert 2 <= len(mailbox.received) <= 10


@every_way
async def test_cancel(patient_house: House, patient_account: Account, mailbox: Mailbox, way: Way) -> None:
    """A cancelled delivery says so and why, is not sent any more, and can be replayed."""
    await patient_account.register(mailbox.url)
    mailbox.replies.append(LATER)
    waiting = await _waiting(patient_house, patient_account)

    await way(patient_house, patient_account, "cancel", waiting["id"])
    await steering.ended(patient_house, patient_account, waiting["id"])
    [cancelled] = await patient_account.settled(waiting["event_id"])
    posts = len(mailbox.received)
    await steering.by_api(patient_house, patient_account, "replay", waiting["id"])
    [replayed] = await patient_account.settled(waiting["event_id"], statuses=("delivered",))

    assert (cancelled["status"], cancelled["attempts"], cancelled["next_retry_at"]) == ("cancelled", 1, None)
    assert cancelled["reason"] in ("it was cancelled by hand", "an operator cancelled it")
    assert (posts, replayed["attempts"], len(mailbox.received)) == (1, 2, 2)


@during_an_attempt
@pytest.mark.parametrize(("status", "end"), [(200, "delivered"), (503, "cancelled")])
async def test_cancel_while_an_attempt_is_under_way(
    patient_house: House, patient_account: Account, mailbox: Mailbox, number: int, way: Way, status: int, end: str
) -> None:
    """The attempt under way is finished and recorded; what the receiver confirmed is delivered all the same."""
    release = asyncio.Event()
    await patient_account.register(mailbox.url)
    pending = await _under_way(patient_house, patient_account, mailbox, number, Reply(status, hold=release))

    await way(patient_house, patient_account, "cancel", pending["id"])
    release.set()
    await steering.ended(patient_house, patient_account, pending["id"])

    ended = await patient_account.delivery(pending["id"])
    attempts = await patient_account.attempts(pending["id"])
    assert (ended["status"], ended["attempts"], ended["next_retry_at"]) == (end, number, None)
    assert [each["status_code"] for each in attempts] == [503] * (number - 1) + [status]
    assert len(mailbox.received) == number


@pytest.mark.parametrize("moment", ["waiting", "under way", "hurried and under way"])
async def test_temporals_own_cancel(
    patient_house: House, patient_account: Account, mailbox: Mailbox, moment: str
) -> None:
    """The Cancel of Temporal's UI ends a delivery as our signal does, at any moment of it."""
    release = asyncio.Event()
    mailbox.replies.extend([LATER, replace(LATER, hold=release)])
    await patient_account.register(mailbox.url)
    waiting = await _waiting(patient_house, patient_account)
    handle = (await steering.temporal_of(patient_house)).get_workflow_handle(f"delivery/{waiting['id']}")
    if moment != "waiting":
        await handle.signal("retry_now")
        await mailbox.wait_for(2)
    if moment == "hurried and under way":
        await handle.signal("retry_now")

    await handle.cancel()
    release.set()
    end = await handle.result()

    ended = await patient_account.delivery(waiting["id"])
    assert (ended["status"], ended["reason"]) == ("cancelled", "an operator cancelled it")
    assert end == {"status": "cancelled", "attempts": ended["attempts"], "reason": ended["reason"]}
    assert ended["attempts"] == len(mailbox.received) == (1 if moment == "waiting" else 2)


@pytest.mark.parametrize("signal", ["retry_now", "cancel"])
async def test_temporals_own_cancel_while_the_database_is_away(
    patient_house: House, patient_account: Account, mailbox: Mailbox, signal: str
) -> None:
    """Cancelled in Temporal while a signal of ours cannot be written down, a delivery ends in the records as well."""
    await patient_account.register(mailbox.url)
    mailbox.replies.append(LATER)
    waiting = await _waiting(patient_house, patient_account)
    handle = (await steering.temporal_of(patient_house)).get_workflow_handle(f"delivery/{waiting['id']}")

    with steering.locked(patient_house):
        await handle.signal(signal)
        await _in_history(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, 2)
        await handle.cancel()
        await _in_history(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, 1)
    with contextlib.suppress(WorkflowFailureError):  # what becomes of the workflow is for the records to tell
        await handle.result()

    ended = await patient_account.delivery(waiting["id"])
    assert (ended["status"], ended["reason"]) == ("cancelled", "an operator cancelled it")
    assert (ended["attempts"], len(mailbox.received)) == (1, 1)


@pytest.mark.parametrize("signal", ["retry_now", "cancel"])
async def test_a_signal_with_something_in_it(
    patient_house: House, patient_account: Account, mailbox: Mailbox, signal: str
) -> None:
    """A signal that comes with an input, as a form in Temporal's UI may send it, does the same as one without."""
    await patient_account.register(mailbox.url)
    mailbox.replies.append(LATER)
    waiting = await _waiting(patient_house, patient_account)

    handle = (await steering.temporal_of(patient_house)).get_workflow_handle(f"delivery/{waiting['id']}")
    await handle.signal(signal, {"by": "an operator"})
    await steering.ended(patient_house, patient_account, waiting["id"])

    [ended] = await patient_account.deliveries()
    assert ended["status"] == ("delivered" if signal == "retry_now" else "cancelled")


@pytest.mark.rows("CD-35")
@every_way
async def test_replay(house: House, account: Account, mailbox: Mailbox, way: Way) -> None:
    """A replay sends the same bytes under the same id, genuinely signed, with a fresh budget, and keeps the history."""
    endpoint = await account.register(mailbox.url)
    mailbox.replies.extend([Reply(410), Reply(503), Reply(200)])
    event = await account.publish()
    [cancelled] = await account.settled(event["id"])
    await account.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/enable", status=200)

    await way(house, account, "replay", cancelled["id"])
    [delivered] = await account.settled(event["id"], statuses=("delivered",))

    attempts = await account.attempts(cancelled["id"])
    assert (delivered["id"], delivered["attempts"], delivered["reason"]) == (cancelled["id"], 3, None)
    assert [(each["number"], each["trigger"], each["status_code"]) for each in attempts] == [
        (1, "schedule", 410), (2, "replay", 503), (3, "replay", 200),
    ]  # fmt: skip
    assert len({(each.body, each.headers["webhook-id"]) for each in mailbox.received}) == 1
    for each in mailbox.received:
        Webhook(endpoint["signing_secret"]).verify(each.body, each.headers)


async def test_a_replay_is_steered_like_the_first_time(
    patient_house: House, patient_account: Account, mailbox: Mailbox
) -> None:
    """A replay that waits can be retried now, cancelled, and replayed again."""
    await patient_account.register(mailbox.url)
    mailbox.replies.extend([Reply(200), LATER, LATER])
    event = await patient_account.publish()
    [delivery] = await patient_account.settled(event["id"])

    await steering.by_api(patient_house, patient_account, "replay", delivery["id"])
    await patient_account.settled(event["id"], statuses=("retrying",))
    await steering.by_api(patient_house, patient_account, "retry-now", delivery["id"])
    await patient_account.attempted(3, event_id=event["id"])
    await steering.by_api(patient_house, patient_account, "cancel", delivery["id"])
    [cancelled] = await patient_account.settled(event["id"])
    await steering.by_api(patient_house, patient_account, "replay", delivery["id"])
    [delivered] = await patient_account.settled(event["id"], statuses=("delivered",))

    triggers = [each["trigger"] for each in await patient_account.attempts(delivery["id"])]
    assert triggers == ["schedule", "replay", "manual", "replay"]
    assert (cancelled["status"], delivered["attempts"], len(mailbox.received)) == ("cancelled", 4, 4)


async def test_replays_at_once_are_one(account: Account, mailbox: Mailbox) -> None:
    """Ten replays asked for at the same time send once; each answer is the delivery or says it is under way."""
    await account.register(mailbox.url)
    event = await account.publish()
    [delivery] = await account.settled(event["id"])
    release = asyncio.Event()
    mailbox.otherwise = Reply(200, hold=release)

    answers = await asyncio.gather(*(account.client.post(steering.path("replay", delivery["id"])) for _ in range(10)))
    release.set()
    await account.settled(event["id"])

    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len(mailbox.received) == 2


@pytest.mark.parametrize("count", [1, 5])
async def test_a_replay_that_was_ended_before_it_began(
    house: House, account: Account, mailbox: Mailbox, count: int
) -> None:
    """Where an operator ended a replay that had done nothing yet, the next runs; those asked for at once are one."""
    await account.register(mailbox.url)
    event = await account.publish()
    [delivery] = await account.settled(event["id"])
    client = await steering.temporal_of(house)
    lost = await client.start_workflow("Delivery", id=f"delivery/{delivery['id']}/replay/1", task_queue="nobody's")
    await lost.terminate()
    release = asyncio.Event()
    mailbox.otherwise = Reply(200, hold=release)

    path = steering.path("replay", delivery["id"])
    answers = await asyncio.gather(*(account.client.post(path) for _ in range(count)))
    await mailbox.wait_for(2)
    release.set()
    [replayed] = await account.settled(event["id"])

    assert 202 in {answer.status_code for answer in answers} <= {202, 409}
    assert [each["trigger"] for each in await account.attempts(delivery["id"])] == ["schedule", "replay"]
    assert (replayed["status"], replayed["attempts"], len(mailbox.received)) == ("delivered", 2, 2)


@pytest.mark.parametrize(("verb", "status"), [("retry-now", 200), ("cancel", 410)])
async def test_nothing_is_left_to_steer(
    house: House, account: Account, mailbox: Mailbox, verb: str, status: int
) -> None:
    """What has ended can be neither hurried nor cancelled: 409, and a sentence that says how it ended."""
    mailbox.otherwise = Reply(status)
    await account.register(mailbox.url)
    event = await account.publish()
    [over] = await account.settled(event["id"])

    refused = await account.call("POST", steering.path(verb, over["id"]), status=409)
    said = await steering.shell(house, account).run(verb, over["id"])

    sentence = {
        "retry-now": "this delivery has ended, so no attempt waits; replay it instead",
        "cancel": f"this delivery is {over['status']} already",
    }[verb]
    assert refused["error"] == {"code": "delivery_ended", "message": sentence, "details": []}
    assert (said.status, said.out, said.err) == (1, "", f"zonehook: {sentence}\n")
    assert await account.settled(event["id"]) == [over]
    assert len(mailbox.received) == 1


async def test_replay_while_under_way(patient_house: House, patient_account: Account, mailbox: Mailbox) -> None:
    """What has not ended is not replayed: 409, with what to do."""
    await patient_account.register(mailbox.url)
    mailbox.replies.append(LATER)
    waiting = await _waiting(patient_house, patient_account)

    refused = await patient_account.call("POST", steering.path("replay", waiting["id"]), status=409)

    assert refused["error"]["code"] == "still_delivering"
    assert refused["error"]["message"] == "this delivery is still under way; replay it when it has ended"


@pytest.mark.parametrize("verb", ["disable", "delete"])
async def test_of_an_endpoint_that_takes_nothing(
    patient_house: House, patient_account: Account, mailbox: Mailbox, verb: str
) -> None:
    """What goes to a disabled or deleted endpoint is neither replayed nor hurried, and the answer says why."""
    endpoint = await patient_account.register(mailbox.url)
    done = await patient_account.publish()
    [delivered] = await patient_account.settled(done["id"])
    mailbox.replies.append(LATER)
    waiting = await _waiting(patient_house, patient_account)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    if verb == "disable":
        await patient_account.call("POST", f"{path}/disable", status=200)
    else:
        await patient_account.call("DELETE", path, status=204)

    replay = await patient_account.call("POST", steering.path("replay", delivered["id"]), status=409)
    hurry = await patient_account.call("POST", steering.path("retry-now", waiting["id"]), status=409)

    assert replay["error"]["code"] == "endpoint_inactive"
    assert f"the endpoint is {verb}d;" in replay["error"]["message"]
    assert hurry["error"]["code"] == ("endpoint_inactive" if verb == "disable" else "delivery_ended")
    assert len(mailbox.received) == 2


@pytest.mark.rows("CD-35")
async def test_of_another_account(house: House, account: Account, mailbox: Mailbox) -> None:
    """Another account's delivery is not found by any of the three, and stays as it was."""
    await account.register(mailbox.url)
    event = await account.publish()
    [delivered] = await account.settled(event["id"])
    stranger = await house.new_account()

    for verb in VERBS:
        refused = await stranger.call("POST", steering.path(verb, delivered["id"]), status=404)
        assert refused["error"]["code"] == "not_found"
    await steering.by_signal(house, stranger, "replay", delivered["id"])
    told = await steering.told(await steering.temporal_of(house), delivered["id"])

    assert f"`{delivered['id']}` was refused: there is no delivery {delivered['id']} in this account" in told
    assert await account.settled(event["id"]) == [delivered]
    assert len(mailbox.received) == 1


@pytest.mark.rows("CD-35", "CD-36", "CD-39")
@pytest.mark.parametrize(
    ("dialect", "ended"),
    [
        *(("dnsimple", ended) for ended in ENDS if ended != "failed"),  # as dnsimple-legacy, whose schedule is as long
        *(("dnsimple-legacy", ended) for ended in ENDS),
        *(("connect-domain", ended) for ended in ENDS),
        *(("novadns", ended) for ended in ENDS),
        *(("captaindns", ended) for ended in ENDS if ended != "delivered"),
    ],
)
async def test_which_replays_a_dialect_allows(house: House, mailbox: Mailbox, dialect: str, ended: str) -> None:
    """However a delivery ended, a replay sends the same bytes under the same id, genuinely signed."""
    account = await house.new_account(dialect)
    endpoint = await account.register(**samples.endpoint(dialect, mailbox.url))
    over = await _ended(account, endpoint, mailbox, ended)
    sent = len(mailbox.received)

    await account.call("POST", steering.path("replay", over["id"]), status=202)
    posts = await mailbox.wait_for(sent + 1)
    [again] = await account.settled(over["event_id"], statuses=("delivered",))

    assert (over["status"], again["id"], again["attempts"]) == (ended, over["id"], sent + 1)
    assert {each.headers["webhook-id"] for each in posts} == {over["id"]}
    assert len({each.body for each in posts}) == 1
    if endpoint["signing_secret"] is not None:
        assert all(vendors.is_genuine(dialect, endpoint["signing_secret"], each) for each in posts)


async def test_captaindns_replays_nothing_delivered(house: House, mailbox: Mailbox) -> None:
    """A CaptainDNS delivery that was delivered is not replayed: 409, and nothing is sent."""
    account = await house.new_account("captaindns")
    endpoint = await account.register(**samples.endpoint("captaindns", mailbox.url))
    over = await _ended(account, endpoint, mailbox, "delivered")

    refused = await account.call("POST", steering.path("replay", over["id"]), status=409)

    assert refused["error"]["code"] == "already_delivered"
    assert await account.settled(over["event_id"]) == [over]
    assert len(mailbox.received) == 1


@pytest.mark.rows("CD-36")
@pytest.mark.parametrize(
    ("dialect", "prefix", "ended"), [("connect-domain", "x-cd", "delivered"), ("captaindns", "x-captaindns", "failed")]
)
async def test_a_replay_is_signed_anew(house: House, mailbox: Mailbox, dialect: str, prefix: str, ended: str) -> None:
    """The vendor's own signature of a replay is of the moment of the replay, over the bytes sent before."""
    account = await house.new_account(dialect)
    endpoint = await account.register(**samples.endpoint(dialect, mailbox.url))
    over = await _ended(account, endpoint, mailbox, ended)
    sent, before = len(mailbox.received), mailbox.received[-1]
    await asyncio.sleep(1.01 - time.time() % 1)  # signatures count whole seconds

    await account.call("POST", steering.path("replay", over["id"]), status=202)
    *_, after = await mailbox.wait_for(sent + 1)

    assert before.body == after.body
    assert vendors.is_genuine(dialect, endpoint["signing_secret"], after)
    assert int(before.headers[f"{prefix}-timestamp"]) < int(after.headers[f"{prefix}-timestamp"])
    assert before.headers[f"{prefix}-signature"] != after.headers[f"{prefix}-signature"]
    assert abs(int(after.headers[f"{prefix}-timestamp"]) - after.at) < 5


async def test_captaindns_replays_what_was_cancelled(patient_house: House, mailbox: Mailbox) -> None:
    """A CaptainDNS delivery that was cancelled by hand is replayed."""
    account = await patient_house.new_account("captaindns")
    wanted = samples.endpoint("captaindns", mailbox.url) | {"secret": None}
    await account.call("POST", "/v1/webhook-endpoints", body=wanted, status=201)
    mailbox.refuse(1)
    waiting = await _waiting(patient_house, account, "captaindns")
    await account.call("POST", steering.path("cancel", waiting["id"]), status=202)

    await account.call("POST", steering.path("replay", waiting["id"]), status=202)
    [delivered] = await account.settled(waiting["event_id"], statuses=("delivered",))

    assert (delivered["attempts"], len(mailbox.received)) == (2, 2)


async def test_orders_that_the_operators_desk_refuses(
    patient_house: House, patient_account: Account, mailbox: Mailbox
) -> None:
    """Whatever is signalled to the operator's desk, it tells what came of it and goes on taking orders."""
    await patient_account.register(mailbox.url)
    done = await patient_account.publish()
    [delivered] = await patient_account.settled(done["id"])
    mailbox.replies.append(LATER)
    waiting = await _waiting(patient_house, patient_account)
    unknown = "dlv_" + "0" * 26
    whole = {"account_id": patient_account.id, "delivery_id": delivered["id"]}
    orders: list[tuple[Any, ...]] = [
        (whole | {"delivery_id": unknown},), (whole | {"delivery_id": waiting["id"]},),
        (whole | {"account_id": 10**30},), (whole | {"delivery_id": "x" * 10_000},), (whole | {"delivery_id": "\0"},),
        (whole | {"account_id": "x"},), ({"delivery_id": delivered["id"]},),
        ("send it again",), (["x" * 10_000],), (None,), (), ("send", "it"),
    ]  # fmt: skip

    client = await steering.temporal_of(patient_house)
    for order in orders:
        await client.get_workflow_handle("operator").signal("replay", args=order)
    await steering.by_signal(patient_house, patient_account, "replay", delivered["id"])
    told = await steering.told(client, f"`{delivered['id']}` is sent again")
    await mailbox.wait_for(3)

    assert f"`{unknown}` was refused: there is no delivery {unknown} in this account" in told
    assert f"`{waiting['id']}` was refused: this delivery is still under way; replay it when it has ended" in told
    assert len(told.splitlines()) > len(orders)  # each was answered
    assert (await patient_account.delivery(waiting["id"]))["attempts"] == 1


async def test_right_after_a_crash(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """After a kill -9 and a new start each of the three signals does what it does at any other time."""
    async with running(tmp_path, trusting) as house:
        account = house.account()
        boxes = {verb: receiver.mailbox() for verb in VERBS}
        boxes["retry-now"].replies.append(LATER)
        boxes["cancel"].replies.append(LATER)
        endpoints = {verb: await account.register(box.url) for verb, box in boxes.items()}
        event = await account.publish()
        listed = await account.settled(event["id"], 3, statuses=("delivered", "retrying"))
        deliveries = {
            verb: each["id"] for verb in VERBS for each in listed if each["endpoint_id"] == endpoints[verb]["id"]
        }

        await house.kill()
        await house.start()
        for verb, delivery_id in deliveries.items():
            await steering.by_signal(house, account, verb, delivery_id)
        posts = await boxes["replay"].wait_for(2)
        for verb in ("retry-now", "cancel"):
            await steering.ended(house, account, deliveries[verb])
        retried, cancelled = [await account.delivery(deliveries[verb]) for verb in ("retry-now", "cancel")]

    assert (retried["status"], retried["attempts"], len(boxes["retry-now"].received)) == ("delivered", 2, 2)
    assert (cancelled["status"], cancelled["attempts"], len(boxes["cancel"].received)) == ("cancelled", 1, 1)
    _is_the_same_signed_anew(posts, endpoints["replay"]["signing_secret"])


def _is_the_same_signed_anew(posts: list[Received], secret: str) -> None:
    first, second = posts
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert int(first.headers["webhook-timestamp"]) < int(second.headers["webhook-timestamp"])
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    Webhook(secret).verify(second.body, second.headers)


async def _waiting(house: House, account: Account, dialect: str = "dnsimple") -> Any:
    """A new event's one delivery, whose first attempt failed."""
    event = await account.publish(**_event(dialect))
    [delivery] = await account.settled(event["id"], statuses=("retrying",))
    await steering.backed_off(house, delivery["id"])
    return delivery


async def _ended(account: Account, endpoint: Any, mailbox: Mailbox, how: str) -> Any:
    """A new event's one delivery, which ended so; from then on the endpoint takes everything."""
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    release = asyncio.Event()
    if how == "failed":
        mailbox.otherwise = Reply(404)
    elif how == "cancelled":
        mailbox.replies.append(Reply(503, hold=release))
    elif how == "skipped":
        await account.call("POST", f"{path}/disable", status=200)
    event = await account.publish(**_event(endpoint["dialect"]))
    if how == "cancelled":
        await mailbox.wait_for(1)
        await account.call("POST", f"{path}/disable", status=200)
        release.set()
    [over] = await account.settled(event["id"])
    if how in ("cancelled", "skipped"):
        await account.call("POST", f"{path}/enable", status=200)
    mailbox.otherwise = Reply(200)
    return over


async def _under_way(house: House, account: Account, mailbox: Mailbox, number: int, reply: Reply) -> Any:
    """A new event's one delivery while its first or second attempt waits for this reply."""
    mailbox.replies.extend([*[LATER] * (number - 1), reply])
    event = await account.publish()
    if number == 2:
        [waiting] = await account.settled(event["id"], statuses=("retrying",))
        await steering.backed_off(house, waiting["id"])
        await steering.by_api(house, account, "retry-now", waiting["id"])
    await mailbox.wait_for(number)
    [delivery] = await account.deliveries(event_id=event["id"])
    return delivery


async def _in_history(handle: WorkflowHandle[Any, Any], wanted: EventType.ValueType, count: int) -> None:
    """Returns when there are so many of these events, and the workflow has heard of the last."""
    async with asyncio.timeout(60):
        while True:
            types = [event.event_type async for event in handle.fetch_history_events()]
            places = [place for place, each in enumerate(types) if each == wanted]
            heard = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED in types[places[-1] :] if places else False
            is_ours = wanted == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED  # the workflow's own doing
            if len(places) >= count and (heard or is_ours):
                return
            await asyncio.sleep(0.05)


def _event(dialect: str = "dnsimple") -> dict[str, Any]:
    """What `publish` takes; one of DNSimple's can be written in the standard dialect, too."""
    event = samples.event(dialect)
    return {"type_": event.pop("type"), **event}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
