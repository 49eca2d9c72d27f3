"""The audit log: every change, by whom and from where, newest first, and no secret in it."""

from typing import Any

from tests.api import shapes
from tests.running import Account, House

LOG = "/v1/audit-log"
URL = "https://127.0.0.1:9/hooks"
TOKEN = "t0ken-of-a-custom-header"


async def _log(account: Account, **params: Any) -> Any:
    return await account.call("GET", LOG, params=params, status=200)


async def _told(account: Account, since: int = 0) -> list[tuple[str, str]]:
    """What was done to what, the first first, without the first `since` lines."""
    lines = (await _log(account, limit=200))["data"][::-1]
    return [(each["action"], each["object_id"]) for each in lines][since:]


async def test_every_change_of_an_endpoint(account: Account) -> None:
    """Each change that was made is a line, in order; looking and being refused are none."""
    before = len(await _told(account))
    endpoint = await account.register(URL, headers={"X-Token": TOKEN})
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    await account.call("PATCH", path, body={"description": "ours"}, status=200)
    for verb in ("disable", "enable", "clear-suppression", "rotate-secret"):
        await account.call("POST", f"{path}/{verb}", status=200)
    shapes.refusal(await account.client.patch(path, json={"url": "ftp://x"}), 400)
    shapes.refusal(await account.client.post("/v1/webhook-endpoints", json={"url": "no"}), 400)
    await account.call("GET", path, status=200)
    await account.call("DELETE", path, status=204)
    shapes.refusal(await account.client.delete(path), 404)

    verbs = ["created", "changed", "disabled", "enabled", "suppression_cleared", "secret_rotated", "deleted"]
    assert await _told(account, before) == [(f"endpoint.{verb}", endpoint["id"]) for verb in verbs]


async def test_every_change_of_accounts_members_and_keys(house: House) -> None:
    """Opening and changing an account, its members and its keys are lines of that account, refusals are none."""
    operator = house.operator()
    wanted = {"name": "logged", "owner_email": "ada@example.com"}
    made = await operator.call("POST", "/v1/accounts", body=wanted, status=201)
    own = house.with_key(made["api_key"], made["id"])
    [owner] = (await own.call("GET", "/v1/members", status=200))["data"]
    [first] = (await own.call("GET", "/v1/api-keys", status=200))["data"]
    await operator.call("PATCH", f"/v1/accounts/{made['id']}", body={"plan": "pro"}, status=200)
    await operator.call("PATCH", f"/v1/accounts/{made['id']}", body={}, status=200)
    bob = await own.call("POST", "/v1/members", body={"email": "bob@example.com", "role": "member"}, status=201)
    member = f"/v1/members/{bob['id']}"
    key = await own.call("POST", "/v1/api-keys", body={"name": "k", "scope": "read"}, status=201)
    for role in ("admin", "admin"):
        await own.call("PATCH", member, body={"role": role}, status=200)
    await own.call("POST", f"/v1/api-keys/{key['id']}/rotate", status=200)
    await own.call("DELETE", f"/v1/api-keys/{key['id']}", status=204)
    await own.call("DELETE", member, status=204)
    shapes.refusal(await own.client.delete(f"/v1/members/{owner['id']}"), 409)

    account_id = str(made["id"])
    assert await _told(own) == [
        ("account.created", account_id),
        ("member.created", owner["id"]),
        ("api_key.created", first["id"]),
        ("account.changed", account_id),
        ("member.created", bob["id"]),
        ("api_key.created", key["id"]),
        ("member.role_changed", bob["id"]),
        ("api_key.rotated", key["id"]),
        ("api_key.revoked", key["id"]),
        ("member.removed", bob["id"]),
    ]


async def test_who_when_and_from_where(house: House) -> None:
    """A line names the key, the address of its member, and the client's; or the operator's key."""
    made = await house.operator().call(
        "POST", "/v1/accounts", body={"name": "x", "owner_email": "ada@example.com"}, status=201
    )
    own = house.with_key(made["api_key"], made["id"])
    [key] = (await own.call("GET", "/v1/api-keys", status=200))["data"]
    await own.register(URL)

    lines = (await _log(own))["data"]

    for line in lines:
        shapes.check(line, shapes.ENTRY)
        assert line["address"] == "127.0.0.1"
    assert (lines[0]["key_id"], lines[0]["email"]) == (key["id"], "ada@example.com")
    operators = {line["key_id"] for line in lines[1:]}
    assert len(operators) == 1
    assert operators != {key["id"]}
    assert {line["email"] for line in lines[1:]} == {None}


async def test_the_log_comes_in_pages(account: Account) -> None:
    """Every line is on one page, newest first, and stays when what it tells of is gone."""
    for _ in range(3):
        endpoint = await account.register(URL)
        await account.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", status=204)
    whole = (await _log(account, limit=200))["data"]
    paged: list[Any] = []
    cursor = None
    while cursor or not paged:
        page = await _log(account, limit=3, **({"cursor": cursor} if cursor else {}))
        paged += page["data"]
        cursor = page["next_cursor"]

    assert paged == whole
    assert len(whole) == 8
    assert [each["created_at"] for each in whole] == sorted((each["created_at"] for each in whole), reverse=True)


async def test_no_secret_in_the_log(account: Account) -> None:
    """Nothing that was secret in a change is in its line."""
    endpoint = await account.register(URL, headers={"X-Token": TOKEN})
    rotated = await account.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret", status=200)
    key = await account.call("POST", "/v1/api-keys", body={"name": "k", "scope": "read"}, status=201)

    told = (await account.client.get(LOG, params={"limit": 200})).text

    for secret in (endpoint["signing_secret"], rotated["signing_secret"], key["key"], TOKEN):
        assert secret not in told
