"""What an endpoint missed, and its recovery as its account sees it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.acceptance import steering
from tests.running import Account, House

LONG_AGO = "2026-01-01T00:00:00Z"
_PATIENCE = 120.0


def by_id(recovery_id: str) -> str:
    return f"/v1/recoveries/{recovery_id}"


async def switch(account: Account, endpoint: Any, verb: str) -> None:
    await account.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/{verb}", status=200)


async def skipped(account: Account, endpoint: Any, count: int, type_: str = "domain.create") -> list[str]:
    """The deliveries of so many events that came while the endpoint was disabled; it still is. The oldest first."""
    await switch(account, endpoint, "disable")
    known = len(await every(account, status="skipped"))
    for first in range(0, count, 50):
        numbers = range(first, min(first + 50, count))
        await asyncio.gather(*(account.publish(type_, {"domain": f"{n}.example"}) for n in numbers))
    found = await until_there_are(account, known + count, status="skipped")
    return [each["id"] for each in found[::-1]][known:]


async def until_there_are(account: Account, count: int, **wanted: Any) -> list[Any]:
    """The deliveries that are `wanted`, newest first, once there are so many."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = await every(account, **wanted)
            if len(found) == count:
                return found
            await asyncio.sleep(0.05)  # the API tells how things stand, not when they change


async def every(account: Account, **wanted: Any) -> list[Any]:
    """All deliveries that are `wanted`, newest first, however many pages they fill."""
    found: list[Any] = []
    cursor = None
    while True:
        params = wanted | {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = await account.call("GET", "/v1/webhook-deliveries", params=params, status=200)
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def start(account: Account, endpoint: Any, **wanted: Any) -> Any:
    path = f"/v1/webhook-endpoints/{endpoint['id']}/recover"
    return await account.call("POST", path, body={"since": LONG_AGO} | wanted, status=202)


async def steer(account: Account, recovery: Any, verb: str, status: int = 202) -> Any:
    return await account.call("POST", f"{by_id(recovery['id'])}/{verb}", status=status)


async def until(account: Account, recovery: Any, *statuses: str, seen: int = 0) -> Any:
    """The recovery once it is in one of these statuses, and has seen to so many deliveries."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = await account.call("GET", by_id(recovery["id"]), status=200)
            if found["status"] in statuses and found["done"] + found["failed"] >= seen:
                return found
            await asyncio.sleep(0.02)  # the API tells how things stand, not when they change


async def completed(account: Account, recovery: Any) -> Any:
    return await until(account, recovery, "completed")


async def heard(house: House, recovery: Any, status: str) -> Any:
    """What its workflow answers a query, once it knows that it is in this status."""
    handle = (await steering.temporal_of(house)).get_workflow_handle(f"recovery/{recovery['id']}")
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = await handle.query("progress")
            if found["status"] == status:
                return found
            await asyncio.sleep(0.05)  # it says how it stands, not when that changes


def ids(received: Sequence[Any]) -> list[str]:
    return [each.headers["webhook-id"] for each in received]
