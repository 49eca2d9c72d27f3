"""Events are accepted, shown and listed in exactly the shapes of the contract."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api import shapes
from tests.api.waiting import recorded
from tests.receiver import Mailbox
from tests.running import Account, running

EVENTS = "/v1/events"
EXTREMES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]  # no UTC calendar has these moments


async def test_accepted(account: Account) -> None:
    """The answer to an event is its id, its type, when it was accepted, and that it is new."""
    before = datetime.now(UTC).replace(microsecond=0)

    accepted = await account.publish("domain.renew:started")

    shapes.check(accepted, shapes.ACCEPTED)
    assert (accepted["type"], accepted["duplicate"]) == ("domain.renew:started", False)
    assert before <= datetime.fromisoformat(accepted["accepted_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    "type_",
    [
        "a.b",
        "domain.create",
        "email_forward.x.y",
        "domain.renew:started",
        "9.0:1",
        pytest.param(f"a.{'b' * 98}", id="longest"),
    ],
)
async def test_types(account: Account, type_: str) -> None:
    """`object.action` in lower case with `_`, more dots and a `:state`, up to 100 characters."""
    assert (await account.publish(type_))["type"] == type_


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
async def test_visible_from_its_acceptance_on(account: Account, mailbox: Mailbox, waits: bool) -> None:
    """An event can be read by its id at once, and later with its deliveries; nothing of it has changed then."""
    await account.register(mailbox.url)
    whole = {"subject": "example.com", "actor": {"id": "7"}, "occurred_at": "2026-07-02T14:00:00+02:00"}
    data = {"domain": "example.com", "n": [1, None]}

    accepted = await account.publish("domain.create", data, **whole)
    if waits:
        await account.settled(accepted["id"])
    event = await account.call("GET", f"{EVENTS}/{accepted['id']}", status=200)

    shapes.check(event, shapes.WHOLE_EVENT)
    assert {name: event[name] for name in ("id", "type", "accepted_at")} == {
        name: accepted[name] for name in ("id", "type", "accepted_at")
    }
    assert (event["data"], event["subject"], event["actor"]) == (data, "example.com", {"id": "7"})
    assert event["occurred_at"] == "2026-07-02T12:00:00Z"
    if waits:
        assert event["deliveries"] == await account.deliveries(event_id=accepted["id"])
        assert len(event["deliveries"]) == 1


async def test_many_at_once_are_visible_at_once(account: Account) -> None:
    """Fifty events published at the same time can each be read in the moment of their answer."""

    async def publish_and_read(number: int) -> Any:
        accepted = await account.publish(data={"n": number})
        return await account.call("GET", f"{EVENTS}/{accepted['id']}", status=200)

    shown = await asyncio.gather(*(publish_and_read(number) for number in range(50)))

    assert [event["data"] for event in shown] == [{"n": number} for number in range(50)]


async def test_the_least_event(account: Account) -> None:
    """A type and an empty object of data are enough; what was not said is null."""
    await account.publish("domain.create", {}, subject=None, actor=None, occurred_at=None, id=None)
    [event] = await recorded(account, 1)

    shapes.check(event, shapes.EVENT)
    assert event["data"] == {}
    assert (event["subject"], event["actor"], event["occurred_at"]) == (None, None, None)


@pytest.mark.parametrize("event_id", ["evt_" + "0" * 26, "evt_x", "x", "%00", "a%2fb", "dlv_" + "0" * 26])
async def test_an_unknown_event(account: Account, event_id: str) -> None:
    """An id that no event of the account has is a 404."""
    shapes.refusal(await account.client.get(f"{EVENTS}/{event_id}"), 404)


async def test_filters(account: Account) -> None:
    """The list can be cut down by type and by the time of acceptance, from `since` on and before `until`."""
    first = await account.publish("domain.create")
    await recorded(account, 1)
    between = datetime.now(UTC).isoformat()
    second = await account.publish("zone.create")
    await recorded(account, 2)
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def found(**wanted: str) -> list[str]:
        page = await account.call("GET", EVENTS, params=wanted, status=200)
        return [event["id"] for event in page["data"]]

    assert await found(type="domain.create") == [first["id"]]
    assert await found(type="domain") == []
    assert await found(since=between) == [second["id"]]
    assert await found(until=between) == [first["id"]]
    assert await found(since=first["accepted_at"]) == [second["id"], first["id"]]
    assert await found(since=first["accepted_at"], until=in_an_hour, type="zone.create") == [second["id"]]
    assert await found(since=in_an_hour) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("since", ""),
        ("until", "yesterday"),
        ("since", "2026-07-02T12:00:00"),
        ("until", "2026-13-01T00:00:00Z"),
        ("since", EXTREMES[0]),
        ("until", EXTREMES[1]),
        ("type", "x" * 101),
        ("type", "\0"),
    ],
    ids=lambda value: value[:30],
)
async def test_a_bad_filter(account: Account, field: str, value: str) -> None:
    """A time that is none, has no zone or lies beyond the calendar, and a type that cannot be, is refused."""
    shapes.refusal(await account.client.get(EVENTS, params={field: value}), 400, field)


@pytest.mark.parametrize("value", EXTREMES)
async def test_a_time_beyond_the_calendar(tmp_path: Path, trusting: dict[str, str], value: str) -> None:
    """A moment that UTC cannot write is refused, and never accepted as an event that can be neither read nor sent."""
    async with running(tmp_path, trusting) as own_house:  # such an event made its worker try again for ever
        client = own_house.account().client
        answer = await client.post(EVENTS, json={"type": "domain.create", "data": {}, "occurred_at": value})

    shapes.refusal(answer, 400, "occurred_at")


async def test_a_time_long_ago(account: Account, mailbox: Mailbox) -> None:
    """A year before 1000 keeps its four digits, where it is shown and where it is sent."""
    await account.register(mailbox.url)

    accepted = await account.publish(occurred_at="0042-07-02T12:00:00Z")
    [received] = await mailbox.wait_for(1)
    event = await account.call("GET", f"{EVENTS}/{accepted['id']}", status=200)

    assert event["occurred_at"] == json.loads(received.body)["timestamp"] == "0042-07-02T12:00:00Z"


async def test_data_is_shown_as_it_was_written(account: Account) -> None:
    """White space, the order of keys, escapes and numbers come back letter by letter, at once and later."""
    data = '{ "b":1.0,"a" : 1e2, "big":' + "9" * 4000 + ', "text":"\\u00e9é\\ud83d\\ude00" }'

    answer = await account.client.post(EVENTS, content=f'{{"data":{data},"type":"domain.create"}}'.encode())
    at_once = await account.client.get(f"{EVENTS}/{answer.json()['id']}")
    await recorded(account, 1)
    later = await account.client.get(EVENTS)

    assert answer.status_code == 202
    for shown in (at_once, later):
        assert data.encode() in shown.content


async def test_a_repeated_field(account: Account) -> None:
    """Of a field that is written twice the last one counts, as JSON's usual readers have it."""
    answer = await account.client.post(EVENTS, content=b'{"type":"a.first","type":"a.last","data":{},"data":{"n":2}}')
    event = await account.call("GET", f"{EVENTS}/{answer.json()['id']}", status=200)

    assert (event["type"], event["data"]) == ("a.last", {"n": 2})


async def test_at_the_limit(account: Account, mailbox: Mailbox) -> None:
    """A body of 256 KiB to the byte is accepted and delivered whole."""
    await account.register(mailbox.url)
    frame = '{"type":"domain.create","data":{"text":""}}'
    text = '"\\'.replace("\\", "\\\\").replace('"', '\\"') * 40_000  # what grows most when written again
    text += "x" * (256 * 1024 - len(frame) - len(text))
    body = frame.replace('""', f'"{text}"').encode()

    answer = await account.client.post(EVENTS, content=body)
    [received] = await mailbox.wait_for(1)

    assert len(body) == 256 * 1024
    assert answer.status_code == 202
    assert json.loads(received.body)["data"] == json.loads(body)["data"]
