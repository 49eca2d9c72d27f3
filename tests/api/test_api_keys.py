"""API keys: shown once, limited by scope and time, revoked and rotated; each request asks anew."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api import shapes
from tests.running import Account, House

KEYS = "/v1/api-keys"


async def _create(account: Account, **wanted: Any) -> Any:
    return await account.call("POST", KEYS, body={"name": "ours", "scope": "manage"} | wanted, status=201)


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def _message_of_401(account: Account) -> str:
    message: str = shapes.refusal(await account.client.get("/v1/account"), 401)["message"]
    return message


async def _until_refused(account: Account) -> None:
    async with asyncio.timeout(60):
        while True:
            if (await account.client.get("/v1/account")).status_code == 401:
                return
            await asyncio.sleep(0.05)  # the API tells whether the time has come, not when


async def test_a_key_is_shown_once(house: House, account: Account) -> None:
    """The answer holds the key, which opens the account; no list holds it, or anything that stands for it."""
    made = await _create(account, name="Büro", scope="read")
    key = made.pop("key")
    listed = await account.client.get(KEYS)

    shapes.check(made, shapes.API_KEY)
    assert made in listed.json()["data"]
    assert len(listed.json()["data"]) == 2
    assert key not in listed.text
    assert "digest" not in listed.text
    own = await house.with_key(key).call("GET", "/v1/account", status=200)
    shapes.check(own, shapes.ACCOUNT)
    assert own["id"] == account.id


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(house: House, account: Account) -> None:
    """Revoked, a key is a 401 that says so, is not listed, and cannot be revoked or rotated again."""
    made = await _create(account)
    acting = house.with_key(made["key"])
    await acting.call("GET", "/v1/account", status=200)

    await acting.call("DELETE", f"{KEYS}/{made['id']}", status=204)

    assert "revoked" in await _message_of_401(acting)
    assert made["id"] not in [each["id"] for each in (await account.call("GET", KEYS, status=200))["data"]]
    shapes.refusal(await account.client.delete(f"{KEYS}/{made['id']}"), 404)
    shapes.refusal(await account.client.post(f"{KEYS}/{made['id']}/rotate"), 404)


async def test_a_key_expires(house: House, account: Account) -> None:
    """A key works until its time and is a 401 that says so afterwards; rotating does not bring it back."""
    made = await _create(account, expires_at=_in(1.5))
    acting = house.with_key(made["key"])
    await acting.call("GET", "/v1/account", status=200)

    await _until_refused(acting)

    assert "expired" in await _message_of_401(acting)
    assert shapes.refusal(await account.client.post(f"{KEYS}/{made['id']}/rotate"), 409)["code"] == "key_expired"


async def test_a_rotated_key_without_grace(house: House, account: Account) -> None:
    """The new text opens what the old one did, with the same id, scope and member; the old one is a 401 at once."""
    made = await _create(account, scope="read")
    rotated = await account.call("POST", f"{KEYS}/{made['id']}/rotate", status=200)

    assert {**rotated, "key": None} == {**made, "key": None}
    assert rotated["key"] != made["key"]
    assert "not known" in await _message_of_401(house.with_key(made["key"]))
    fresh = house.with_key(rotated["key"])
    await fresh.call("GET", "/v1/account", status=200)
    shapes.refusal(await fresh.client.post("/v1/events", json={"type": "a.b", "data": {}}), 403)


async def test_a_rotated_key_with_grace(house: House, account: Account) -> None:
    """Both texts open until the grace ends; then the old one is a 401 that names the reason, the new one goes on."""
    made = await _create(account)
    old = house.with_key(made["key"])
    rotated = await account.call("POST", f"{KEYS}/{made['id']}/rotate", body={"grace_seconds": 2}, status=200)
    new = house.with_key(rotated["key"])
    for acting in (old, new):
        await acting.call("GET", "/v1/account", status=200)
    assert rotated["previous_until"] is not None

    await _until_refused(old)

    assert "rotated" in await _message_of_401(old)
    await new.call("GET", "/v1/account", status=200)


async def test_revoking_ends_the_grace_and_rotating_again_does(house: House, account: Account) -> None:
    """A second rotation leaves the text before the first none of its grace; revoking ends both that are left."""
    made = await _create(account)
    path = f"{KEYS}/{made['id']}"
    texts = [made["key"]]
    for _ in range(2):
        rotated = await account.call("POST", f"{path}/rotate", body={"grace_seconds": 3600}, status=200)
        texts.append(rotated["key"])
    opened = [(await house.with_key(text).client.get("/v1/account")).status_code for text in texts]

    await account.call("DELETE", path, status=204)

    assert opened == [401, 200, 200]
    assert [(await house.with_key(text).client.get("/v1/account")).status_code for text in texts] == [401] * 3


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\0"}, "name"),
        ({"scope": "operator"}, "scope"),
        ({"scope": "write"}, "scope"),
        ({"member_id": "mem_00000000000000000000000000"}, "member_id"),
        ({"member_id": "someone"}, "member_id"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"role": "owner"}, "role"),
    ],
)
async def test_no_such_key(account: Account, changed: Any, field: str) -> None:
    """Bad input is refused with its field, and no key is made."""
    answer = await account.client.post(KEYS, json={"name": "ours", "scope": "read"} | changed)

    shapes.refusal(answer, 400, field)
    assert len((await account.call("GET", KEYS, status=200))["data"]) == 1


@pytest.mark.parametrize("grace", [-1, 30 * 24 * 3600 + 1, "60", 1.5, True])
async def test_no_such_grace(house: House, account: Account, grace: Any) -> None:
    """A grace that makes no sense is refused, and the key stays as it is."""
    made = await _create(account)

    answer = await account.client.post(f"{KEYS}/{made['id']}/rotate", json={"grace_seconds": grace})

    shapes.refusal(answer, 400, "grace_seconds")
    await house.with_key(made["key"]).call("GET", "/v1/account", status=200)


async def test_a_member_gets_no_key_that_publishes(account: Account) -> None:
    """A key with which its holder may do nothing is refused when it is made."""
    wanted = {"email": "ada@example.com", "role": "member"}
    member = await account.call("POST", "/v1/members", body=wanted, status=201)

    answer = await account.client.post(KEYS, json={"name": "x", "scope": "publish", "member_id": member["id"]})

    shapes.refusal(answer, 400, "scope")
