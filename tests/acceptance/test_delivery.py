"""An event published over REST reaches every endpoint that subscribed: signed, retried, recorded."""

import itertools
import json
from datetime import datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account


@pytest.mark.rows("CAP-01", "CAP-02", "DN2-04", "DN2-07", "NOV-01")
async def test_an_event_arrives_signed(account: Account, mailbox: Mailbox) -> None:
    """One POST of JSON arrives, and the stock library verifies its signature."""
    endpoint = await account.register(mailbox.url)

    event = await account.publish("domain.create", {"domain": "example.com"}, occurred_at="2026-07-02T14:00:00+02:00")
    [received] = await mailbox.wait_for(1)

    Webhook(endpoint["signing_secret"]).verify(received.body, received.headers)
    assert received.head.startswith(b"POST ")
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body) == {
        "type": "domain.create",
        "timestamp": "2026-07-02T12:00:00Z",
        "data": {"domain": "example.com"},
    }
    [delivery] = await account.settled(event["id"])
    assert delivery["status"] == "delivered"
    assert received.headers["webhook-id"] == delivery["id"]


@pytest.mark.rows("CAP-03", "CD-28", "ALL-10", "NOV-09")
async def test_a_failure_is_tried_again(account: Account, mailbox: Mailbox) -> None:
    """Two refusals and a confirmation are three POSTs with equal bytes and ids, and three recorded attempts."""
    endpoint = await account.register(mailbox.url)
    mailbox.refuse(2)

    event = await account.publish()
    [delivery] = await account.settled(event["id"])
    attempts = await account.attempts(delivery["id"])

    assert (delivery["status"], delivery["attempts"], delivery["last_status_code"]) == ("delivered", 3, 200)
    assert [each["status_code"] for each in attempts] == [503, 503, 200]
    assert [each["number"] for each in attempts] == [1, 2, 3]
    assert {each["trigger"] for each in attempts} == {"schedule"}
    assert len(mailbox.received) == 3
    assert len({each.body for each in mailbox.received}) == 1
    assert {each.headers["webhook-id"] for each in mailbox.received} == {delivery["id"]}
    for each in mailbox.received:
        Webhook(endpoint["signing_secret"]).verify(each.body, each.headers)


@pytest.mark.rows("DN2-37", "DN2-38", "ALL-12")
async def test_ten_attempts_and_no_more(account: Account, mailbox: Mailbox) -> None:
    """An endpoint that never confirms gets ten attempts with doubling waits inside the window, then no more."""
    await account.register(mailbox.url)
    mailbox.otherwise = Reply(500)

    event = await account.publish()
    [delivery] = await account.settled(event["id"])

    assert (delivery["status"], delivery["attempts"], delivery["next_retry_at"]) == ("failed", 10, None)
    assert delivery["reason"] == "the last of 10 attempts got status 500"
    times = [each.at for each in mailbox.received]
    assert len(times) == 10
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    for wait, planned in zip(waits[:-1], (0.014 * 2**n for n in range(8)), strict=True):
        assert wait >= planned
    # What an attempt itself takes is not scaled, so at this pace the window may cut the last wait short
    assert times[-1] - times[0] < 10


@pytest.mark.rows("ALL-01", "DN2-01")
async def test_each_endpoint_is_served_for_itself(account: Account, receiver: Receiver) -> None:
    """Ten endpoints get one event each, and one that refuses delays none of the others."""
    boxes = [receiver.mailbox() for _ in range(10)]
    for box in boxes:
        await account.register(box.url)
    boxes[0].refuse(3)

    event = await account.publish()
    found = await account.settled(event["id"], count=10)

    assert {each["status"] for each in found} == {"delivered"}
    assert [len(box.received) for box in boxes] == [4] + [1] * 9
    assert sorted(each["attempts"] for each in found) == [1] * 9 + [4]


