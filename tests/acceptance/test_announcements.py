"""`webhook.create` and `webhook.delete` are published when an endpoint comes or goes, whatever crashes meanwhile."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import steering
from tests.receiver import Mailbox, Received, Receiver
from tests.running import Account, House, running
from zonehook import clock
from zonehook.announcer import Announcer
from zonehook.dialects import dnsimple
from zonehook.enforcement import Enforcement
from zonehook.errors import Unavailable
from zonehook.intake import Intake
from zonehook.store import announcements
from zonehook.store.announcements import Announcement
from zonehook.store.database import Database


@pytest.mark.rows("DN2-32", "DN2-33")
@pytest.mark.parametrize("dialect", ["dnsimple", "dnsimple-legacy"])
@pytest.mark.parametrize("surface", ["v1", "v2"])
async def test_coming_and_going(house: House, receiver: Receiver, dialect: str, surface: str) -> None:
    """Every active webhook of the account hears of each that comes, itself included, and of each that goes."""
    account = await house.new_account(dialect)
    first, second = receiver.mailbox(hears_announcements=True), receiver.mailbox(hears_announcements=True)
    made = [await _create(account, surface, first.url)]
    await first.wait_for(1)
    made.append(await _create(account, surface, second.url))
    await asyncio.gather(first.wait_for(2), second.wait_for(1))
    await _remove(account, surface, made[1])
    await first.wait_for(3)
    await _settled(account, 4)

    assert [_told(each) for each in first.received] == [
        ("webhook.create", {"webhook": made[0]}),
        ("webhook.create", {"webhook": made[1]}),
        ("webhook.delete", {"webhook": made[1]}),
    ]
    assert [json.loads(each.body)["data"] for each in second.received] == [{"webhook": made[1]}]
    actor = json.loads(first.received[0].body)["actor"]
    assert actor == {"id": str(account.id), "entity": "account", "pretty": "a test's own"}


@pytest.mark.parametrize(("of_account", "of_endpoint"), [("standard", "dnsimple"), ("dnsimple", "standard")])
async def test_who_hears_nothing(house: House, mailbox: Mailbox, of_account: str, of_endpoint: str) -> None:
    """Accounts of other dialects have no such events, and an endpoint of another dialect is no webhook of v2's."""
    account = await house.new_account(of_account)
    endpoint = await account.register(f"{mailbox.url}/gone", dialect=of_endpoint)
    await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", status=204)
    listens = await account.register(mailbox.url)
    event = await account.publish(data={"domain": {"id": 1, "account_id": account.id, "name": "example.com"}})
    await account.settled(event["id"])

    expected = ["domain.create"] if of_account == "standard" else ["domain.create", "webhook.create"]
    await _settled(account, len(expected))
    listed = await account.call("GET", "/v1/events", status=200)
    assert sorted(each["type"] for each in listed["data"]) == expected
    assert all(each["endpoint_id"] == listens["id"] for each in await account.deliveries())


