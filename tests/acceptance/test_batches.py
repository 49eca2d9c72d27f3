"""A batch comes through crashes whole, or was never accepted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.receiver import Mailbox
from tests.running import House, running

BATCH = "/v1/events/batch"


@pytest_asyncio.fixture
async def own_house(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own to be cruel to."""
    async with running(tmp_path, trusting | {"ZONEHOOK_TIME_SCALE": "0.001"}) as house:
        yield house


def _batch(number: int, size: int = 50) -> dict[str, Any]:
    events = [{"type": "domain.create", "id": f"{number}/{n}", "data": {"n": [number, n]}} for n in range(size)]
    return {"events": events}


async def test_the_api_dies_before_any_of_it_was_started(own_house: House, mailbox: Mailbox) -> None:
    """Where nobody works, a batch is accepted and can be read; after a kill -9 a worker starts each event of it."""
    await own_house.account().register(mailbox.url)
    await own_house.stop()
    await own_house.start(ZONEHOOK_EMBEDDED_WORKER="0")
    account = own_house.account()

    accepted = (await account.call("POST", BATCH, body=_batch(1), status=202))["data"]
    event = await account.call("GET", f"/v1/events/{accepted[49]['id']}", status=200)
    await own_house.kill()
    await own_house.start()

    assert (event["status"], event["data"]) == ("accepted", {"n": [1, 49]})
    for each in accepted:
        [delivery] = await account.settled(each["id"])
        assert delivery["status"] == "delivered"
    assert len(mailbox.received) == 50


@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.1, 0.2])
async def test_killed_while_it_is_accepted(own_house: House, mailbox: Mailbox, seconds: float) -> None:
    """Killed at any moment, all events of a batch are there afterwards or none, and all when it had answered; sent
    again, each is one event.
    """
    account = own_house.account()
    await account.register(mailbox.url)
    sending = asyncio.create_task(account.client.post(BATCH, json=_batch(1)))
    await asyncio.sleep(seconds)
    await own_house.kill()
    answer: httpx.Response | None = None
    with contextlib.suppress(httpx.TransportError):
        answer = await sending
    await own_house.start()

    again = (await account.call("POST", BATCH, body=_batch(1), status=202))["data"]
    for each in again:
        await account.settled(each["id"])

    assert len({each["duplicate"] for each in again}) == 1  # all or none of them had been accepted
    assert again[0]["duplicate"] or answer is None
    assert len(await account.deliveries(limit=200)) == 50
    assert {tuple(each["data"]["n"]) for each in await _events(account.client)} == {(1, n) for n in range(50)}


async def _events(client: httpx.AsyncClient) -> list[Any]:
    listed: list[Any] = (await client.get("/v1/events", params={"limit": 200})).json()["data"]
    return listed
