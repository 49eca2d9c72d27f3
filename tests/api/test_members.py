"""The people of an account: added, promoted, removed; what their keys open follows at once."""

from typing import Any

import pytest

from tests.api import shapes
from tests.running import Account, House

MEMBERS = "/v1/members"


async def _add(account: Account, name: str, role: str) -> Any:
    wanted = {"email": f"{name}@example.com", "role": role}
    return await account.call("POST", MEMBERS, body=wanted, status=201)


async def _acting(house: House, owner: Account, member: Any) -> Account:
    """The REST API with a key of a member's."""
    wanted = {"name": "own", "scope": "manage", "member_id": member["id"]}
    made = await owner.call("POST", "/v1/api-keys", body=wanted, status=201)
    return house.with_key(made["key"], owner.id)


async def test_members_are_added_and_listed(account: Account) -> None:
    """A member is answered with id, address in lower case and role, and listed newest first."""
    ada = await account.call("POST", MEMBERS, body={"email": "Ada@Example.com", "role": "owner"}, status=201)
    bob = await _add(account, "bob", "member")

    shapes.check(ada, shapes.MEMBER)
    assert (ada["email"], ada["role"]) == ("ada@example.com", "owner")
    assert await account.call("GET", MEMBERS, status=200) == {"data": [bob, ada], "next_cursor": None}


async def test_a_person_is_in_several_accounts_but_once_in_each(house: House, account: Account) -> None:
    """The same address may be in two accounts, with two roles; a second time in one is a conflict, in any spelling."""
    other = await house.new_account()
    await _add(account, "ada", "owner")
    await _add(other, "ada", "member")

    again = await account.client.post(MEMBERS, json={"email": "ADA@example.com", "role": "member"})

    assert shapes.refusal(again, 409)["code"] == "member_exists"
    assert [each["role"] for each in (await account.call("GET", MEMBERS, status=200))["data"]] == ["owner"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "ada", "role": "member"}, "email"),
        ({"email": "ada@example.com", "role": "boss"}, "role"),
        ({"email": "ada@example.com"}, "role"),
        ({"role": "member"}, "email"),
        ({"email": "ada@example.com", "role": "member", "name": "Ada"}, "name"),
        ({"email": f"{'a' * 300}@example.com", "role": "member"}, "email"),
    ],
)
async def test_no_such_member(account: Account, body: Any, field: str) -> None:
    """Bad input is refused with its field, and nobody is added."""
    shapes.refusal(await account.client.post(MEMBERS, json=body), 400, field)
    assert (await account.call("GET", MEMBERS, status=200))["data"] == []


async def test_a_role_is_asked_anew_by_every_request(house: House, account: Account) -> None:
    """What a member's key may do follows the role at the next request, up and down."""
    member = await _add(account, "ada", "member")
    acting = await _acting(house, account, member)
    path = f"{MEMBERS}/{member['id']}"
    url = "https://127.0.0.1:9/"
    wanted = {"url": url, "events": []}

    shapes.refusal(await acting.client.post("/v1/webhook-endpoints", json=wanted), 403)
    changed = await account.call("PATCH", path, body={"role": "admin"}, status=200)
    await acting.register(url)
    await account.call("PATCH", path, body={"role": "member"}, status=200)
    shapes.refusal(await acting.client.post("/v1/webhook-endpoints", json=wanted), 403)

    assert changed == {**member, "role": "admin"}


async def test_a_removed_member_is_out_at_once(house: House, account: Account) -> None:
    """Keys of somebody who was removed are a 401 at the next request and not listed; added again, they hold none."""
    member = await _add(account, "ada", "owner")
    await _add(account, "bob", "owner")
    acting = await _acting(house, account, member)
    await acting.call("GET", "/v1/account", status=200)

    await account.call("DELETE", f"{MEMBERS}/{member['id']}", status=204)

    error = shapes.refusal(await acting.client.get("/v1/account"), 401)
    assert "removed" in error["message"]
    listed = (await account.call("GET", "/v1/api-keys", status=200))["data"]
    assert [each for each in listed if each["member_id"] == member["id"]] == []
    shapes.refusal(await account.client.delete(f"{MEMBERS}/{member['id']}"), 404)
    again = await _add(account, "ada", "owner")
    assert again["id"] != member["id"]
    shapes.refusal(await acting.client.get("/v1/account"), 401)


