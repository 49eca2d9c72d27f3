"""Plans over REST: how many endpoints there may be, and what the one too many is told."""

from typing import Any

import pytest

from tests.api import shapes
from tests.running import Account, House

ENDPOINTS = "/v1/webhook-endpoints"
URL = "https://127.0.0.1:9/"


async def _on(house: House, plan: str) -> Account:
    """An account on this plan."""
    body = {"name": "a test's own", "plan": plan}
    made = await house.operator().call("POST", "/v1/accounts", body=body, status=201)
    assert made["plan"] == plan
    return Account(house._client(made["api_key"]), made["id"])


@pytest.mark.parametrize(
    ("plan", "places"),
    [
        pytest.param("starter", 3, marks=pytest.mark.rows("CAP-32")),
        pytest.param("pro", 10, marks=pytest.mark.rows("CAP-33")),
    ],
)
async def test_one_too_many(house: House, plan: str, places: int) -> None:
    """The endpoint after the last that the plan has room for is a 402 that names both; a delete makes room."""
    account = await _on(house, plan)
    made: list[Any] = [await account.register(URL) for _ in range(places)]
    error = shapes.refusal(await account.client.post(ENDPOINTS, json={"url": URL}), 402)
    assert error["code"] == "webhook_quota_exceeded"
    assert f"the {plan} plan has room for {places} endpoints" in error["message"]
    assert len((await account.call("GET", ENDPOINTS, status=200))["data"]) == places
    await account.call("DELETE", f"{ENDPOINTS}/{made[0]['id']}", status=204)
    await account.register(URL)


@pytest.mark.rows("CAP-34")
@pytest.mark.parametrize("plan", ["business", "enterprise", "unlimited"])
async def test_no_fixed_limit(house: House, plan: str) -> None:
    """The larger plans take an 11th endpoint and a 12th."""
    account = await _on(house, plan)
    for _ in range(12):
        await account.register(URL)


async def test_a_plan_there_is_not(house: House) -> None:
    """An unknown plan is refused with those that there are, and no account is opened."""
    answer = await house.operator().client.post("/v1/accounts", json={"name": "x", "plan": "gold"})
    error = shapes.refusal(answer, 400, "plan")
    assert "starter" in error["message"]
