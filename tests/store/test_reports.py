"""What is told of deliveries is written with what it tells of: once an hour, to who asked, and never in a loop."""

import asyncio
import json
from typing import Any

import pytest

from tests.store import given
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.messages import DeliveryOrder
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import announcements
from zonehook.store.announcements import Announcement
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.verdicts import DeliveryStatus, End

LIMIT = 15
HOUR = 3600.0
EVERYTHING = ["endpoint.*", "delivery.*"]


@pytest.fixture
async def listener(registry: Registry, account_id: int) -> str:
    """An endpoint that wants to hear everything of the others."""
    return await given.endpoint(registry, account_id, events=EVERYTHING)


@pytest.fixture
async def subject(registry: Registry, account_id: int) -> str:
    """The endpoint that is told of."""
    return await given.endpoint(registry, account_id, "https://8.8.8.8/hooks/a-token?key=secret", events=["domain.*"])


async def _waiting(database: Database) -> list[Announcement]:
    return await database.read(announcements.after, "", 100)


async def _told(database: Database) -> list[tuple[str, str]]:
    """Type and endpoint of what waits to be published."""
    return [(each.type, json.loads(each.data)["endpoint"]["id"]) for each in await _waiting(database)]


async def _orders(fanout: Fanout, account_id: int, count: int, **event: Any) -> list[DeliveryOrder]:
    opened = [await fanout.open(given.event(account_id, **event)) for _ in range(count)]
    return [order for each in opened for order in each.orders]


async def _attempt(ledger: Ledger, order: DeliveryOrder, status_code: int | None = 503, after: float = 0) -> None:
    duty = await ledger.duty(order)
    await ledger.record(order, duty, given.sent(duty.progress.number + 1, status_code, after))


@pytest.mark.usefixtures("listener")
async def test_of_twenty_failures_at_once_one_report(
    url: str, database: Database, cipher: Cipher, fanout: Fanout, account_id: int, subject: str
) -> None:
    """Twenty failures at the same moment in two processes suppress an endpoint, and one event tells of it."""
    others = Database(url)
    ledgers = [Ledger(each, cipher, time_scale=1) for each in (database, others)]
    orders = await _orders(fanout, account_id, 20)
    try:
        await asyncio.gather(*(_attempt(ledgers[place % 2], order) for place, order in enumerate(orders)))
    finally:
        await others.close()

    [only] = await _waiting(database)
    assert (only.account_id, only.dialect, only.type, only.actor) == (
        account_id, "standard", "endpoint.suppressed", None,
    )  # fmt: skip
    told = json.loads(only.data)
    assert told == {
        "endpoint": {"id": subject, "host": "8.8.8.8", "status": "suppressed", "consecutive_failures": LIMIT},
        "reason": "15 attempts in a row failed",
        "at": "2026-07-02T12:00:00Z",
    }


@pytest.mark.usefixtures("listener")
async def test_once_an_hour(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, subject: str
) -> None:
    """Suppressed again within the hour is not told; an hour after it was told it is; another endpoint at once."""
    counts = []
    for after in (0, HOUR - 1, HOUR):
        for order in await _orders(fanout, account_id, LIMIT):
            await _attempt(ledger, order, after=after)
        await registry.clear_suppression(Actor(account_id), subject)
        counts.append(len(await _waiting(database)))
    other = await given.endpoint(registry, account_id, events=["zone.create"])
    for order in await _orders(fanout, account_id, LIMIT, type="zone.create"):
        await _attempt(ledger, order, after=HOUR)

    assert counts == [1, 1, 2]
    assert await _told(database) == [("endpoint.suppressed", each) for each in (subject, subject, other)]


@pytest.mark.usefixtures("listener", "subject")
async def test_what_was_under_way_suppresses_nothing_again(
    database: Database, fanout: Fanout, ledger: Ledger, account_id: int
) -> None:
    """A failure that is recorded long after the one that suppressed is not told as another suppression."""
    [late, *orders] = await _orders(fanout, account_id, LIMIT + 1)
    for order in orders:
        await _attempt(ledger, order)
    await _attempt(ledger, late, after=HOUR)
    assert [each.type for each in await _waiting(database)] == ["endpoint.suppressed"]


@pytest.mark.usefixtures("listener")
async def test_an_hour_is_kept_by_two_at_once(
    url: str, database: Database, registry: Registry, account_id: int, subject: str, cipher: Cipher
) -> None:
    """Two processes that disable an endpoint at the same moment tell of it once."""
    others = Database(url)
    elsewhere = Registry(others, cipher, ())
    try:
        await asyncio.gather(*(each.disable(Actor(account_id), subject) for each in [registry, elsewhere] * 5))
    finally:
        await others.close()
    assert await _told(database) == [("endpoint.disabled", subject)]


