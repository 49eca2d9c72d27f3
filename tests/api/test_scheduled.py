"""Events for later: listed, moved, cancelled; let go once, at their time."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.acceptance import steering
from tests.api import shapes
from tests.api.waiting import recorded
from tests.receiver import Mailbox
from tests.running import Account, House
from zonehook.moments import timestamp

EVENTS = "/v1/events"


def ahead(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


async def listed(account: Account, **wanted: Any) -> list[str]:
    page = await account.call("GET", EVENTS, params=wanted, status=200)
    return [event["id"] for event in page["data"]]


async def change(account: Account, event_id: str, deliver_at: str, status: int = 200) -> Any:
    return await account.call("PATCH", f"{EVENTS}/{event_id}", body={"deliver_at": deliver_at}, status=status)


async def cancel(account: Account, event_id: str, status: int = 200) -> Any:
    return await account.call("POST", f"{EVENTS}/{event_id}/cancel", status=status)


async def told(account: Account, event_id: str, status: str) -> Any:
    """The event, once it has this status."""
    async with asyncio.timeout(60):
        while True:
            event = await account.call("GET", f"{EVENTS}/{event_id}", status=200)
            if event["status"] == status:
                return event
            await asyncio.sleep(0.02)  # the API tells how things stand, not when they change


async def test_it_waits_for_its_time(account: Account, mailbox: Mailbox) -> None:
    """A scheduled event is shown and listed as such, is delivered when its time has come and not before, to those who
    listen then, and says that time to its receivers.
    """
    leaving = await account.register(mailbox.url + "/leaving")
    due = datetime.now(UTC) + timedelta(seconds=2)
    accepted = await account.publish(deliver_at=due.isoformat())
    at_once = await account.call("GET", f"{EVENTS}/{accepted['id']}", status=200)
    usual = await account.publish("zone.never")
    await recorded(account, 2)
    waiting = [await listed(account, scheduled=True), await listed(account, scheduled=False)]
    await account.call("DELETE", f"/v1/webhook-endpoints/{leaving['id']}", status=204)
    await account.register(mailbox.url)

    [received] = await mailbox.wait_for(1)
    [delivery] = await account.settled(accepted["id"])
    event = await account.call("GET", f"{EVENTS}/{accepted['id']}", status=200)

    shapes.check(event, shapes.WHOLE_EVENT)
    assert (at_once["status"], at_once["deliver_at"], at_once["deliveries"]) == ("scheduled", timestamp(due), [])
    assert waiting == [[accepted["id"]], [usual["id"]]]
    assert received.at >= due.timestamp()
    assert json.loads(received.body)["timestamp"] == timestamp(due)
    assert (event["status"], event["deliveries"]) == ("published", [delivery])
    assert await listed(account, scheduled=True) == []


async def test_a_time_that_has_passed(account: Account, mailbox: Mailbox) -> None:
    """An event for the past or for now is delivered at once, and is as old as its acceptance."""
    await account.register(mailbox.url)

    accepted = await account.publish(deliver_at=ahead(days=-400))
    [received] = await mailbox.wait_for(1)

    assert json.loads(received.body)["timestamp"] == accepted["accepted_at"]
    assert (await told(account, accepted["id"], "published"))["deliver_at"] is not None


@pytest.mark.parametrize(
    "deliver_at", ["in 91 days", "9999-12-31T23:59:59Z", "tomorrow", "2027-01-01T00:00:00", 1751457600]
)
async def test_no_such_time(account: Account, deliver_at: Any) -> None:
    """More than ninety days ahead, and what is no time or has no zone, is refused, for a new event and a scheduled one,
    and changes nothing.
    """
    deliver_at = ahead(days=91) if deliver_at == "in 91 days" else deliver_at
    accepted = await account.publish(deliver_at=ahead(days=89))
    before = await account.call("GET", f"{EVENTS}/{accepted['id']}", status=200)

    new = await account.client.post(EVENTS, json={"type": "a.b", "data": {}, "deliver_at": deliver_at})
    moved = await account.client.patch(f"{EVENTS}/{accepted['id']}", json={"deliver_at": deliver_at})

    shapes.refusal(new, 400, "deliver_at")
    shapes.refusal(moved, 400, "deliver_at")
    assert (await told(account, accepted["id"], "scheduled")) == before
    assert [each["id"] for each in await recorded(account, 1)] == [accepted["id"]]


async def test_moved(account: Account, mailbox: Mailbox) -> None:
    """An event that is moved waits for its new time, be it later or, when that has passed, at once; its content, its
    acceptance and its key stay.
    """
    await account.register(mailbox.url)
    content: dict[str, Any] = {"deliver_at": ahead(seconds=1), "id": "k", "data": {"n": 1}}
    accepted = await account.publish(**content)

    later = await change(account, accepted["id"], ahead(days=80))
    await asyncio.sleep(1.5)  # its first time passes
    still = await told(account, accepted["id"], "scheduled")
    again = await account.publish(**content)
    await change(account, accepted["id"], ahead(seconds=-1))
    [received] = await mailbox.wait_for(1)

    assert still == later
    assert (later["accepted_at"], later["data"]) == (accepted["accepted_at"], {"n": 1})
    assert again == accepted | {"duplicate": True}
    assert json.loads(received.body)["data"] == {"n": 1}
    await account.settled(accepted["id"])
    assert shapes.refusal(await _patched(account, accepted["id"]), 409)["code"] == "event_not_scheduled"


async def _patched(account: Account, event_id: str) -> Any:
    return await account.client.patch(f"{EVENTS}/{event_id}", json={"deliver_at": ahead(days=1)})


async def test_moved_forward(account: Account, mailbox: Mailbox) -> None:
    """An event that was for the end of the season and is moved to the next second is delivered then."""
    await account.register(mailbox.url)
    accepted = await account.publish(deliver_at=ahead(days=90))
    due = time.time() + 1

    await change(account, accepted["id"], datetime.fromtimestamp(due, UTC).isoformat())
    [received] = await mailbox.wait_for(1)

    assert received.at >= due


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
async def test_cancelled(account: Account, mailbox: Mailbox, waits: bool) -> None:
    """A cancelled event is listed as such with the reason, has no deliveries, and can be neither moved nor
    cancelled.
    """
    await account.register(mailbox.url)
    accepted = await account.publish(deliver_at=ahead(seconds=2))
    if waits:
        await recorded(account, 1)

    shown = await cancel(account, accepted["id"])
    again = await account.client.post(f"{EVENTS}/{accepted['id']}/cancel")
    usual = await account.publish(deliver_at=ahead(seconds=2.5))
    await account.settled(usual["id"])

    assert (shown["status"], shown["reason"]) == ("cancelled", "it was cancelled before its time came")
    assert "cancelled already" in shapes.refusal(again, 409)["message"]
    shapes.refusal(await _patched(account, accepted["id"]), 409)
    assert (await told(account, accepted["id"], "cancelled"))["deliveries"] == []
    assert len(mailbox.received) == 1
    assert await listed(account, scheduled=True) == []


async def test_too_late(account: Account, mailbox: Mailbox) -> None:
    """What was delivered, or never was scheduled, can be neither cancelled nor moved; what never was is a 404."""
    await account.register(mailbox.url)
    accepted = await account.publish()
    await account.settled(accepted["id"])

    refused = await account.client.post(f"{EVENTS}/{accepted['id']}/cancel")

    assert "cancel its deliveries" in shapes.refusal(refused, 409)["message"]
    shapes.refusal(await _patched(account, accepted["id"]), 409)
    shapes.refusal(await _patched(account, "evt_" + "0" * 26), 404)
    unknown = {"deliver_at": ahead(days=1), "data": {}}
    shapes.refusal(await account.client.patch(f"{EVENTS}/{accepted['id']}", json=unknown), 400, "data")


async def test_the_time_is_content(account: Account) -> None:
    """The same id for another time is a conflict, and for the same moment in another zone a duplicate."""
    first = await account.publish(id="k", deliver_at="2026-01-01T12:00:00Z")
    again = await account.publish(id="k", deliver_at="2026-01-01T14:00:00+02:00")
    for other in ({}, {"deliver_at": "2026-01-01T12:00:01Z"}):
        answer = await account.client.post(
            EVENTS, json={"type": "domain.create", "data": {"domain": "example.com"}, "id": "k"} | other
        )
        shapes.refusal(answer, 409)

    assert again == first | {"duplicate": True}


async def test_cancelled_in_the_moment_it_is_due(account: Account, mailbox: Mailbox) -> None:
    """Of forty events that are cancelled just when their time comes, each either is cancelled and never delivered, or
    is a 409 and delivered once.
    """
    await account.register(mailbox.url)
    due = time.time() + 2
    moment = datetime.fromtimestamp(due, UTC).isoformat()
    ids = [each["id"] for each in await asyncio.gather(*(account.publish(deliver_at=moment) for _ in range(40)))]
    await recorded(account, 40)

    async def cancelled(place: int) -> bool:
        await asyncio.sleep(due - time.time() + place / 100)  # from just then on, one after another
        answer = await account.client.post(f"{EVENTS}/{ids[place]}/cancel")
        assert answer.status_code in (200, 409), answer.text
        return answer.status_code == 200

    outcomes = await asyncio.gather(*(cancelled(place) for place in range(40)))
    for event_id, was_cancelled in zip(ids, outcomes, strict=True):
        await account.settled(event_id, 0 if was_cancelled else 1)
    assert len(mailbox.received) == outcomes.count(False)


async def test_moved_by_many_at_once(account: Account, mailbox: Mailbox) -> None:
    """Moved here and there by twenty callers, forth at last, an event is delivered once."""
    await account.register(mailbox.url)
    accepted = await account.publish(deliver_at=ahead(days=1))

    await asyncio.gather(*(change(account, accepted["id"], ahead(days=n)) for n in range(1, 21)))
    await change(account, accepted["id"], ahead())
    [delivery] = await account.settled(accepted["id"])

    assert delivery["status"] == "delivered"
    assert len(mailbox.received) == 1


async def test_steered_by_signals(house: House, account: Account, mailbox: Mailbox) -> None:
    """An operator moves and cancels by signals, or with Temporal's own Cancel; what cannot be read changes nothing."""
    await account.register(mailbox.url)
    temporal = await steering.temporal_of(house)
    ids = [(await account.publish(deliver_at=ahead(days=1)))["id"] for _ in range(3)]
    moved, signalled, cancelled = (temporal.get_workflow_handle(f"event/{account.id}/{each}") for each in ids)

    for nonsense in (None, 7, "soon", ahead(days=1000), {"deliver_at": ahead()}):
        await moved.signal("reschedule", nonsense)
        await moved.signal("look_again", nonsense)
    await signalled.signal("cancel")
    await cancelled.cancel()
    for each in ids[1:]:
        assert (await told(account, each, "cancelled"))["deliveries"] == []
    assert (await told(account, ids[0], "scheduled"))["deliveries"] == []
    await moved.signal("reschedule", ahead())

    await account.settled(ids[0])
    assert len(mailbox.received) == 1
    assert await signalled.result() is not None
