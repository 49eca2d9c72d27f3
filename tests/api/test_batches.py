"""Batches: all of them or none, each once, in one round trip."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api import shapes
from tests.api.waiting import recorded
from tests.receiver import Mailbox
from tests.running import Account

BATCH = "/v1/events/batch"
Event = dict[str, Any]


def event(n: int = 0, **more: Any) -> Event:
    return {"type": "domain.create", "data": {"n": n}} | more


async def publish(account: Account, *events: Event) -> list[Any]:
    answer = await account.call("POST", BATCH, body={"events": events}, status=202)
    assert set(answer) == {"data"}
    listed: list[Any] = answer["data"]
    return listed


async def refused(account: Account, status: int, *events: Any) -> Any:
    """The error; nothing was accepted."""
    error = shapes.refusal(await account.client.post(BATCH, json={"events": events}), status)
    listed = await account.call("GET", "/v1/events", status=200)
    assert {each["data"]["n"] for each in listed["data"]} <= {1}  # the one that was published before
    return error


async def test_a_hundred_at_once(account: Account, mailbox: Mailbox) -> None:
    """A hundred events are answered in their order, each can be read and is listed in the moment of the answer, and
    each is delivered once.
    """
    await account.register(mailbox.url)

    accepted = await publish(account, *(event(n) for n in range(100)))
    listed = await account.call("GET", "/v1/events", params={"limit": 200}, status=200)
    shown = [await account.call("GET", f"/v1/events/{each['id']}", status=200) for each in accepted]

    for each in accepted:
        shapes.check(each, shapes.ACCEPTED)
    assert {each["duplicate"] for each in accepted} == {False}
    assert {each["id"] for each in listed["data"]} == {each["id"] for each in accepted}
    assert [each["data"]["n"] for each in shown] == list(range(100))
    for each in accepted:
        [delivery] = await account.settled(each["id"])
        assert delivery["status"] == "delivered"
    assert len(mailbox.received) == 100


async def test_once_only(account: Account, mailbox: Mailbox) -> None:
    """What was published before, alone or in a batch, or stands in the batch twice, is a duplicate of the first."""
    await account.register(mailbox.url)
    alone = await account.publish(id="a", data={"n": 1})

    first = await publish(account, event(1, id="a"), event(2, id="b"), event(2, id="b"), event(3))
    again = await publish(account, event(2, id="b"), event(4, id="c"))
    single = await account.publish(id="c", data={"n": 4})

    assert [each["duplicate"] for each in first + again] == [True, False, True, False, True, False]
    assert (first[0], first[2], again[0]) == (alone | {"duplicate": True}, first[1] | {"duplicate": True}, first[2])
    assert single == again[1] | {"duplicate": True}
    for each in (first[0], first[1], first[3], again[1]):
        await account.settled(each["id"])
    assert len(await account.deliveries()) == len(mailbox.received) == 4


async def test_the_same_batch_at_the_same_time(account: Account, mailbox: Mailbox) -> None:
    """Sent twenty times at once, half of its events also alone, a batch is the same events in every answer, and each is
    delivered once.
    """
    await account.register(mailbox.url)
    batch = [event(n, id=f"k{n}") for n in range(10)]

    sending = [publish(account, *batch) for _ in range(20)]
    alone = [account.publish(id=f"k{n}", data={"n": n}) for n in range(5)]
    answers, _ = await asyncio.gather(asyncio.gather(*sending), asyncio.gather(*alone))
    ids = {tuple(each["id"] for each in answer) for answer in answers}
    [own] = ids
    for event_id in own:
        await account.settled(event_id)

    assert len(await account.deliveries()) == len(mailbox.received) == 10


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
async def test_conflicts(account: Account, waits: bool) -> None:
    """One event whose id was used for other content, before or in the batch itself, and nothing is accepted."""
    await account.publish(id="a", data={"n": 1})
    if waits:
        await recorded(account, 1)

    before = await refused(account, 409, event(0), event(2, id="a"))
    within = await refused(account, 409, event(0), event(1, id="b"), event(2, id="b"), event(2, id="a"))

    assert (before["code"], [each["field"] for each in before["details"]]) == ("idempotency_conflict", ["events.1.id"])
    assert [each["field"] for each in within["details"]] == ["events.2.id", "events.3.id"]


async def test_everything_wrong_is_told(account: Account) -> None:
    """Each field of each event that is wrong is named by its path, and nothing is accepted."""
    schema = {"type": "object", "required": ["host"]}
    await account.call("POST", "/v1/event-types", body={"name": "own.type", "schema": schema}, status=201)

    shape = await refused(account, 400, event(), {"data": 1}, 7, event(extra=1))
    grammar = await refused(account, 400, event(), event(type="x"), event(deliver_at="9999-01-01T00:00:00Z"))
    by_schema = await refused(account, 400, event(), event(type="own.type"))

    assert [each["field"] for each in shape["details"]] == [
        "events.1.type", "events.1.data", "events.2", "events.3.extra",
    ]  # fmt: skip
    assert [each["field"] for each in grammar["details"]] == ["events.1.type", "events.2.deliver_at"]
    assert by_schema["details"][0]["field"].startswith("events.1.data")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"[]", 400, None),
        (b"{}", 400, "events"),
        (b'{"events": {}}', 400, "events"),
        (b'{"events": []}', 400, "events"),
        (b'{"events": [{}], "more": 1}', 400, "more"),
        (b'{"events": [' + b",".join([b'{"type":"a.b","data":{}}'] * 101) + b"]}", 400, "events"),
        (b'{"events": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", 400, None),
        (b'{"events": [{"type":"a.b","data":{"text":"' + b"x" * 256 * 1024 + b'"}}]}', 413, None),
    ],
    ids=lambda value: value[:20].decode() if isinstance(value, bytes) else str(value),
)
async def test_no_batch(account: Account, body: bytes, status: int, field: str | None) -> None:
    """A body that is no batch, has none or more than a hundred events, or is larger than 256 KiB in all, is refused."""
    shapes.refusal(await account.client.post(BATCH, content=body), status, field)


async def test_a_key_for_all(account: Account) -> None:
    """An Idempotency-Key would promise what it does not keep: each event has an id of its own."""
    answer = await account.client.post(BATCH, json={"events": [event()]}, headers={"Idempotency-Key": "k"})
    shapes.refusal(answer, 400, "Idempotency-Key")


async def test_scheduled_in_a_batch(account: Account, mailbox: Mailbox) -> None:
    """In a batch, too, an event waits for its time, is listed as scheduled at once and can be cancelled."""
    await account.register(mailbox.url)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    later, now = await publish(account, event(1, deliver_at=tomorrow), event(2))
    page = await account.call("GET", "/v1/events", params={"scheduled": True}, status=200)
    await account.settled(now["id"])
    cancelled = await account.call("POST", f"/v1/events/{later['id']}/cancel", status=200)

    assert [each["id"] for each in page["data"]] == [later["id"]]
    assert (cancelled["status"], cancelled["deliveries"]) == ("cancelled", [])
    assert len(mailbox.received) == 1
