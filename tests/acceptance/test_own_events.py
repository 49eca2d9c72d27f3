"""Zonehook tells an account of its own deliveries: once, in every dialect, whatever is killed, and never in a loop."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

from tests import samples
from tests.acceptance import workers
from tests.receiver import Mailbox, Received, Receiver, Reply
from tests.running import Account, House, running
from zonehook import dialects

EVERYTHING = ["endpoint.*", "delivery.*"]
_OVER = ("delivered", "failed", "cancelled", "skipped")


async def test_suppressed_in_two_workers(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """Twenty deliveries that fail at once in two workers suppress an endpoint, and another hears of it once: from the
    workers, for the process of the API is gone when it happens.
    """
    box, ears = receiver.mailbox(), receiver.mailbox()
    async with running(tmp_path, trusting | {"ZONEHOOK_EMBEDDED_WORKER": "0"}) as house, workers.two(house):
        account = house.account()
        subject = await account.register(box.url, events=["domain.create"])
        await account.register(ears.url, events=["endpoint.suppressed"])
        release = asyncio.Event()
        box.otherwise = Reply(500, hold=release)
        await asyncio.gather(*(account.publish() for _ in range(20)))
        await box.wait_for(20)
        await house.kill()
        release.set()
        [report] = await ears.wait_for(1)

        await house.start()
        await _quiet(account, 21)
        assert await _types(account) == ["domain.create"] * 20 + ["endpoint.suppressed"]
    assert len(ears.received) == 1
    told = json.loads(report.body)
    assert (told["type"], told["data"]["endpoint"]["id"]) == ("endpoint.suppressed", subject["id"])
    assert (told["data"]["endpoint"]["status"], told["data"]["reason"]) == ("suppressed", "15 attempts in a row failed")


async def test_exhausted_in_every_dialect(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """The last attempt of each dialect's schedule is told, in that dialect's own form, and none before."""
    async with running(tmp_path, trusting | {"ZONEHOOK_TIME_SCALE": "0.0001"}) as house:
        await asyncio.gather(*(_exhaust(house, receiver, name) for name in dialects.NAMES))


async def _exhaust(house: House, receiver: Receiver, dialect: str) -> None:
    account, box, ears = await house.new_account(dialect), receiver.mailbox(), receiver.mailbox()
    box.otherwise = Reply(503)
    subject = await account.register(**samples.endpoint(dialect, box.url))
    await account.register(**samples.endpoint(dialect, ears.url) | {"events": ["delivery.exhausted"]})
    event = samples.event(dialect)
    published = await account.publish(event.pop("type"), event.pop("data"), **event)
    gets_all = dialect.startswith("dnsimple")
    report = (await ears.wait_for(1 + gets_all))[-1]
    deliveries = await account.deliveries(type="delivery.exhausted")

    [failed] = await account.deliveries(endpoint_id=subject["id"], status="failed")
    told = _members(dialect, report)
    policy = dialects.policy(dialect, 1)
    if policy.window is None:  # so short a one may close before the last attempt
        assert failed["attempts"] == len(policy.waits) + 1
    assert told["endpoint"]["id"] == subject["id"]
    assert told["delivery"] == {
        "id": failed["id"], "event_id": published["id"], "type": samples.ONE_TYPE[dialect],
        "attempts": failed["attempts"], "last_status_code": 503, "last_error": None,
    }  # fmt: skip
    assert told["reason"] == failed["reason"]
    assert len(deliveries) == 1


async def test_no_loops(account: Account, receiver: Receiver) -> None:
    """Two endpoints that ask for everything and refuse all of it hear of another's failure, and of each other never."""
    boxes = [receiver.mailbox() for _ in range(3)]
    for box in boxes:
        box.otherwise = Reply(503)
    subject = await account.register(boxes[0].url, events=["domain.create"])
    for box in boxes[1:]:
        await account.register(box.url, events=EVERYTHING)
    await account.publish()
    await _quiet(account, 3)
    await account.call("POST", f"/v1/webhook-endpoints/{subject['id']}/disable", status=200)
    await _quiet(account, 5)  # what was announced before this would be there by now

    assert await _types(account) == ["delivery.exhausted", "domain.create", "endpoint.disabled"]
    assert {each["status"] for each in await account.deliveries()} <= {"failed", "cancelled", "skipped"}


