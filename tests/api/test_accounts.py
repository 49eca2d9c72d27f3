"""The operator opens, lists and changes accounts; an account sees itself; each is a workspace of its own."""

import json
from typing import Any

import pytest

from tests.api import shapes
from tests.receiver import Receiver
from tests.running import Account, House

ACCOUNTS = "/v1/accounts"


async def _open(house: House, **wanted: Any) -> Any:
    return await house.operator().call("POST", ACCOUNTS, body={"name": "Bücher GmbH"} | wanted, status=201)


async def test_open_read_and_change(house: House) -> None:
    """An account has the dialect and plan that were asked for; name and plan can be changed, the account sees it."""
    operator = house.operator()
    made = await _open(house, dialect="captaindns", plan="pro")
    own = house.with_key(made.pop("api_key"))
    path = f"{ACCOUNTS}/{made['id']}"

    shapes.check(made, shapes.ACCOUNT)
    assert (made["name"], made["dialect"], made["plan"]) == ("Bücher GmbH", "captaindns", "pro")
    assert await operator.call("GET", path, status=200) == made
    assert await own.call("GET", "/v1/account", status=200) == made
    changed = await operator.call("PATCH", path, body={"plan": "business", "name": "B"}, status=200)
    assert changed == {**made, "plan": "business", "name": "B"}
    assert await operator.call("PATCH", path, body={}, status=200) == changed
    assert await own.call("GET", "/v1/account", status=200) == changed


async def test_the_list_comes_in_pages(house: House) -> None:
    """The operator finds each account once, newest first, however long the pages are."""
    made = [(await _open(house))["id"] for _ in range(3)]
    listed: list[int] = []
    cursor = None
    while not set(made) <= set(listed):
        page = await house.operator().call(
            "GET", ACCOUNTS, params={"limit": 2} | ({"cursor": cursor} if cursor else {}), status=200
        )
        listed += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]

    assert [each for each in listed if each in made] == made[::-1]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("account_id", ["0", "999999999", "2147483648", "9" * 30, "-1", "one", "ep_x", "%D9%A1"])
async def test_no_such_account(house: House, account_id: str) -> None:
    """An account that is not there is a 404, whatever its id looks like."""
    operator = house.operator().client

    shapes.refusal(await operator.get(f"{ACCOUNTS}/{account_id}"), 404)
    shapes.refusal(await operator.patch(f"{ACCOUNTS}/{account_id}", json={"name": "x"}), 404)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"plan": "gold"}, "plan"),
        ({"dialect": "latin"}, "dialect"),
        ({"owner_email": "nobody"}, "owner_email"),
        ({"name": ""}, "name"),
        ({"kind": "team"}, "kind"),
    ],
)
async def test_no_account_of_this_kind(house: House, wanted: Any, field: str) -> None:
    """Bad input is refused with its field, when an account is opened and where it can be changed."""
    operator = house.operator().client
    made = await _open(house)

    shapes.refusal(await operator.post(ACCOUNTS, json={"name": "x"} | wanted), 400, field)
    shapes.refusal(await operator.patch(f"{ACCOUNTS}/{made['id']}", json=wanted), 400, field)


async def test_the_owner_of_a_new_account(house: House) -> None:
    """With an address the account begins with its owner, who holds the key that is shown; otherwise with nobody."""
    made = await _open(house, owner_email="Ada@example.com")
    own = house.with_key(made["api_key"])

    [owner] = (await own.call("GET", "/v1/members", status=200))["data"]
    [key] = (await own.call("GET", "/v1/api-keys", status=200))["data"]

    assert (owner["email"], owner["role"], key["member_id"]) == ("ada@example.com", "owner", owner["id"])
    assert (await (await house.new_account()).call("GET", "/v1/members", status=200))["data"] == []


@pytest.mark.rows("NOV-10", "NOV-49", "NOV-50")
async def test_a_person_s_and_a_team_s_webhooks(house: House, receiver: Receiver) -> None:
    """A person has a workspace of their own and one of a team: each workspace's webhooks are listed there alone, and
    hear of its own hosts alone.
    """
    workspaces = {}
    for name in ("personal", "team"):
        made = await _open(house, name=name, dialect="novadns", owner_email="ada@example.com")
        workspace, mailbox = house.with_key(made["api_key"], made["id"]), receiver.mailbox()
        endpoint = await workspace.register(mailbox.url, events=["host.ip_updated"])
        workspaces[name] = (workspace, mailbox, endpoint["id"])

    for name, (workspace, _, _) in workspaces.items():
        host = {"host": f"{name}.example.com", "ipv4": "192.0.2.1", "ipv6": None}
        await workspace.settled((await workspace.publish("host.ip_updated", host))["id"])

    for name, (workspace, mailbox, endpoint_id) in workspaces.items():
        listed = await workspace.call("GET", "/v1/webhook-endpoints", status=200)
        assert [each["id"] for each in listed["data"]] == [endpoint_id]
        assert [json.loads(each.body)["host"] for each in mailbox.received] == [f"{name}.example.com"]


async def test_only_the_account_itself_is_shown(account: Account) -> None:
    """`GET /v1/account` is the key's own account, with no key in it."""
    shapes.check(await account.call("GET", "/v1/account", status=200), shapes.ACCOUNT)
