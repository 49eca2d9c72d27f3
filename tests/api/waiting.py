"""Waiting for what the API shows a moment later: rows follow the 202."""

import asyncio
from typing import Any

from tests.running import Account

PATIENCE = 30.0


async def recorded(account: Account, count: int) -> list[Any]:
    """The account's events once the list holds `count` of them."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await account.client.get("/v1/events", params={"limit": 200})
            if answer.content.count(b'"accepted_at"') >= count:
                listed: list[Any] = answer.json()["data"]
                return listed
            await asyncio.sleep(0.02)  # the API tells how things stand, not when they change