@pytest.mark.parametrize(
    ("subscriptions", "wanted"),
    [
        ([], ["domain.create", "domain.renew:started", "zone.create"]),
        (["domain.create"], ["domain.create"]),
        (["domain.*"], ["domain.create", "domain.renew:started"]),
        (["zone.create", "domain.renew:started"], ["domain.renew:started", "zone.create"]),
        (["dom.*"], []),
    ],
)
@pytest.mark.rows("CD-06", "CD-07")
async def test_only_what_was_subscribed_arrives(
    account: Account, mailbox: Mailbox, subscriptions: list[str], wanted: list[str]
) -> None:
    """Exact names, prefixes and the empty list decide which events an endpoint gets."""
    await account.register(mailbox.url, events=subscriptions)

    for name in ("domain.create", "domain.renew:started", "zone.create"):
        event = await account.publish(name)
        await account.settled(event["id"], count=int(name in wanted))
    await mailbox.wait_for(len(wanted))

    assert [json.loads(each.body)["type"] for each in mailbox.received] == wanted


async def test_data_arrives_byte_for_byte(account: Account, mailbox: Mailbox) -> None:
    """Non-ASCII text, escapes, white space, odd numbers, key order and deep nesting arrive as they were written."""
    await account.register(mailbox.url)
    deep = '{"a":' * 300 + '"Grüße \\u00e9 \\ud83d\\ude00 日本"' + "}" * 300
    data = f'{{ "z": 1.10, "a": 1e400, "big": {"9" * 40}, "null": null,  "deep": {deep}, "": "\\u0000" }}'

    answer = await account.client.post("/v1/events", content=f'{{"type":"domain.create","data":{data}}}'.encode())
    [received] = await mailbox.wait_for(1)

    assert answer.status_code == 202
    assert received.body.endswith(f',"data":{data}}}'.encode())
    shown = await account.client.get(f"/v1/events/{answer.json()['id']}")
    assert data.encode() in shown.content


@pytest.mark.rows("ALL-08")
async def test_answers_are_kept_short(account: Account, mailbox: Mailbox) -> None:
    """Of a large answer the first 4 KiB are kept, and bytes that are no text become readable."""
    await account.register(mailbox.url)
    mailbox.otherwise = Reply(200, body=b"\xff\x00" + b"x" * 1_000_000)

    event = await account.publish()
    [delivery] = await account.settled(event["id"])
    [attempt] = await account.attempts(delivery["id"])

    assert delivery["status"] == "delivered"
    assert attempt["response_excerpt"].startswith("\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}xxx")
    assert len(attempt["response_excerpt"].encode()) <= 4096 + 8


@pytest.mark.rows("CD-33")
async def test_the_list_tells_when_the_next_attempt_is_due(patient_account: Account, mailbox: Mailbox) -> None:
    """While a delivery waits, the list says retrying, how many attempts were made, and when the next one is due."""
    await patient_account.register(mailbox.url)
    mailbox.refuse(1)

    event = await patient_account.publish()
    [waiting] = await patient_account.settled(event["id"], statuses=("retrying",))
    [first, second] = await mailbox.wait_for(2)
    [delivered] = await patient_account.settled(event["id"])

    assert (waiting["attempts"], waiting["last_status_code"]) == (1, 503)
    due = _seconds(waiting["next_retry_at"])
    assert 14 <= second.at - first.at < 17
    assert abs(second.at - due) <= 1.5  # the list shows whole seconds
    assert (delivered["status"], delivered["next_retry_at"]) == ("delivered", None)


async def test_rotated_secrets_overlap(account: Account, mailbox: Mailbox) -> None:
    """After a rotation old and new secret both verify, so that a receiver can change over when it likes."""
    endpoint = await account.register(mailbox.url)
    rotated = await account.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret", status=200)

    await account.publish()
    [received] = await mailbox.wait_for(1)

    assert rotated["signing_secret"] != endpoint["signing_secret"]
    for secret in (endpoint["signing_secret"], rotated["signing_secret"]):
        Webhook(secret).verify(received.body, received.headers)


async def test_custom_headers_are_sent_and_hidden(account: Account, mailbox: Mailbox) -> None:
    """A custom header reaches the receiver; the delivery's record shows that it is there and not its value."""
    await account.register(mailbox.url, headers={"X-Token": "s3cret-token"})
    event = await account.publish()
    [received] = await mailbox.wait_for(1)
    [delivery] = await account.settled(event["id"])

    shown = await account.delivery(delivery["id"])

    assert received.headers["x-token"] == "s3cret-token"
    assert shown["request"]["headers"]["X-Token"] == "[redacted]"
    assert shown["request"]["body"].encode() == received.body
    assert "v1," not in json.dumps(shown)


def _seconds(text: Any) -> float:

    return datetime.fromisoformat(text).timestamp()
