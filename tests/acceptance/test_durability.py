"""Any process may be killed at any moment: what was accepted is delivered, and nothing is counted twice."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.acceptance import steering
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House, running

FIRST_WAIT = 7.0
AFTER_A_CRASH = 60.0  # the time limit of an attempt, and what a loaded machine needs on top


@pytest_asyncio.fixture
async def own_house(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own to be cruel to; it waits half as long as in production."""
    async with running(tmp_path, trusting | {"ZONEHOOK_TIME_SCALE": "0.5"}) as house:
        yield house


@pytest.mark.rows("ALL-02")
async def test_killed_between_acceptance_and_first_attempt(own_house: House, receiver: Receiver) -> None:
    """Every event that got its 202 before a kill -9 is delivered after the restart."""
    mailbox = receiver.mailbox()
    account = own_house.account()
    await account.register(mailbox.url)

    accepted = await asyncio.gather(*(account.publish(data={"n": n}) for n in range(20)))
    await own_house.kill()
    await own_house.start()

    for event in accepted:
        [delivery] = await account.settled(event["id"])
        assert delivery["status"] == "delivered"
        shown = await account.call("GET", f"/v1/events/{event['id']}", status=200)
        assert shown["type"] == "domain.create"
    await _at_most_one_more(account, mailbox, 20)


@pytest.mark.rows("ALL-02", "ALL-03")
async def test_killed_between_attempts(own_house: House, mailbox: Mailbox) -> None:
    """A retry that was due after a kill -9 happens at its planned time, as the attempt it was to be."""
    account = own_house.account()
    await account.register(mailbox.url)
    mailbox.refuse(1)
    event = await account.publish()
    [waiting] = await account.settled(event["id"], statuses=("retrying",))
    await steering.backed_off(own_house, waiting["id"])

    await own_house.kill()
    await own_house.start()
    ready = time.time()
    first, second = await mailbox.wait_for(2)
    [delivery] = await account.settled(event["id"])

    # On a machine so busy that it was due before it was ready, soon after that
    assert second.at - first.at >= FIRST_WAIT
    assert second.at < max(first.at + FIRST_WAIT, ready) + 10
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 2)
    assert [each["number"] for each in await account.attempts(waiting["id"])] == [1, 2]


@pytest.mark.rows("ALL-03")
async def test_due_while_it_was_down(own_house: House, mailbox: Mailbox) -> None:
    """A retry that fell due while nothing ran happens at once after the restart."""
    account = own_house.account()
    await account.register(mailbox.url)
    mailbox.refuse(1)
    event = await account.publish()
    await account.settled(event["id"], statuses=("retrying",))

    await own_house.stop()
    await asyncio.sleep(FIRST_WAIT + 1)  # being down is what is tested
    await own_house.start()
    ready = time.time()
    _, second = await mailbox.wait_for(2)

    assert second.at - ready < 10
    [delivery] = await account.settled(event["id"])
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 2)


@pytest.mark.rows("ALL-02", "CD-38")
async def test_killed_in_the_middle_of_the_post(own_house: House, mailbox: Mailbox) -> None:
    """A kill -9 while the receiver has the request leads to a second one; one attempt is recorded, two were seen."""
    account = own_house.account()
    await account.register(mailbox.url)
    mailbox.replies.append(Reply(200, hold=asyncio.Event()))
    event = await account.publish()
    [first] = await mailbox.wait_for(1)

    await own_house.kill()
    await own_house.start()
    second = (await mailbox.wait_for(2, patience=AFTER_A_CRASH))[1]
    [delivery] = await account.settled(event["id"])

    assert second.body == first.body
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert (delivery["status"], delivery["attempts"], len(mailbox.received)) == ("delivered", 1, 2)


async def test_temporal_killed(own_house: House, mailbox: Mailbox) -> None:
    """When its Temporal server is killed, Zonehook starts it again, and what was accepted is delivered."""
    account = own_house.account()
    await account.register(mailbox.url)
    mailbox.refuse(1)
    waiting = await account.publish()
    await account.settled(waiting["id"], statuses=("retrying",))

    os.kill(int((own_house.home / "temporal.pid").read_text()), signal.SIGKILL)
    await _until_accepted(account)
    await mailbox.wait_for(3)

    [delivery] = await account.settled(waiting["id"])
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 2)


async def test_ctrl_c_finishes_what_is_under_way(own_house: House, mailbox: Mailbox) -> None:
    """Ctrl-C waits for the attempt under way, stops Temporal too, and the next start knows everything."""
    account = own_house.account()
    await account.register(mailbox.url)
    release = asyncio.Event()
    mailbox.replies.append(Reply(200, hold=release))
    event = await account.publish()
    await mailbox.wait_for(1)
    temporal = int((own_house.home / "temporal.pid").read_text())

    stopping = asyncio.create_task(own_house.stop())
    await asyncio.sleep(1)  # long enough for it to have stopped, did it not wait
    assert not stopping.done()
    release.set()
    status, printed = await stopping

    assert (status, "Traceback" in printed) == (0, False)
    with pytest.raises(ProcessLookupError):
        os.kill(temporal, 0)
    await own_house.start()
    [delivery] = await account.settled(event["id"])
    assert (delivery["status"], delivery["attempts"], len(mailbox.received)) == ("delivered", 1, 1)


