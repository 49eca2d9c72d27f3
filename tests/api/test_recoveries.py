"""`POST /v1/webhook-endpoints/{id}/recover` and `/v1/recoveries`: shapes and refusals."""

from typing import Any

import pytest

from tests.acceptance import recovering
from tests.acceptance.recovering import LONG_AGO
from tests.api import shapes
from tests.running import Account, House

URL = "https://127.0.0.1:9/"


async def test_the_shapes(account: Account) -> None:
    """The answer to an order, the recovery itself and its line in the list have the same fields, and agree."""
    endpoint = await account.register(URL)
    ordered = await recovering.start(account, endpoint)
    end = await recovering.completed(account, ordered)
    listed = await account.call("GET", "/v1/recoveries", status=200)

    for each in (ordered, end):
        shapes.check(each, shapes.RECOVERY)
    assert listed == {"data": [end], "next_cursor": None}
    assert (ordered["endpoint_id"], ordered["since"]) == (endpoint["id"], LONG_AGO)
    assert ordered["until"] == ordered["created_at"]
    assert ordered["statuses"] == ["failed", "cancelled", "skipped"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "since"),
        ({"since": None}, "since"),
        ({"since": 1751457600}, "since"),
        ({"since": "2026-07-02T12:00:00"}, "since"),
        ({"since": "2999-01-01T00:00:00Z"}, "since"),
        ({"since": LONG_AGO, "until": "soon"}, "until"),
        ({"since": LONG_AGO, "until": LONG_AGO}, "until"),
        ({"since": LONG_AGO, "until": "2025-12-31T23:59:59Z"}, "until"),
        ({"since": LONG_AGO, "statuses": []}, "statuses"),
        ({"since": LONG_AGO, "statuses": "failed"}, "statuses"),
        ({"since": LONG_AGO, "statuses": ["delivered"]}, "statuses.0"),
        ({"since": LONG_AGO, "statuses": ["failed", "pending"]}, "statuses.1"),
        ({"since": LONG_AGO, "pace": 5}, "pace"),
    ],
)
async def test_what_cannot_be_ordered(account: Account, body: Any, field: str) -> None:
    """Times and statuses that make no sense are refused by their field, and nothing is begun."""
    endpoint = await account.register(URL)
    path = f"/v1/webhook-endpoints/{endpoint['id']}/recover"

    shapes.refusal(await account.client.post(path, json=body), 400, field)
    assert (await account.call("GET", "/v1/recoveries", status=200))["data"] == []


async def test_an_endpoint_that_takes_nothing(account: Account) -> None:
    """For a disabled endpoint nothing is begun; a deleted one is not found."""
    endpoint = await account.register(URL)
    path = f"/v1/webhook-endpoints/{endpoint['id']}/recover"
    await recovering.switch(account, endpoint, "disable")

    disabled = await account.client.post(path, json={"since": LONG_AGO})
    await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", status=204)
    deleted = await account.client.post(path, json={"since": LONG_AGO})

    assert shapes.refusal(disabled, 409)["code"] == "endpoint_inactive"
    assert shapes.refusal(deleted, 404)["code"] == "not_found"
    assert (await account.call("GET", "/v1/recoveries", status=200))["data"] == []


async def test_another_accounts_recovery(house: House, account: Account) -> None:
    """Nobody else finds a recovery, by any call, and it stays as it is; nor what never was."""
    endpoint = await account.register(URL)
    end = await recovering.completed(account, await recovering.start(account, endpoint))
    stranger = await house.new_account()
    for recovery_id, who in ((end["id"], stranger), ("rcv_" + "0" * 26, account), ("x", account)):
        shapes.refusal(await who.client.get(recovering.by_id(recovery_id)), 404)
        for verb in ("pause", "resume", "cancel"):
            shapes.refusal(await who.client.post(f"{recovering.by_id(recovery_id)}/{verb}"), 404)
    shapes.refusal(
        await stranger.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/recover", json={"since": LONG_AGO}), 404
    )
    assert (await stranger.call("GET", "/v1/recoveries", status=200))["data"] == []
    assert await account.call("GET", recovering.by_id(end["id"]), status=200) == end
