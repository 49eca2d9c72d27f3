"""Deliveries are listed, filtered, shown with every attempt, and replayed as the contract says."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.api import shapes
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, free_port

DELIVERIES = "/v1/webhook-deliveries"
UNKNOWN = "dlv_" + "0" * 26


@pytest.mark.rows("CD-32", "CD-33")
async def test_the_list(account: Account, receiver: Receiver) -> None:
    """Deliveries are listed with how they stand: delivered after so many attempts, or skipped with the reason."""
    active, inactive = receiver.mailbox(), receiver.mailbox()
    active.refuse(1)
    ids = [(await account.register(box.url))["id"] for box in (active, inactive)]
    await account.call("POST", f"/v1/webhook-endpoints/{ids[1]}/disable", status=200)

    event = await account.publish("zone.create")
    found = {each["endpoint_id"]: each for each in await account.settled(event["id"], count=2)}

    for each in found.values():
        shapes.check(each, shapes.DELIVERY)
        assert (each["event_id"], each["type"]) == (event["id"], "zone.create")
        assert each["next_retry_at"] is None
        assert each["created_at"] <= each["completed_at"]
    good, skipped = found[ids[0]], found[ids[1]]
    assert (good["status"], good["attempts"], good["last_status_code"], good["reason"]) == ("delivered", 2, 200, None)
    assert (skipped["status"], skipped["attempts"], skipped["last_status_code"]) == ("skipped", 0, None)
    assert "disabled" in skipped["reason"]


@pytest.mark.rows("CD-33")
async def test_while_it_waits(patient_account: Account, mailbox: Mailbox) -> None:
    """A delivery that is to be tried again says when, and that it is not over."""
    await patient_account.register(mailbox.url)
    mailbox.refuse(1)

    event = await patient_account.publish()
    [waiting] = await patient_account.settled(event["id"], statuses=("retrying",))

    shapes.check(waiting, shapes.DELIVERY)
    assert (waiting["attempts"], waiting["last_status_code"], waiting["completed_at"]) == (1, 503, None)
    assert waiting["next_retry_at"] > waiting["created_at"]


async def test_filters(account: Account, receiver: Receiver) -> None:
    """The list can be cut down by each filter, and by several at once."""
    active = (await account.register(receiver.mailbox().url))["id"]
    inactive = (await account.register(receiver.mailbox().url, events=["zone.create"]))["id"]
    await account.call("POST", f"/v1/webhook-endpoints/{inactive}/disable", status=200)
    first = (await account.publish("domain.create"))["id"]
    await account.settled(first, count=1)
    between = datetime.now(UTC).isoformat()
    second = (await account.publish("zone.create"))["id"]
    await account.settled(second, count=2)
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    async def found(**wanted: str) -> set[tuple[str, str]]:
        return {(each["event_id"], each["endpoint_id"]) for each in await account.deliveries(**wanted)}

    everything = {(first, active), (second, active), (second, inactive)}
    assert await found() == everything
    assert await found(status="delivered") == {(first, active), (second, active)}
    assert await found(status="skipped") == {(second, inactive)}
    assert await found(status="failed") == set()
    assert await found(endpoint_id=inactive) == {(second, inactive)}
    assert await found(event_id=first) == {(first, active)}
    assert await found(type="zone.create") == {(second, active), (second, inactive)}
    assert await found(type="zone") == set()
    assert await found(since=between) == {(second, active), (second, inactive)}
    assert await found(until=between) == {(first, active)}
    assert await found(since=in_an_hour) == set()
    assert await found(until=in_an_hour) == everything
    assert await found(type="zone.create", status="delivered", endpoint_id=active) == {(second, active)}
    assert await found(event_id="evt_" + "0" * 26) == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "lost"),
        ("status", "DELIVERED"),
        ("status", ""),
        ("endpoint_id", "x"),
        ("endpoint_id", "ep_%00"),
        ("event_id", "evt_' OR 1=1 --"),
        ("event_id", ""),
        ("type", "x" * 101),
        ("type", "\0"),
        ("since", "yesterday"),
        ("since", "2026-07-02T12:00:00"),
        ("until", "9999-12-31T23:59:59-14:00"),
    ],
    ids=lambda value: value[:30],
)
async def test_a_bad_filter(account: Account, name: str, value: str) -> None:
    """A filter that can match nothing for its form is refused and named."""
    shapes.refusal(await account.client.get(DELIVERIES, params={name: value}), 400, name)


async def test_one_delivery(account: Account, mailbox: Mailbox) -> None:
    """One delivery is shown as in the list, with what was sent: all but signature, its time and custom headers."""
    endpoint = await account.register(mailbox.url, headers={"X-Token": "s3cret", "Authorization": "Basic c2VjcmV0"})
    event = await account.publish(data={"domain": "bücher.example"})
    [received] = await mailbox.wait_for(1)
    [listed] = await account.settled(event["id"])

    answer = await account.client.get(f"{DELIVERIES}/{listed['id']}")
    shown = answer.json()
    request = shown.pop("request")

    assert shown == listed
    shapes.check(request, {"url": shapes.text, "headers": lambda value: isinstance(value, dict), "body": shapes.text})
    assert (request["url"], request["body"].encode()) == (mailbox.url, received.body)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    hidden = {name for name, value in headers.items() if value == "[redacted]"}
    assert hidden == {"webhook-signature", "webhook-timestamp", "x-token", "authorization"}
    assert (headers["webhook-id"], headers["content-type"]) == (listed["id"], "application/json")
    for secret in ("s3cret", "c2VjcmV0", received.headers["webhook-signature"], endpoint["signing_secret"]):
        assert secret not in answer.text


@pytest.mark.rows("CD-28", "ALL-10")
async def test_attempts(account: Account, mailbox: Mailbox) -> None:
    """Every attempt is listed, the first one first, with its answer."""
    await account.register(mailbox.url)
    mailbox.replies.extend([Reply(503, body=b"not now"), Reply(302, headers=(("location", "/"),)), Reply(204)])

    event = await account.publish()
    [delivery] = await account.settled(event["id"])
    attempts = await account.attempts(delivery["id"])

    for each in attempts:
        shapes.check(each, shapes.ATTEMPT)
    assert [(each["number"], each["status_code"], each["error"]) for each in attempts] == [
        (1, 503, None),
        (2, 302, None),
        (3, 204, None),
    ]
    assert attempts[0]["response_excerpt"] == "not now"
    assert {each["trigger"] for each in attempts} == {"schedule"}
    assert len({each["id"] for each in attempts}) == 3


@pytest.mark.rows("CD-28")
async def test_an_attempt_without_an_answer(account: Account) -> None:
    """An attempt that reached nobody is listed with the error and without a status."""
    await account.register(f"https://127.0.0.1:{free_port()}/")

    event = await account.publish()
    [delivery] = await account.settled(event["id"])
    attempts = await account.attempts(delivery["id"])

    assert len(attempts) == 10
    for each in attempts:
        shapes.check(each, shapes.ATTEMPT)
        assert (each["status_code"], each["error"], each["response_excerpt"]) == (None, "connection_refused", None)
    assert (delivery["status"], delivery["last_status_code"], delivery["next_retry_at"]) == ("failed", None, None)
    assert "connection_refused" in delivery["reason"]


async def test_before_the_first_attempt(account: Account, mailbox: Mailbox) -> None:
    """While the first attempt is under way the delivery is pending and has no attempts yet."""
    await account.register(mailbox.url)
    release = asyncio.Event()
    mailbox.otherwise = Reply(200, hold=release)

    event = await account.publish()
    await mailbox.wait_for(1)
    [pending] = await account.deliveries(event_id=event["id"])
    attempts = await account.attempts(pending["id"])
    replay = await account.client.post(f"{DELIVERIES}/{pending['id']}/replay")
    release.set()
    [delivered] = await account.settled(event["id"])

    shapes.check(pending, shapes.DELIVERY)
    assert (pending["status"], pending["attempts"], pending["completed_at"], attempts) == ("pending", 0, None, [])
    assert shapes.refusal(replay, 409)["code"] == "still_delivering"
    assert (delivered["status"], len(mailbox.received)) == ("delivered", 1)


async def test_no_replay_while_it_waits(patient_account: Account, mailbox: Mailbox) -> None:
    """A delivery that is still to be tried again cannot be replayed."""
    await patient_account.register(mailbox.url)
    mailbox.refuse(1)
    event = await patient_account.publish()
    [waiting] = await patient_account.settled(event["id"], statuses=("retrying",))

    answer = await patient_account.client.post(f"{DELIVERIES}/{waiting['id']}/replay")

    assert shapes.refusal(answer, 409)["code"] == "still_delivering"
    assert len(mailbox.received) == 1


@pytest.mark.rows("CD-35")
async def test_replay(account: Account, mailbox: Mailbox) -> None:
    """Replay answers 202 with the delivery and sends it again, as often as asked."""
    await account.register(mailbox.url)
    event = await account.publish()
    [delivery] = await account.settled(event["id"])

    for number in (2, 3):
        answer = await account.call("POST", f"{DELIVERIES}/{delivery['id']}/replay", status=202)
        await mailbox.wait_for(number)
        [again] = await account.settled(event["id"])
        shapes.check(answer, shapes.DELIVERY)
        assert answer["id"] == again["id"] == delivery["id"]
        assert (again["status"], again["attempts"]) == ("delivered", number)

    triggers = [each["trigger"] for each in await account.attempts(delivery["id"])]
    assert triggers == ["schedule", "replay", "replay"]


@pytest.mark.rows("CD-35")
@pytest.mark.parametrize("delivery_id", [UNKNOWN, "dlv_x", "x", "%00", "evt_" + "0" * 26])
async def test_an_unknown_delivery(account: Account, delivery_id: str) -> None:
    """An id that no delivery of the account has is a 404 on every call."""
    path = f"{DELIVERIES}/{delivery_id}"

    for method, call in (("GET", path), ("GET", f"{path}/attempts"), ("POST", f"{path}/replay")):
        assert shapes.refusal(await account.client.request(method, call), 404)["code"] == "not_found"


async def test_of_a_deleted_endpoint(account: Account, mailbox: Mailbox) -> None:
    """What was delivered to an endpoint that is deleted stays listed and readable; only replay is refused."""
    endpoint = await account.register(mailbox.url)
    event = await account.publish()
    [delivery] = await account.settled(event["id"])

    await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", status=204)
    shown = await account.delivery(delivery["id"])
    replay = await account.client.post(f"{DELIVERIES}/{delivery['id']}/replay")

    assert await account.deliveries(endpoint_id=endpoint["id"]) == [delivery]
    assert json.loads(shown["request"]["body"])["type"] == "domain.create"
    assert len(await account.attempts(delivery["id"])) == 1
    assert shapes.refusal(replay, 409)["code"] == "endpoint_inactive"