@pytest.mark.rows("DN2-32", "DN2-33")
async def test_killed_before_the_events_start(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """Killed after the changes were committed, before their events could start: the next start publishes each once."""
    kept, removed = receiver.mailbox(hears_announcements=True), receiver.mailbox(hears_announcements=True)
    async with running(tmp_path, trusting | {"ZONEHOOK_TIME_SCALE": "0.001"}) as own_house:
        account = await own_house.new_account("dnsimple")
        os.kill(int((tmp_path / "temporal.pid").read_text()), signal.SIGSTOP)  # so that no event starts
        made = [await _create(account, "v2", box.url) for box in (kept, removed)]
        await _remove(account, "v2", made[1])
        await own_house.kill()
        with sqlite3.connect(tmp_path / "zonehook.db") as database:
            waiting = [row[0] for row in database.execute("SELECT type FROM announcements ORDER BY id")]
        os.kill(int((tmp_path / "temporal.pid").read_text()), signal.SIGCONT)
        await own_house.start()
        received = await kept.wait_for(3)
        await _settled(account, 3)
        events = await account.call("GET", "/v1/events", status=200)

    assert waiting == ["webhook.create", "webhook.create", "webhook.delete"]
    told = [(name, data["webhook"]) for name, data in map(_told, received)]
    assert len(told) == len(kept.received) == 3
    for each in (("webhook.create", made[0]), ("webhook.create", made[1]), ("webhook.delete", made[1])):
        assert each in told
    assert removed.received == []
    assert len(events["data"]) == 3


class _Forgetful(Database):
    """Of a process that dies each time between an event's start and the note that it was started."""

    async def write(self, change: Any, *args: Any, **kwargs: Any) -> Any:
        if change is announcements.remove:
            raise Unavailable("database_unavailable", "killed here")
        return await super().write(change, *args, **kwargs)


@pytest.mark.rows("DN2-32")
async def test_killed_after_the_events_start(house: House, receiver: Receiver) -> None:
    """Killed when Temporal held the event, before that was noted down: who publishes it again publishes nothing new."""
    mailbox = receiver.mailbox(hears_announcements=True)
    account = await house.new_account("dnsimple")
    made = await _create(account, "v2", mailbox.url)
    await mailbox.wait_for(1)
    announcement = Announcement(
        id=clock.new_id("ann"), account_id=account.id, dialect="dnsimple", type="webhook.create",
        data=json.dumps({"webhook": made}), actor=dnsimple.account_actor(account.id, "me"), created_at=clock.now(),
    )  # fmt: skip
    client = await steering.temporal_of(house)
    database = _Forgetful(f"sqlite:///{house.home / 'zonehook.db'}")
    await database.write(announcements.add, announcement)
    try:
        for _ in range(2):
            intake = Intake(database, client, Enforcement(database), starts_eagerly=False)
            with pytest.raises(Unavailable):
                await Announcer(database, intake).publish_waiting()
    finally:
        await database.close()

    await mailbox.wait_for(2)
    await _settled(account, 2)
    # The house itself looks for what others left
    async with asyncio.timeout(60):
        while True:
            if not _is_waiting(house, announcement.id):
                break
            await asyncio.sleep(0.1)  # nothing tells when the row goes
    events = await account.call("GET", "/v1/events", status=200)
    assert [each["type"] for each in events["data"]] == ["webhook.create"] * 2
    assert len(mailbox.received) == 2


async def _create(account: Account, surface: str, url: str) -> Any:
    """The webhook as v2 shows it, registered by either surface."""
    if surface == "v2":
        return (await account.call("POST", f"/v2/{account.id}/webhooks", body={"url": url}, status=201))["data"]
    await account.register(url)
    listed = await account.call("GET", f"/v2/{account.id}/webhooks?sort=id:desc", status=200)
    assert listed["data"][0]["url"] == url
    return listed["data"][0]


async def _remove(account: Account, surface: str, webhook: Any) -> None:
    if surface == "v2":
        await account.call("DELETE", f"/v2/{account.id}/webhooks/{webhook['id']}", status=204)
        return
    listed = (await account.call("GET", "/v1/webhook-endpoints", status=200))["data"]
    [endpoint_id] = [each["id"] for each in listed if each["url"] == webhook["url"]]
    await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}", status=204)


async def _settled(account: Account, count: int) -> None:
    """Returns when the account has so many deliveries and all were delivered."""
    async with asyncio.timeout(60):
        while True:
            if [each["status"] for each in await account.deliveries()] == ["delivered"] * count:
                return
            await asyncio.sleep(0.02)  # the API tells how things stand, not when they change


def _is_waiting(house: House, announcement_id: str) -> bool:
    with contextlib.closing(sqlite3.connect(house.home / "zonehook.db")) as database:
        found = database.execute("SELECT 1 FROM announcements WHERE id = ?", [announcement_id]).fetchall()
    return bool(found)


def _told(received: Received) -> tuple[str, Any]:
    body = json.loads(received.body)
    return body.get("name") or body["action"], body["data"]
