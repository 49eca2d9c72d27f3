"""Credits: how many more events a month has for an account, told by every answer; and the call to ask cheaply."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.api import shapes
from tests.receiver import Mailbox
from tests.running import Account, House, running
from zonehook.plans import FAIR_USE_CREDITS

RESOLVE = "/public/v1/resolve"
QUESTION = {"domain": "canary.example"}


def _credits(answer: httpx.Response) -> tuple[int, int]:
    """Limit and remaining."""
    return int(answer.headers["X-Credits-Limit"]), int(answer.headers["X-Credits-Remaining"])


async def _opened(house: House, plan: str) -> Account:
    body = {"name": "measured", "dialect": "captaindns", "plan": plan}
    made = await house.operator().call("POST", "/v1/accounts", body=body, status=201)
    return house.with_key(made["api_key"], made["id"])


@pytest.mark.rows("CAP-19")
async def test_every_answer_to_a_key_tells_credits(account: Account) -> None:
    """Whatever an account's key is answered, a refusal or an unknown path too, it is told limit and remaining."""
    client = account.client
    made = await account.call("POST", "/v1/api-keys", body={"name": "looks", "scope": "read"}, status=201)
    reader = {"Authorization": f"Bearer {made['key']}"}
    answers = [
        await client.post("/v1/events", json={"type": "domain.create", "data": {}}, headers=reader),
        await client.get("/v1/events"),
        await client.post("/v1/events", json={"type": "domain.create", "data": {}}),
        await client.post("/v1/events", content=b"{"),
        await client.get("/v1/nothing"),
        await client.put("/v1/events"),
        await client.get("/v1/webhook-endpoints/ep_00000000000000000000000000"),
        await client.post("/v1/events", content=b" " * (256 * 1024 + 1)),
        await client.get("/v1/accounts"),
        await client.get("/v2/whoami"),
        await client.get(f"/v2/{account.id}/webhooks/1"),
        await client.post(RESOLVE, json=QUESTION),
    ]

    assert [answer.status_code for answer in answers] == [403, 200, 202, 400, 404, 405, 404, 413, 403, 200, 404, 200]
    assert {_credits(answer)[0] for answer in answers} == {FAIR_USE_CREDITS}
    assert [FAIR_USE_CREDITS - _credits(answer)[1] for answer in answers] == [0, 0] + [1] * 10


@pytest.mark.rows("CAP-19")
async def test_an_answer_that_no_call_gave(house: House) -> None:
    """A key that comes for the first time, to a path there is not, is told too; and after the operator's change of plan
    every path tells the new limit.
    """
    account = await _opened(house, "starter")

    first = await account.client.get("/v1/nothing")
    await house.operator().call("PATCH", f"/v1/accounts/{account.id}", body={"plan": "pro"}, status=200)
    answers = [await account.client.get(path) for path in ("/v1/account", "/v1/nothing", "/docs")]

    assert _credits(first) == (10_000, 10_000)
    assert [_credits(answer) for answer in answers] == [(100_000, 100_000)] * 3


