"""The vendor's own Python client works against v2, unmodified.

It keeps the last answer on a class, so each answer's data is taken before the next call.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dnsimple import Client, DNSimpleException
from dnsimple.struct import Webhook

from tests.api_v2.reading import URL
from tests.running import Account, House, running


class Vendor:
    """The client, with an account's key; each call in a thread, since it blocks."""

    def __init__(self, account: Account, token: str | None = None) -> None:
        own = account.client.headers["Authorization"].removeprefix("Bearer ")
        self._client = Client(access_token=token or own, base_url=str(account.client.base_url).rstrip("/"))
        self._client.session.trust_env = False

    async def ask(self, call: Callable[[Client], Any]) -> Any:
        """The data of the answer, which carried the three counters."""

        def in_a_thread() -> Any:
            response = call(self._client)
            assert 0 <= response.rate_limit_remaining < response.rate_limit
            assert response.rate_limit_reset > 1_700_000_000
            return response.data

        return await asyncio.to_thread(in_a_thread)

    async def refused(self, call: Callable[[Client], Any]) -> tuple[int, str | None, Any]:
        """Status, message and errors of the exception that the client raises."""
        with pytest.raises(DNSimpleException) as caught:
            await self.ask(call)
        return caught.value.status, caught.value.message, caught.value.attribute_errors


@pytest.mark.rows("DN2-03", "DN3-13", "DN3-07", "DN3-11", "DN3-20", "DN3-25", "DN3-26", "DN3-31", "DN3-32")
async def test_a_webhooks_life(account: Account) -> None:
    """Registered, listed in both orders, read and removed, all by the client; removed, it is not found."""
    vendor = Vendor(account)
    assert await vendor.ask(lambda client: client.webhooks.list_webhooks(account.id)) == []

    made = [await vendor.ask(_creating(account, f"{URL}/{n}")) for n in range(3)]
    ids = [each.id for each in made]

    assert [(each.url, each.suppressed_at) for each in made] == [(f"{URL}/{n}", None) for n in range(3)]
    listed = await vendor.ask(lambda client: client.webhooks.list_webhooks(account.id))
    assert [each.id for each in listed] == ids == sorted(ids)
    for sort, expected in (("id:asc", ids), ("id:desc", ids[::-1])):
        listed = await vendor.ask(_listing(account, sort))
        assert [each.id for each in listed] == expected
    shown = await vendor.ask(lambda client: client.webhooks.get_webhook(account.id, ids[1]))
    assert (shown.id, shown.url) == (ids[1], f"{URL}/1")

    assert await vendor.ask(lambda client: client.webhooks.delete_webhook(account.id, ids[1])) is None

    gone = (404, f"Webhook `{ids[1]}` not found", None)
    assert await vendor.refused(lambda client: client.webhooks.get_webhook(account.id, ids[1])) == gone
    assert await vendor.refused(lambda client: client.webhooks.delete_webhook(account.id, ids[1])) == gone
    listed = await vendor.ask(lambda client: client.webhooks.list_webhooks(account.id))
    assert [each.id for each in listed] == [ids[0], ids[2]]


@pytest.mark.rows("DN3-33")
async def test_who_am_i(account: Account) -> None:
    """A client that has only the token learns the account's id from it."""
    vendor = Vendor(account)

    told = await vendor.ask(lambda client: client.identity.whoami())
    listed = await vendor.ask(lambda client: client.accounts.list_accounts())

    assert told.user is None
    assert (told.account.id, told.account.name) == (account.id, "a test's own")
    assert [each.id for each in listed] == [account.id]


@pytest.mark.rows("DN3-09", "DN3-14", "DN3-16", "DN3-22", "DN3-23")
async def test_its_exceptions(house: House, account: Account) -> None:
    """The client understands every refusal: its exceptions carry status, message and the fields' errors."""
    vendor, other = Vendor(account), await house.new_account("dnsimple")

    status, message, errors = await vendor.refused(_creating(account, "http://8.8.8.8/"))
    assert (status, message, list(errors)) == (400, "Validation failed", ["url"])
    blank = {"url": ["can't be blank"]}
    assert await vendor.refused(_creating(account, "")) == (
        400, "Validation failed", blank,
    )  # fmt: skip
    assert await vendor.refused(lambda client: client.webhooks.get_webhook(account.id, 0)) == (
        404,
        "Webhook `0` not found",
        None,
    )
    assert await vendor.refused(lambda client: client.webhooks.list_webhooks(other.id)) == (404, "Not Found", None)
    by_url = await vendor.refused(_listing(account, "url:asc"))
    assert by_url[:2] == (400, "Validation failed")
    stranger, operator = Vendor(account, token="unknown"), Vendor(house.operator())
    failed = (401, "Authentication failed", None)
    assert await stranger.refused(lambda client: client.identity.whoami()) == failed
    assert (await operator.refused(lambda client: client.identity.whoami()))[0] == 403


async def test_too_many_requests(tmp_path: Path, trusting: dict[str, str]) -> None:
    """Beyond the limit the client raises what the vendor's own limit makes it raise."""
    async with running(tmp_path, trusting | {"ZONEHOOK_RATE_LIMIT": "1"}) as own_house:
        vendor = Vendor(await own_house.new_account())
        await vendor.ask(lambda client: client.identity.whoami())
        assert await vendor.refused(lambda client: client.identity.whoami()) == (429, "quota exceeded", None)


def _creating(account: Account, url: str) -> Callable[[Client], Any]:
    return lambda client: client.webhooks.create_webhook(account.id, Webhook.new(url))


def _listing(account: Account, sort: str) -> Callable[[Client], Any]:
    return lambda client: client.webhooks.list_webhooks(account.id, sort=sort)
