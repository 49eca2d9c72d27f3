"""Every answer is numbered and says how many more may come; who asks too often is told when to come back."""

import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from tests.api import shapes
from tests.receiver import Mailbox
from tests.running import Account, running

URL = "https://127.0.0.1:9/"
_COUNTERS = ("Limit", "Remaining", "Reset")


@pytest.mark.rows("CAP-20", "DN3-32")
async def test_every_answer_is_numbered_and_counted(account: Account, mailbox: Mailbox) -> None:
    """Every answer, a refusal too, has its own X-Request-Id and says how many requests are left until when."""
    client = account.client
    endpoint = f"/v1/webhook-endpoints/{(await account.register(mailbox.url))['id']}"
    [delivery] = await account.settled((await account.publish())["id"])
    replay = f"/v1/webhook-deliveries/{delivery['id']}/replay"
    calls: list[tuple[int, str, str, dict[str, Any]]] = [
        (200, "GET", "/v1/events", {}),
        (201, "POST", "/v1/webhook-endpoints", {"json": {"url": URL}}),
        (202, "POST", "/v1/events", {"json": {"type": "domain.create", "data": {}}}),
        (204, "DELETE", endpoint, {}),
        (400, "POST", "/v1/events", {"content": b"{"}),
        (403, "POST", "/v1/accounts", {"json": {"name": "mine"}}),
        (404, "GET", "/v1/nothing", {}),
        (404, "GET", endpoint, {}),
        (405, "PUT", "/v1/events", {}),
        (409, "POST", replay, {}),
        (413, "POST", "/v1/events", {"content": b" " * (256 * 1024 + 1)}),
        (200, "GET", "/healthz", {}),
        (200, "GET", "/readyz", {}),
        (200, "GET", "/docs", {}),
        (200, "GET", "/openapi.json", {}),
        (401, "GET", "/v1/events", {"headers": {"Authorization": "Bearer x"}}),
    ]

    answers = [(status, await client.request(method, path, **rest)) for status, method, path, rest in calls]

    assert [answer.status_code for _, answer in answers] == [status for status, _ in answers]
    for _, answer in answers:
        limit, remaining, reset = (int(answer.headers[f"X-RateLimit-{name}"]) for name in _COUNTERS)
        assert 0 <= remaining < limit == 60_000
        assert time.time() - 1 <= reset <= time.time() + 61
    assert len({answer.headers["X-Request-Id"] for _, answer in answers}) == len(answers)
    # Health is counted by address, as nothing but the address is looked at there
    by_key = [answer for _, answer in answers[:-1] if answer.url.path not in ("/healthz", "/readyz")]
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in by_key]
    assert all(later == earlier - 1 or later > earlier for earlier, later in itertools.pairwise(left))


async def test_made_up_keys_are_counted_together(tmp_path: Path, trusting: dict[str, str]) -> None:
    """Whoever sends another made-up key with every request is told to come back later; good keys are not concerned."""
    async with running(tmp_path, trusting | {"ZONEHOOK_RATE_LIMIT": "5"}) as own_house:
        good = await own_house.new_account()
        await good.client.get("/v1/events")

        made_up = [await own_house.with_key(f"zhk_{number:043}").client.get("/v1/events") for number in range(7)]
        by_good = await good.client.get("/v1/events")

    assert [answer.status_code for answer in made_up] == [401] * 5 + [429] * 2
    assert by_good.status_code == 200


async def test_too_many_requests(tmp_path: Path, trusting: dict[str, str]) -> None:
    """The sixth of five requests a minute is a 429 that says when to come back; other keys are not concerned."""
    async with running(tmp_path, trusting | {"ZONEHOOK_RATE_LIMIT": "5"}) as own_house:
        first, other = await own_house.new_account(), await own_house.new_account()

        answers = [await first.client.get("/v1/events") for _ in range(7)]
        refused = await first.client.post("/v1/webhook-endpoints", json={"url": URL})
        elsewhere = await other.client.get("/v1/webhook-endpoints")

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    for answer in (*answers[5:], refused):
        assert shapes.refusal(answer, 429)["code"] == "rate_limited"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["X-RateLimit-Limit"] == "5"
        assert answer.headers["X-Request-Id"]
    assert (elsewhere.status_code, elsewhere.json()["data"]) == (200, [])