async def test_who_asks_too_often_is_told_as_well(tmp_path: Path, trusting: dict[str, str]) -> None:
    """A 429 tells the credits, too; and the operator's ceiling is what the plans without a number have."""
    settings = {"ZONEHOOK_RATE_LIMIT": "2", "ZONEHOOK_FAIR_USE_CREDITS": "7"}
    async with running(tmp_path, trusting | settings) as own_house:
        account = await own_house.new_account()
        answers = [await account.client.get("/v1/events") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [_credits(answer) for answer in answers] == [(7, 7)] * 3


async def test_nobody_else_is_told(house: House, account: Account) -> None:
    """Without a key, with an unknown or a revoked one and with the operator's there is no account to tell of."""
    made = await account.call("POST", "/v1/api-keys", body={"name": "leaked", "scope": "read"}, status=201)
    revoked = house.with_key(made["key"]).client
    assert _credits(await revoked.get("/v1/events"))
    await account.call("DELETE", f"/v1/api-keys/{made['id']}", status=204)

    answers = [
        await account.client.get("/v1/events", headers={"Authorization": ""}),
        await house.with_key("zhk_" + "A" * 43).client.get("/v1/events"),
        await house.with_key("zhk_" + "B" * 43).client.get("/v1/nothing"),
        await revoked.get("/v1/events"),
        await revoked.get("/v1/nothing"),
        await house.operator().client.get("/v1/accounts"),
        await house.operator().client.get("/v1/nothing"),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 404, 401, 404, 200, 404]
    assert all("X-Credits-Limit" not in answer.headers for answer in answers)


@pytest.mark.rows("CAP-21")
async def test_each_accepted_event_is_one_less(house: House) -> None:
    """Remaining goes down by one with every event that is accepted, by none with what is refused, repeated or looked
    at: whoever polls sees it pass every threshold. What is beyond the plan is accepted and leaves nothing remaining.
    """
    account = await _opened(house, "starter")
    event = {"type": "api_key.revoked", "data": {}}

    first = [await account.client.post("/v1/events", json=event) for _ in range(5)]
    once = [await account.client.post("/v1/events", json=event | {"id": "k"}) for _ in range(2)]
    refused = [
        await account.client.post("/v1/events", json={"type": "no.type", "data": {}}),
        await account.client.post(RESOLVE, json=QUESTION),
    ]
    several = await asyncio.gather(*(account.client.post("/v1/events", json=event) for _ in range(20)))
    after = await account.client.get("/v1/account")

    assert [_credits(answer) for answer in first] == [(10_000, 10_000 - number) for number in range(1, 6)]
    assert [_credits(answer)[1] for answer in (*once, *refused)] == [9_994] * 4
    assert sorted(answer.status_code for answer in several) == [202] * 20
    assert min(_credits(answer)[1] for answer in several) == _credits(after)[1] == 9_974


@pytest.mark.rows("CAP-21")
async def test_credits_outlive_a_restart(tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox) -> None:
    """What was consumed before a clean restart is consumed after it, and another plan changes the limit alone; beyond
    the limit events are accepted all the same.
    """
    async with running(tmp_path, trusting | {"ZONEHOOK_FAIR_USE_CREDITS": "4"}) as own_house:
        account = await own_house.new_account()
        for _ in range(3):
            await account.publish()
        await own_house.stop()
        await own_house.start()
        again = own_house.known_account(account.client.headers["authorization"], account.id)
        answers = [await again.client.get("/v1/account")]
        for _ in range(2):
            answers.append(await again.client.post("/v1/events", json={"type": "domain.create", "data": {}}))
        plan = {"plan": "pro"}
        await own_house.operator().call("PATCH", f"/v1/accounts/{account.id}", body=plan, status=200)
        answers.append(await again.client.get("/v1/account"))

    assert [answer.status_code for answer in answers] == [200, 202, 202, 200]
    assert [_credits(answer) for answer in answers] == [(4, 1), (4, 0), (4, 0), (100_000, 99_995)]


@pytest.mark.rows("CAP-23")
async def test_the_canary(house: House, account: Account) -> None:
    """The call answers with a status and every header a watcher looks at; a bad or revoked key is a 401, one that may
    only publish a 403, and a name that is none a 400.
    """
    keys = {}
    for scope in ("read", "publish"):
        made = await account.call("POST", "/v1/api-keys", body={"name": scope, "scope": scope}, status=201)
        keys[scope] = house.with_key(made["key"]).client, made["id"]

    good = await keys["read"][0].post(RESOLVE, json=QUESTION)
    await account.call("DELETE", f"/v1/api-keys/{keys['read'][1]}", status=204)
    revoked = await keys["read"][0].post(RESOLVE, json=QUESTION)
    bad = await house.with_key("zhk_" + "A" * 43).client.post(RESOLVE, json=QUESTION)
    narrow = await keys["publish"][0].post(RESOLVE, json=QUESTION)

    assert (good.status_code, good.json()) == (200, {"domain": "canary.example", "resolves": False})
    for header in ("X-Credits-Limit", "X-Credits-Remaining", "X-RateLimit-Remaining", "X-Request-Id"):
        assert good.headers[header]
    assert shapes.refusal(bad, 401)["code"] == shapes.refusal(revoked, 401)["code"] == "unauthorized"
    assert shapes.refusal(narrow, 403)["code"] == "forbidden"


@pytest.mark.parametrize("domain", ["", "127.0.0.1", "::1", "2130706433", "0x7f.1", "localhost", "a..b", "a/b", "a b"])
async def test_the_canary_takes_names_alone(account: Account, domain: str) -> None:
    """What is no full host name is refused and not looked up."""
    shapes.refusal(await account.client.post(RESOLVE, json={"domain": domain}), 400, "domain")