@pytest.mark.parametrize("events", [[], ["domain.*"], ["endpoint.moved"]])
async def test_who_did_not_ask_is_told_nothing(
    database: Database,
    registry: Registry,
    fanout: Fanout,
    ledger: Ledger,
    account_id: int,
    stranger_id: int,
    events: list[str],
) -> None:
    """An endpoint that takes everything, or other types, does not ask for these, nor does another account's; once one
    does, it hears at once.
    """
    await given.endpoint(registry, account_id, events=events)
    unheard = await fanout.open(given.event(account_id, type="endpoint.suppressed", data="{}"))
    await given.endpoint(registry, stranger_id, events=EVERYTHING)
    subject = await given.endpoint(registry, account_id, events=["zone.create"])
    gone = await given.endpoint(registry, account_id, events=EVERYTHING)
    await registry.delete(Actor(account_id), gone)
    for order in await _orders(fanout, account_id, LIMIT, type="zone.create"):
        await _attempt(ledger, order)
    silent = await _waiting(database)
    await registry.clear_suppression(Actor(account_id), subject)
    listener = await given.endpoint(registry, account_id, events=["endpoint.suppressed"])
    for order in await _orders(fanout, account_id, LIMIT, type="zone.create"):
        await _attempt(ledger, order)

    heard = await fanout.open(given.event(account_id, type="endpoint.suppressed", data="{}"))
    assert (silent, unheard.orders) == ([], ())
    assert await _told(database) == [("endpoint.suppressed", subject)]
    assert [each.endpoint_id for each in heard.orders] == [listener]


async def test_of_reports_nothing_is_reported(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, listener: str
) -> None:
    """Deliveries of these events suppress, disable and exhaust like any other, and none of that is told: not to the
    endpoint itself, nor by two endpoints of each other.
    """
    second = await given.endpoint(registry, account_id, events=EVERYTHING)
    own = {"type": "delivery.exhausted", "data": "{}"}
    for order in await _orders(fanout, account_id, LIMIT, **own):
        await _attempt(ledger, order)
    suppressed = [(await registry.get(account_id, each)).status for each in (listener, second)]
    for each in (listener, second):
        await registry.clear_suppression(Actor(account_id), each)
    [first, other] = await _orders(fanout, account_id, 1, **own)
    for _ in range(10):
        await _attempt(ledger, first)
    await _attempt(ledger, other, 200)
    [_, gone] = sorted(await _orders(fanout, account_id, 1, **own), key=lambda order: order.endpoint_id == second)
    await _attempt(ledger, gone, 410)
    [late, *_] = await _orders(fanout, account_id, 1, **own)
    await ledger.end(late, End(DeliveryStatus.FAILED, "too late"))

    assert suppressed == ["suppressed", "suppressed"]
    assert (await ledger.duty(first)).progress.status == DeliveryStatus.FAILED
    assert (await registry.get(account_id, second)).status == "disabled"
    assert await _waiting(database) == []


@pytest.mark.usefixtures("listener")
async def test_disabled_by_an_answer_and_by_hand(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, subject: str
) -> None:
    """A 410 disables and is told; so is a person's disabling, of an endpoint that was not disabled already."""
    [order] = await _orders(fanout, account_id, 1)
    await _attempt(ledger, order, 410)
    await registry.disable(Actor(account_id), subject)
    by_hand = await given.endpoint(registry, account_id, events=["zone.create"])
    await registry.disable(Actor(account_id), by_hand)
    await registry.disable(Actor(account_id), by_hand)

    told = [json.loads(each.data) for each in await _waiting(database)]
    assert await _told(database) == [("endpoint.disabled", subject), ("endpoint.disabled", by_hand)]
    assert [each["reason"] for each in told] == ["the receiver answered 410 (gone)", "it was disabled by hand"]
    assert [each["endpoint"]["status"] for each in told] == ["disabled", "disabled"]


@pytest.mark.usefixtures("listener")
@pytest.mark.parametrize("was", ["suppressed", "disabled"])
async def test_recovered(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, subject: str, was: str
) -> None:
    """Recovered is told of the first confirmed delivery after the endpoint takes them again: not of one that was under
    way before, nor of the clearing itself, nor twice.
    """
    [early, first, second] = await _orders(fanout, account_id, 3)
    if was == "suppressed":
        for order in await _orders(fanout, account_id, LIMIT):
            await _attempt(ledger, order)
    else:
        await registry.disable(Actor(account_id), subject)
    await _attempt(ledger, early, 200)
    await registry.clear_suppression(Actor(account_id), subject)
    await registry.enable(Actor(account_id), subject)
    before = await _told(database)
    await _attempt(ledger, first, 200)
    await _attempt(ledger, second, 200)

    assert before == [(f"endpoint.{was}", subject)]
    assert await _told(database) == [*before, ("endpoint.recovered", subject)]
    assert json.loads((await _waiting(database))[-1].data)["endpoint"]["status"] == "enabled"