async def test_disabled_and_recovered(account: Account, receiver: Receiver) -> None:
    """A 410 is told as disabled, so is a person's disabling, and the first delivery after enabling as recovered; an
    endpoint that takes all events hears of none of it.
    """
    box, ears, everything = receiver.mailbox(), receiver.mailbox(), receiver.mailbox()
    gone = await account.register(box.url, events=["domain.create"])
    by_hand = await account.register(f"{box.url}?other", events=["ssl.issued"])
    await account.register(ears.url, events=EVERYTHING)
    await account.register(everything.url)
    box.refuse(1, status=410)
    await account.publish()
    await ears.wait_for(1)
    await account.call("POST", f"/v1/webhook-endpoints/{by_hand['id']}/disable", status=200)
    await ears.wait_for(2)
    await account.call("POST", f"/v1/webhook-endpoints/{gone['id']}/enable", status=200)
    for _ in range(2):
        await account.settled((await account.publish())["id"], count=2)
    told = [json.loads(each.body) for each in await ears.wait_for(3)]
    await _quiet(account, 9)

    assert [(each["type"], each["data"]["endpoint"]["id"]) for each in told] == [
        ("endpoint.disabled", gone["id"]), ("endpoint.disabled", by_hand["id"]), ("endpoint.recovered", gone["id"]),
    ]  # fmt: skip
    assert [each["data"]["endpoint"]["status"] for each in told] == ["disabled", "disabled", "enabled"]
    assert len(ears.received) == 3
    assert {json.loads(each.body)["type"] for each in everything.received} == {"domain.create"}


async def test_killed_between_record_and_publication(
    tmp_path: Path, trusting: dict[str, str], receiver: Receiver
) -> None:
    """Killed when an endpoint's disabling was recorded and its event could not start: the next start tells it once."""
    box, ears = receiver.mailbox(), receiver.mailbox()
    release = asyncio.Event()
    box.otherwise = Reply(410, hold=release)
    async with running(tmp_path, trusting) as house:
        account = house.account()
        await account.register(box.url, events=["domain.create"])
        await account.register(ears.url, events=["endpoint.disabled"])
        await account.publish()
        await box.wait_for(1)
        temporal = int((tmp_path / "temporal.pid").read_text())
        os.kill(temporal, signal.SIGSTOP)  # so that no event starts
        release.set()
        waiting = await _announced(house, "SELECT type FROM announcements")
        await house.kill()
        os.kill(temporal, signal.SIGCONT)
        silence = len(ears.received)
        await house.start()
        await ears.wait_for(1)
        await _quiet(account, 2)
        types = await _types(account)

    assert waiting == ["endpoint.disabled"]
    assert silence == 0
    assert types == ["domain.create", "endpoint.disabled"]
    assert (len(box.received), len(ears.received)) == (1, 1)


async def test_what_can_never_be_published_is_parked(
    tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox
) -> None:
    """An announcement that is refused stays with the reason, is counted and told once, and holds up no other."""
    async with running(tmp_path, trusting) as house:
        account = house.account()
        await account.register(mailbox.url, events=["endpoint.disabled"])
        other = await account.register(f"{mailbox.url}?other", events=["domain.create"])
        with contextlib.closing(sqlite3.connect(tmp_path / "zonehook.db")) as database, database:
            database.execute(
                "INSERT INTO announcements (id, account_id, dialect, type, data, created_at)"
                " VALUES ('ann_0', 1, 'standard', 'no type', '{}', '2026-07-02 12:00:00.000000')"
            )
        await account.call("POST", f"/v1/webhook-endpoints/{other['id']}/disable", status=200)
        await mailbox.wait_for(1)
        parked = await _announced(house, "SELECT parked_because FROM announcements WHERE parked_because IS NOT NULL")
        await account.call("POST", f"/v1/webhook-endpoints/{other['id']}/enable", status=200)
        third = await account.register(f"{mailbox.url}?third", events=["domain.create"])
        await account.call("POST", f"/v1/webhook-endpoints/{third['id']}/disable", status=200)
        await mailbox.wait_for(2)  # looked once more, and it was not looked at
        counted = (await account.client.get("/metrics")).text
        _, printed = await house.stop()

    assert parked == ["write the event type as object.action in lower case, such as domain.create or"
                      " domain.renew:started"]  # fmt: skip
    assert "zonehook_announcements_parked_total 1.0" in counted
    assert printed.count("ann_0 (no type of account 1) cannot be published and is parked") == 1
    assert "Traceback" not in printed


def _members(dialect: str, received: Received) -> Any:
    """The data of an event, wherever the dialect has it."""
    body = json.loads(received.body)
    return body if dialect == "novadns" else body["data"]


async def _types(account: Account) -> list[str]:
    """Those of all the account's events, by name."""
    listed = await account.call("GET", "/v1/events?limit=200", status=200)
    return sorted(each["type"] for each in listed["data"])


async def _quiet(account: Account, count: int) -> None:
    """Returns when the account has so many deliveries and all of them are over."""
    async with asyncio.timeout(60):
        while True:
            found = await account.deliveries(limit=200)
            if len(found) >= count and all(each["status"] in _OVER for each in found):
                assert len(found) == count
                return
            await asyncio.sleep(0.05)  # the API tells how things stand, not when they change


async def _announced(house: House, query: str) -> list[Any]:
    """What the table of announcements answers, once it is something."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.closing(sqlite3.connect(house.home / "zonehook.db")) as database:
                found = [row[0] for row in database.execute(query)]
            if found:
                return found
            await asyncio.sleep(0.05)  # nobody tells when a row comes
