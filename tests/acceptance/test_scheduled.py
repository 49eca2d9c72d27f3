"""An event that waits for its time comes through crashes, and its time is kept."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from tests.receiver import Mailbox
from tests.running import House, running


@pytest_asyncio.fixture
async def own_house(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own to be cruel to, whose retries are quick: which changes nothing for schedules."""
    async with running(tmp_path, trusting | {"ZONEHOOK_TIME_SCALE": "0.001"}) as house:
        yield house


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


async def test_killed_across_the_due_time(own_house: House, mailbox: Mailbox) -> None:
    """After a kill -9, what fell due meanwhile is delivered at once, what falls due later at its time; each once, and
    what was cancelled in the moment of the kill not at all.
    """
    account = own_house.account()
    await account.register(mailbox.url)
    first = await account.publish(deliver_at=_moment(time.time() + 1))
    gone = await account.publish(deliver_at=_moment(time.time() + 1.5))
    later_due = time.time() + 20
    later = await account.publish(deliver_at=_moment(later_due))
    moved = await account.publish(deliver_at=_moment(time.time() + 80 * 86400))

    await account.call("POST", f"/v1/events/{gone['id']}/cancel", status=200)
    await account.call("PATCH", f"/v1/events/{moved['id']}", body={"deliver_at": _moment(later_due)}, status=200)
    await own_house.kill()
    assert mailbox.received == []
    await asyncio.sleep(1.5)  # being down at the due time is what is tested
    await own_house.start()

    [delivery] = await account.settled(first["id"])
    for event in (later, moved):
        [due_later] = await account.settled(event["id"])
        assert datetime.fromisoformat(due_later["created_at"]).timestamp() >= int(later_due)
    shown = await account.call("GET", f"/v1/events/{gone['id']}", status=200)
    assert delivery["status"] == "delivered"
    assert [each.at >= later_due for each in mailbox.received] == [False, True, True]
    assert (shown["status"], shown["deliveries"]) == ("cancelled", [])