async def test_the_last_owner_stays(account: Account) -> None:
    """The last owner can neither be removed nor made less; with another one both can be done."""
    ada = await _add(account, "ada", "owner")
    path = f"{MEMBERS}/{ada['id']}"

    removed = await account.client.delete(path)
    demoted = await account.client.patch(path, json={"role": "admin"})
    assert [shapes.refusal(each, 409)["code"] for each in (removed, demoted)] == ["last_owner"] * 2

    await _add(account, "bob", "owner")
    await account.call("PATCH", path, body={"role": "admin"}, status=200)
    await account.call("DELETE", path, status=204)


async def test_an_admin_is_no_way_to_become_owner(house: House, account: Account) -> None:
    """An admin manages admins and members, but makes no owner, touches none, and gets no key that acts as one."""
    owner, admin, member = [await _add(account, role, role) for role in ("owner", "admin", "member")]
    acting = await _acting(house, account, admin)
    owners_key = (
        await account.call(
            "POST", "/v1/api-keys", body={"name": "o", "scope": "read", "member_id": owner["id"]}, status=201
        )
    )["id"]
    [first_key] = [
        each["id"]
        for each in (await account.call("GET", "/v1/api-keys", status=200))["data"]
        if each["member_id"] is None
    ]

    refused = [
        await acting.client.post(MEMBERS, json={"email": "eve@example.com", "role": "owner"}),
        await acting.client.patch(f"{MEMBERS}/{admin['id']}", json={"role": "owner"}),
        await acting.client.patch(f"{MEMBERS}/{owner['id']}", json={"role": "member"}),
        await acting.client.delete(f"{MEMBERS}/{owner['id']}"),
        await acting.client.post("/v1/api-keys", json={"name": "x", "scope": "manage", "member_id": owner["id"]}),
        *[await acting.client.post(f"/v1/api-keys/{key}/rotate") for key in (owners_key, first_key)],
        *[await acting.client.delete(f"/v1/api-keys/{key}") for key in (owners_key, first_key)],
    ]
    own = await acting.call("POST", "/v1/api-keys", body={"name": "mine", "scope": "manage"}, status=201)
    await acting.call("PATCH", f"{MEMBERS}/{member['id']}", body={"role": "admin"}, status=200)

    for answer in refused:
        assert "owner" in shapes.refusal(answer, 403)["message"]
    assert own["member_id"] == admin["id"]
    roles = {each["email"]: each["role"] for each in (await account.call("GET", MEMBERS, status=200))["data"]}
    assert roles == {"owner@example.com": "owner", "admin@example.com": "admin", "member@example.com": "admin"}


async def test_no_way_to_an_owners_role(house: House, account: Account) -> None:
    """Keys that an admin made for somebody open nothing once that person is an owner; nor do those made before."""
    admin = await _acting(house, account, await _add(account, "ada", "admin"))
    bob = await _add(account, "bob", "admin")
    made_by_admin = await _acting(house, admin, bob)
    before = (await made_by_admin.client.get(MEMBERS)).status_code

    await account.call("PATCH", f"{MEMBERS}/{bob['id']}", body={"role": "owner"}, status=200)

    refused = shapes.refusal(await made_by_admin.client.get(MEMBERS), 401)
    as_owner = await _acting(house, account, bob)
    assert (before, "revoked" in refused["message"]) == (200, True)
    assert (await as_owner.client.post(MEMBERS, json={"email": "eve@example.com", "role": "owner"})).status_code == 201
    log = (await account.call("GET", "/v1/audit-log", status=200))["data"]
    assert [each["action"] for each in log].count("api_key.revoked") == 1
