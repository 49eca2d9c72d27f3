"""Fifteen failed attempts in a row suppress an endpoint: counted over all its deliveries, once, until it is cleared."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from tests import samples
from tests.acceptance import workers
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House, running
from tests.store import postgres as cluster

LIMIT = 15
OVER = ("delivered", "failed", "cancelled", "skipped")


@pytest.fixture(params=["sqlite", "postgresql"])
def keeping(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The setting that says where the records are kept."""
    if request.param == "sqlite":
        yield {}
        return
    folder = cluster.programs()
    if folder is None:
        pytest.skip("no PostgreSQL on this machine; install it (Debian: apt-get install postgresql) to run this test")
    with cluster.running(folder) as address:
        yield {"ZONEHOOK_DATABASE_URL": f"postgresql://{address}/postgres"}


@pytest.mark.rows("DN2-44", "DN2-46", "DN2-47", "DN2-48")
async def test_failures_at_the_same_moment_in_two_workers(
    tmp_path: Path, trusting: dict[str, str], receiver: Receiver, keeping: dict[str, str]
) -> None:
    """Twenty failures at once in two worker processes count as twenty, suppress once, and what waits is cancelled;
    the account's other endpoint gets what is new.
    """
    alone = trusting | keeping | {"ZONEHOOK_EMBEDDED_WORKER": "0"}  # one beside the API gets most of what that accepts
    async with running(tmp_path, alone) as house, workers.two(house) as client:
        account, elsewhere = house.account(), receiver.mailbox()
        boxes = {dialect: receiver.mailbox() for dialect in ("standard", "dnsimple")}
        endpoints = [await account.register(box.url, dialect=dialect) for dialect, box in boxes.items()]
        other = await account.register(elsewhere.url, events=["ssl.issued"])
        most, last = asyncio.Event(), asyncio.Event()
        for box in boxes.values():
            box.replies.extend([Reply(500, hold=most)] * 20 + [Reply(500, hold=last)] * 2)
        await _publish(account, 22)
        for box in boxes.values():
            await box.wait_for(22)

        most.set()
        await account.attempted(40)
        after_twenty = [await _health(account, each["id"]) for each in endpoints]
        moments = _moments(house)
        last.set()
        await account.attempted(44)
        after_all = [await _health(account, each["id"]) for each in endpoints]
        cancelled = await _settled(account)
        who = await _workers_of(client, account, cancelled)
        await account.publish("ssl.issued")
        await elsewhere.wait_for(1)

        assert len(who) == 2
        assert after_twenty == [("suppressed", 20)] * 2
        assert after_all == [("suppressed", 22)] * 2
        assert _moments(house) == moments
        assert [moment is None for moment in moments] == [False, False, True]
        assert await _health(account, other["id"]) == ("enabled", 0)
        assert {(each["status"], each["attempts"]) for each in cancelled} == {("cancelled", 1)}
        assert {each["reason"] for each in cancelled} == {"the endpoint was suppressed when attempt 2 fell due"}
        assert [len(box.received) for box in boxes.values()] == [22, 22]


@pytest.mark.rows("DN2-44", "DN2-45", "DN2-46")
@pytest.mark.parametrize(("dialect", "failure"), [("standard", 503), ("dnsimple", 201)])
async def test_a_success_begins_the_count_anew(
    account: Account, receiver: Receiver, dialect: str, failure: int
) -> None:
    """Fourteen failures, a success and fourteen more do not suppress; one more does, and no other endpoint."""
    box, elsewhere = receiver.mailbox(), receiver.mailbox()
    other = await account.register(elsewhere.url, events=["ssl.issued"])
    elsewhere.refuse(1, status=400)
    event = await account.publish("ssl.issued")
    await account.settled(event["id"])
    endpoint = await account.register(box.url, dialect=dialect)
    others_health = await _health(account, other["id"])

    seen = []
    for answer in (200, failure):
        box.received.clear()
        one, others = asyncio.Event(), asyncio.Event()
        box.replies.extend([Reply(failure)] * 14 + [Reply(answer, hold=one)] + [Reply(answer, hold=others)] * 3)
        recorded = sum(each["attempts"] for each in await account.deliveries(endpoint_id=endpoint["id"], limit=200))
        await _publish(account, 4)
        await box.wait_for(18)  # each of the four is held, so what was refused before is recorded
        seen.append(await _health(account, endpoint["id"]))
        one.set()
        await account.attempted(recorded + 15, endpoint_id=endpoint["id"])
        seen.append(await _health(account, endpoint["id"]))
        others.set()
        await _settled(account)

    assert seen == [("enabled", 14), ("enabled", 0), ("enabled", 14), ("suppressed", 15)]
    assert await _health(account, other["id"]) == others_health


@pytest.mark.rows("DN2-44", "DN2-46")
@pytest.mark.parametrize("dialect", ["standard", "dnsimple"])
async def test_failures_are_counted_over_all_deliveries(account: Account, mailbox: Mailbox, dialect: str) -> None:
    """Failures of five deliveries add up, each once; what is pending when they suppress ends when it is due."""
    release = asyncio.Event()
    mailbox.otherwise = Reply(500, hold=release)
    endpoint = await account.register(mailbox.url, dialect=dialect)

    await _publish(account, 5)
    await mailbox.wait_for(5)
    release.set()
    cancelled = await _settled(account)

    assert await _health(account, endpoint["id"]) == ("suppressed", len(mailbox.received))
    assert LIMIT <= len(mailbox.received) < LIMIT + 5  # no more than were under way already
    assert sum(each["attempts"] for each in cancelled) == len(mailbox.received)
    assert {each["status"] for each in cancelled} == {"cancelled"}
    for each in cancelled:
        assert each["reason"] == f"the endpoint was suppressed when attempt {each['attempts'] + 1} fell due"
    assert {each.headers["webhook-id"] for each in mailbox.received} == {each["id"] for each in cancelled}