@pytest.mark.parametrize("moment", ["before the attempt", "during the attempt"])
async def test_a_locked_database_costs_no_attempt(own_house: House, mailbox: Mailbox, moment: str) -> None:
    """A database locked for 20 s delays; the receiver sees one POST, and one attempt is recorded."""
    account = own_house.account()
    endpoint = await account.register(mailbox.url)
    release = asyncio.Event()
    mailbox.replies.append(Reply(200, hold=release))

    if moment == "before the attempt":
        with _locked(own_house.home / "zonehook.db"):
            event = await account.publish()
            release.set()
            await asyncio.sleep(20)  # being away is what is tested
    else:
        event = await account.publish()
        await mailbox.wait_for(1)
        with _locked(own_house.home / "zonehook.db"):
            release.set()
            await asyncio.sleep(20)
    [delivery] = await account.settled(event["id"])

    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)
    assert len(mailbox.received) == 1
    shown = await account.call("GET", f"/v1/webhook-endpoints/{endpoint['id']}", status=200)
    assert shown["consecutive_failures"] == 0


async def test_a_locked_database_moves_no_schedule(own_house: House, mailbox: Mailbox) -> None:
    """A refusal that could not be written down for a while is followed by the next attempt when it was due."""
    account = own_house.account()
    await account.register(mailbox.url)
    release = asyncio.Event()
    mailbox.replies.append(Reply(503, hold=release))
    event = await account.publish()
    await mailbox.wait_for(1)

    with _locked(own_house.home / "zonehook.db"):
        release.set()
        await asyncio.sleep(6)  # being away is what is tested
    first, second = await mailbox.wait_for(2)
    [delivery] = await account.settled(event["id"])

    assert FIRST_WAIT <= second.at - first.at < FIRST_WAIT + 4
    assert (delivery["status"], delivery["attempts"], len(mailbox.received)) == ("delivered", 2, 2)


async def test_ctrl_c_while_the_database_is_away(own_house: House, mailbox: Mailbox) -> None:
    """An event that cannot be written down keeps nobody from stopping, and is delivered after the next start."""
    account = own_house.account()
    await account.register(mailbox.url)
    with _locked(own_house.home / "zonehook.db"):
        event = await account.publish()
        status, printed = await own_house.stop()
    await own_house.start()
    [delivery] = await account.settled(event["id"])
    assert status == 0, printed
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)


async def test_a_closed_terminal_stops_everything(own_house: House) -> None:
    """SIGHUP, as from a terminal that is closed, stops Temporal too."""
    temporal = int((own_house.home / "temporal.pid").read_text())
    own_house.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(AFTER_A_CRASH):
        assert await own_house.process.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(temporal, 0)


async def test_a_terminated_workflow_can_be_replayed(own_house: House, mailbox: Mailbox) -> None:
    """A delivery whose workflow an operator ended by force is under way no more: replay sends it."""
    account = own_house.account()
    await account.register(mailbox.url)
    mailbox.refuse(1)
    event = await account.publish()
    [waiting] = await account.settled(event["id"], statuses=("retrying",))
    replay = f"/v1/webhook-deliveries/{waiting['id']}/replay"
    refused = await account.call("POST", replay, status=409)

    client = await Client.connect(own_house.credentials["temporal_address"])
    # In the fast lane the event's own workflow works on it until it has started this one
    await client.get_workflow_handle(f"event/{account.id}/{event['id']}").result()
    await client.get_workflow_handle(f"delivery/{waiting['id']}").terminate()
    await account.call("POST", replay, status=202)
    [delivery] = await account.settled(event["id"])

    assert refused["error"]["code"] == "still_delivering"
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 2)


async def test_readable_before_its_rows_are_written(own_house: House, mailbox: Mailbox) -> None:
    """An event is found by its id, data and all, while the database cannot yet take it."""
    account = own_house.account()
    await account.register(mailbox.url)
    with _locked(own_house.home / "zonehook.db"):
        event = await account.publish(data={"n": 1})
        shown = await account.call("GET", f"/v1/events/{event['id']}", status=200)
    assert (shown["id"], shown["data"], shown["deliveries"]) == (event["id"], {"n": 1}, [])
    await mailbox.wait_for(1)


@contextlib.contextmanager
def _locked(database: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


async def _until_accepted(account: Account) -> None:
    """Publishes once the API takes events again; meanwhile it says 503 and never anything else."""
    async with asyncio.timeout(AFTER_A_CRASH):
        while True:
            body = {"type": "domain.create", "data": {}, "id": "after the crash"}
            answer = await account.client.post("/v1/events", json=body)
            if answer.status_code == 202:
                return
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def _at_most_one_more(account: Account, mailbox: Mailbox, events: int) -> None:
    recorded = sum(each["attempts"] for each in await account.deliveries(limit=200))
    assert recorded >= events
    assert recorded <= len(mailbox.received) <= recorded + events  # each delivery may have been cut off once
    assert len({each.body for each in mailbox.received}) == events
