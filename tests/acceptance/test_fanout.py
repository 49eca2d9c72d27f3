"""An event with more endpoints than one run of its workflow starts."""

import asyncio

from tests.receiver import Mailbox
from tests.running import Account

ENDPOINTS = 120


async def test_more_endpoints_than_one_page(account: Account, mailbox: Mailbox) -> None:
    """An event reaches each of 120 endpoints once, though one run of its workflow starts 100 deliveries at most."""
    for _ in range(0, ENDPOINTS, 40):
        await asyncio.gather(*(account.register(mailbox.url) for _ in range(40)))

    event = await account.publish()
    received = await mailbox.wait_for(ENDPOINTS, patience=90)

    assert len({each.headers["webhook-id"] for each in received}) == ENDPOINTS
    shown = await account.call("GET", f"/v1/events/{event['id']}", status=200)
    assert len(shown["deliveries"]) == ENDPOINTS