@pytest.mark.rows("DN2-47", "DN2-48", "DN2-52")
@pytest.mark.parametrize("dialect", ["standard", "dnsimple"])
async def test_clearing_restores(account: Account, mailbox: Mailbox, dialect: str) -> None:
    """A suppressed endpoint gets no event; cleared it gets new ones, counts from nought, and skipped ones stay so."""
    endpoint = await account.register(mailbox.url, dialect=dialect)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    mailbox.otherwise = Reply(500)
    await _publish(account, 3)
    await _settled(account, 3)
    failures = len(mailbox.received)
    suppressed = await account.call("GET", path, status=200)
    missed = await account.publish(**_event())
    [skipped] = await account.settled(missed["id"])

    cleared = await account.call("POST", f"{path}/clear-suppression", status=200)
    mailbox.otherwise = Reply(200)
    event = await account.publish(**_event())
    [delivered] = await account.settled(event["id"])

    assert endpoint["created_at"] <= suppressed["suppressed_at"] <= skipped["created_at"]
    assert (skipped["status"], skipped["attempts"]) == ("skipped", 0)
    assert skipped["reason"] == "the endpoint was suppressed when the event came"
    assert (cleared["status"], cleared["suppressed_at"], cleared["consecutive_failures"]) == ("enabled", None, 0)
    assert (delivered["status"], delivered["attempts"]) == ("delivered", 1)
    assert await account.settled(missed["id"]) == [skipped]
    assert len(mailbox.received) == failures + 1


@pytest.mark.parametrize("dialect", ["connect-domain", "novadns", "captaindns"])
async def test_other_dialects_never_suppress(house: House, mailbox: Mailbox, dialect: str) -> None:
    """Sixteen failures in a row and more change nothing for an endpoint whose dialect knows no suppression."""
    account = await house.new_account(dialect)
    wanted = samples.endpoint(dialect, mailbox.url) | {"secret": None}
    endpoint = await account.call("POST", "/v1/webhook-endpoints", body=wanted, status=201)
    mailbox.otherwise = Reply(500)
    await asyncio.gather(*(account.publish(**_event(dialect)) for _ in range(4)))
    await account.attempted(LIMIT + 1)

    status, failures = await _health(account, endpoint["id"])
    mailbox.otherwise = Reply(200)
    event = await account.publish(**_event(dialect))
    [delivered] = await account.settled(event["id"])

    assert status == "enabled"
    assert failures >= LIMIT + 1
    assert delivered["status"] == "delivered"


def _event(dialect: str = "dnsimple") -> dict[str, Any]:
    """What `publish` takes; one of DNSimple's can be written in the standard dialect, too."""
    event = samples.event(dialect)
    return {"type_": event.pop("type"), **event}


async def _publish(account: Account, count: int) -> None:
    await asyncio.gather(*(account.publish(**_event()) for _ in range(count)))


async def _settled(account: Account, count: int = 0) -> list[Any]:
    """All the account's deliveries, at least `count`, once all are over."""
    async with asyncio.timeout(60):
        while True:
            found = await account.deliveries(limit=200)
            if len(found) >= count and all(each["status"] in OVER for each in found):
                return found
            await asyncio.sleep(0.05)  # the API tells how things stand, not when they change


async def _health(account: Account, endpoint_id: str) -> tuple[str, int]:
    shown = await account.call("GET", f"/v1/webhook-endpoints/{endpoint_id}", status=200)
    assert (shown["suppressed_at"] is not None) == (shown["status"] == "suppressed")
    return shown["status"], shown["consecutive_failures"]


def _moments(house: House) -> list[Any]:
    """When each endpoint was suppressed, to the microsecond; the API shows whole seconds."""
    url = house.environment.get("ZONEHOOK_DATABASE_URL")
    with contextlib.closing(psycopg.connect(url) if url else sqlite3.connect(house.home / "zonehook.db")) as records:
        return [row[0] for row in records.execute("SELECT suppressed_at FROM endpoints ORDER BY id")]


async def _workers_of(client: Client, account: Account, deliveries: list[Any]) -> set[str]:
    """Which workers made the first attempts of these deliveries, at once: for their events in the fast lane."""
    ids = {f"event/{account.id}/{each['event_id']}" for each in deliveries}
    ids |= {f"delivery/{each['id']}" for each in deliveries}
    histories = await asyncio.gather(*(client.get_workflow_handle(each).fetch_history() for each in ids))
    return {worker for history in histories for worker in _attempted_at_once(history)}


def _attempted_at_once(history: WorkflowHistory) -> Iterator[str]:
    """Who completed the workflow tasks that tell of a first attempt."""
    worker = ""
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            worker = event.workflow_task_completed_event_attributes.identity
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            [told] = event.marker_recorded_event_attributes.details["data"].payloads
            if b"deliver_at_once" in told.data:
                yield worker