@pytest.mark.usefixtures("listener")
async def test_recovered_from_what_nobody_was_told(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int
) -> None:
    """An endpoint that was suppressed by deliveries of these events, of which nothing is told, is told to have
    recovered, by what it confirms of others.
    """
    both = await given.endpoint(registry, account_id, events=[*EVERYTHING, "domain.create"])
    for order in await _orders(fanout, account_id, LIMIT, type="delivery.exhausted", data="{}"):
        if order.endpoint_id == both:
            await _attempt(ledger, order)
    was = (await registry.get(account_id, both)).status
    await registry.clear_suppression(Actor(account_id), both)
    [order] = await _orders(fanout, account_id, 1)
    await _attempt(ledger, order, 200)

    assert was == "suppressed"
    assert await _told(database) == [("endpoint.recovered", both)]


@pytest.mark.usefixtures("listener", "subject")
async def test_an_endpoint_that_was_never_away_does_not_recover(
    database: Database, fanout: Fanout, ledger: Ledger, account_id: int
) -> None:
    """A success, first or after failures, tells nothing of an endpoint that was neither suppressed nor disabled."""
    [order, other] = await _orders(fanout, account_id, 2)
    await _attempt(ledger, other, 200)
    for status_code in (503, 503, 200):
        await _attempt(ledger, order, status_code)
    assert await _waiting(database) == []


@pytest.mark.usefixtures("listener")
@pytest.mark.parametrize(("status_code", "error"), [(503, None), (None, "timeout")])
async def test_exhausted(
    database: Database,
    fanout: Fanout,
    ledger: Ledger,
    account_id: int,
    subject: str,
    status_code: int | None,
    error: str | None,
) -> None:
    """The last attempt of a delivery is told with what it got, the ones before are not, and a second delivery of the
    hour is not.
    """
    [order, second] = await _orders(fanout, account_id, 2)
    for _ in range(9):
        await _attempt(ledger, order, status_code)
    before = await _waiting(database)
    await _attempt(ledger, order, status_code)
    for _ in range(10):
        await _attempt(ledger, second, status_code)

    [only, suppressed] = await _waiting(database)
    told = json.loads(only.data)
    answer = "no answer (timeout)" if error else "status 503"
    assert before == []
    assert (only.type, suppressed.type) == ("delivery.exhausted", "endpoint.suppressed")
    assert told["endpoint"] == {"id": subject, "host": "8.8.8.8", "status": "enabled", "consecutive_failures": 10}
    assert told["delivery"].pop("event_id").startswith("evt_")
    assert told["delivery"] == {
        "id": order.delivery_id, "type": "domain.create", "attempts": 10, "last_status_code": status_code,
        "last_error": error,
    }  # fmt: skip
    assert told["reason"] == f"the last of 10 attempts got {answer}"


@pytest.mark.usefixtures("listener", "subject")
@pytest.mark.parametrize(("status", "count"), [(DeliveryStatus.FAILED, 1), (DeliveryStatus.CANCELLED, 0)])
async def test_ended_without_another_attempt(
    database: Database, fanout: Fanout, ledger: Ledger, account_id: int, status: DeliveryStatus, count: int
) -> None:
    """A window that closes fails a delivery and is told, once however often it is ended; a cancelled one is not."""
    [order] = await _orders(fanout, account_id, 1)
    for _ in range(2):
        await ledger.end(order, End(status, "the window had closed"))
    assert [each.type for each in await _waiting(database)] == ["delivery.exhausted"] * count


async def test_the_announcer_is_woken_when_there_is_something(
    database: Database, cipher: Cipher, registry: Registry, fanout: Fanout, account_id: int, listener: str, subject: str
) -> None:
    """Whoever records an attempt that is told of wakes the announcer of its process; other attempts do not."""
    woken: list[int] = []
    ledger = Ledger(database, cipher, 1, lambda: woken.append(1))
    [failed, delivered, gone] = await _orders(fanout, account_id, 3)
    await _attempt(ledger, failed)
    await _attempt(ledger, delivered, 200)
    before = list(woken)
    await _attempt(ledger, gone, 410)

    assert before == []
    assert woken == [1]


async def test_what_is_parked_is_looked_at_after_the_next_start(database: Database, account_id: int) -> None:
    """An announcement that is parked waits no more, and does again once it is taken up anew."""
    announcement = Announcement("ann_1", account_id, "standard", "endpoint.disabled", "{}", None, given.AT)
    await database.write(announcements.add, announcement)
    await database.write(announcements.park, "ann_1", "it cannot be written")
    parked = await _waiting(database)
    await database.write(announcements.unpark)
    assert parked == []
    assert await _waiting(database) == [announcement]
