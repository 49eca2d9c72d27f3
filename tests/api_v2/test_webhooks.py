"""`/v2/{account}/webhooks` answers as the vendor's documentation says."""

import asyncio
from typing import Any

import pytest

from tests.api_v2 import reading
from tests.api_v2.reading import URL, create
from tests.receiver import Receiver, Reply
from tests.running import Account, House


@pytest.mark.rows("DN2-03", "DN3-13", "DN3-29", "DN3-30")
async def test_register(account: Account) -> None:
    """A POST with a url answers 201 with the webhook in the envelope: id, url, suppressed_at."""
    answer = await account.client.post(f"/v2/{account.id}/webhooks", json={"url": URL})

    made = reading.webhook(reading.data(answer, 201))
    assert (made["url"], made["suppressed_at"]) == (URL, None)


@pytest.mark.rows("DN3-07", "DN3-11", "DN3-20", "DN3-29", "DN3-30")
async def test_list_and_read(account: Account) -> None:
    """An empty account lists nothing; then everything that was registered, and each can be read; no `pagination`."""
    path = f"/v2/{account.id}/webhooks"
    assert reading.data(await account.client.get(path)) == []

    made = [await create(account) for _ in range(60)]  # more than any page; the same url is no obstacle

    assert reading.data(await account.client.get(path)) == made
    assert reading.data(await account.client.get(path, params={"page": 2, "per_page": 30})) == made
    for each in made[:3]:
        assert reading.data(await account.client.get(f"{path}/{each['id']}")) == each


@pytest.mark.rows("DN3-31")
@pytest.mark.parametrize(("sort", "is_turned"), [({}, False), ({"sort": "id:asc"}, False), ({"sort": "id:desc"}, True)])
async def test_sort(account: Account, sort: dict[str, str], is_turned: bool) -> None:
    """The list ascends by id unless `sort=id:desc` turns it."""
    made = [(await create(account))["id"] for _ in range(3)]

    listed = reading.data(await account.client.get(f"/v2/{account.id}/webhooks", params=sort))

    assert [each["id"] for each in listed] == (made[::-1] if is_turned else made)


async def test_sort_by_something_else(account: Account) -> None:
    """There is nothing else to sort by, and the refusal says by what one can."""
    answer = await account.client.get(f"/v2/{account.id}/webhooks", params={"sort": "url:asc"})

    message, errors = reading.refusal(answer, 400)
    assert message == "Validation failed"
    assert "id:asc" in errors["sort"][0]


@pytest.mark.rows("DN3-19")
async def test_ids_ascend_over_all_accounts(house: House) -> None:
    """Of webhooks that two accounts register one after the other, each has a greater id; at once, each its own."""
    accounts = [await house.new_account("dnsimple"), await house.new_account()]

    in_turn = [(await create(accounts[n % 2]))["id"] for n in range(6)]
    at_once = await asyncio.gather(*(create(accounts[n % 2]) for n in range(20)))

    assert in_turn == sorted(set(in_turn))
    assert len({each["id"] for each in at_once}) == 20
    assert min(each["id"] for each in at_once) > in_turn[-1]


@pytest.mark.rows("DN3-12", "DN3-23")
async def test_another_accounts(house: House, account: Account) -> None:
    """Another account's webhook is in no list and cannot be read or removed; another account is not found."""
    other = await house.new_account("dnsimple")
    theirs = await create(other)

    assert reading.data(await account.client.get(f"/v2/{account.id}/webhooks")) == []
    for method in ("GET", "DELETE"):
        answer = await account.client.request(method, f"/v2/{account.id}/webhooks/{theirs['id']}")
        assert reading.refusal(answer, 404) == (f"Webhook `{theirs['id']}` not found", None)
        answer = await account.client.request(method, f"/v2/{other.id}/webhooks/{theirs['id']}")
        assert reading.refusal(answer, 404) == ("Not Found", None)
    for method, body in (("GET", None), ("POST", {"url": URL})):
        answer = await account.client.request(method, f"/v2/{other.id}/webhooks", json=body)
        assert reading.refusal(answer, 404) == ("Not Found", None)
    assert reading.data(await other.client.get(f"/v2/{other.id}/webhooks")) == [theirs]


@pytest.mark.rows("DN3-25", "DN3-26", "DN3-28", "DN3-32")
async def test_remove(account: Account) -> None:
    """204 without a body but with the counters; afterwards it is not listed, and reading and removing it are 404."""
    removed, kept = await create(account), await create(account)
    path = f"/v2/{account.id}/webhooks"
    as_json = {"Content-Type": "application/json"}

    answer = await account.client.delete(f"{path}/{removed['id']}", headers=as_json)

    assert (answer.status_code, answer.content) == (204, b"")
    reading.counted(answer)
    for method in ("GET", "DELETE"):
        again = await account.client.request(method, f"{path}/{removed['id']}", headers=as_json)
        assert reading.refusal(again, 404) == (f"Webhook `{removed['id']}` not found", None)
    assert reading.data(await account.client.get(path)) == [kept]


async def test_removed_twice_at_once(account: Account) -> None:
    """Of two who remove the same webhook one gets the 204 and the other the 404 that a later one would."""
    made = await create(account)
    path = f"/v2/{account.id}/webhooks/{made['id']}"

    answers = await asyncio.gather(*(account.client.delete(path) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 7
    for answer in answers:
        if answer.status_code == 404:
            assert reading.refusal(answer, 404) == (f"Webhook `{made['id']}` not found", None)


@pytest.mark.rows("DN3-21", "DN3-22")
@pytest.mark.parametrize("number", ["0", "999999999", "9" * 40, "abc", "1.5", "-1", "1e3", "٣", "ep_1"])
async def test_no_such_webhook(account: Account, number: str) -> None:
    """An id that is not there, or is no number, is a 404 with the documented sentence."""
    for method in ("GET", "DELETE"):
        answer = await account.client.request(method, f"/v2/{account.id}/webhooks/{number}")
        assert reading.refusal(answer, 404) == (f"Webhook `{number}` not found", None)


@pytest.mark.rows("DN3-24")
async def test_the_singular_path(account: Account) -> None:
    """`/webhook/{id}`, as one example of the documentation spells it, reads like the plural."""
    made = await create(account)

    assert reading.data(await account.client.get(f"/v2/{account.id}/webhook/{made['id']}")) == made
    answer = await account.client.get(f"/v2/{account.id}/webhook/0")
    assert reading.refusal(answer, 404) == ("Webhook `0` not found", None)


@pytest.mark.rows("DN3-18")
async def test_unknown_fields_are_ignored(account: Account) -> None:
    """What a client sends beside the url changes nothing."""
    extra: dict[str, Any] = {"id": 1, "suppressed_at": "2020-01-01T00:00:00Z", "name": None, "events": ["x"]}

    answer = await account.client.post(f"/v2/{account.id}/webhooks", json={"url": URL} | extra)

    made = reading.webhook(reading.data(answer, 201))
    assert (made["url"], made["suppressed_at"]) == (URL, None)
    assert reading.data(await account.client.get(f"/v2/{account.id}/webhooks")) == [made]


@pytest.mark.rows("DN2-03", "DN3-02")
async def test_both_surfaces_show_the_same(house: House) -> None:
    """What v2 registers v1 shows and changes, and the other way round; what one removes is gone in the other."""
    account = await house.new_account("dnsimple")
    by_v2 = await create(account)
    by_v1 = await account.register(f"{URL}/v1")
    await account.register(f"{URL}/standard", dialect="standard")
    path = f"/v2/{account.id}/webhooks"

    listed = reading.data(await account.client.get(path))
    assert [each["url"] for each in listed] == [URL, f"{URL}/v1"]  # one of another vendor's dialect is v1's alone
    [twin] = [each for each in await _endpoints(account) if each["url"] == URL]
    assert (twin["dialect"], twin["events"], twin["status"]) == ("dnsimple", [], "enabled")

    await account.call("PATCH", f"/v1/webhook-endpoints/{twin['id']}", body={"url": f"{URL}/new"}, status=200)
    assert reading.data(await account.client.get(f"{path}/{by_v2['id']}"))["url"] == f"{URL}/new"
    await account.call("DELETE", f"/v1/webhook-endpoints/{by_v1['id']}", status=204)
    assert [each["id"] for each in reading.data(await account.client.get(path))] == [by_v2["id"]]
    await account.call("DELETE", f"{path}/{by_v2['id']}", status=204)
    assert [each["url"] for each in await _endpoints(account)] == [f"{URL}/standard"]


@pytest.mark.parametrize(
    ("of_account", "of_webhook"),
    [
        ("standard", "dnsimple"),
        ("novadns", "dnsimple"),
        ("dnsimple", "dnsimple"),
        ("dnsimple-legacy", "dnsimple-legacy"),
    ],
)
async def test_accounts_of_any_dialect(house: House, of_account: str, of_webhook: str) -> None:
    """Every account may use v2; its webhooks speak DNSimple, and the old payload where the account does."""
    account = await house.new_account(of_account)
    made = await create(account)

    [endpoint] = await _endpoints(account)
    assert endpoint["dialect"] == of_webhook
    assert reading.data(await account.client.get(f"/v2/{account.id}/webhooks")) == [made]


async def test_suppressed(house: House, receiver: Receiver) -> None:
    """A webhook that failed fifteen times in a row says since when it is suppressed."""
    account = await house.new_account("dnsimple")
    mailbox = receiver.mailbox(hears_announcements=True)
    mailbox.otherwise = Reply(503)
    made = await create(account, mailbox.url)
    domain = {"domain": {"id": 1, "account_id": account.id, "name": "example.com"}}
    events = [await account.publish(data=domain) for _ in range(4)]
    for event in events:  # each ends as cancelled once the endpoint is suppressed, or skipped
        await account.settled(event["id"])

    shown = reading.webhook(reading.data(await account.client.get(f"/v2/{account.id}/webhooks/{made['id']}")))
    assert shown["suppressed_at"] is not None


@pytest.mark.rows("DN3-33")
async def test_who_am_i(account: Account) -> None:
    """A key is an account's: `whoami` has it and no user, `accounts` has it alone."""
    told = reading.data(await account.client.get("/v2/whoami"))
    listed = reading.data(await account.client.get("/v2/accounts"))

    assert set(told) == {"user", "account"}
    assert told["user"] is None
    assert listed == [told["account"]]
    assert set(told["account"]) == {"id", "email", "name", "plan_identifier", "created_at", "updated_at"}
    assert (told["account"]["id"], told["account"]["name"]) == (account.id, "a test's own")
    assert type(told["account"]["email"]) is str


async def _endpoints(account: Account) -> list[Any]:
    listed: list[Any] = (await account.call("GET", "/v1/webhook-endpoints", status=200))["data"]
    return listed
