"""Lists come in pages, newest first, each object exactly once."""

import base64
from typing import Any

import pytest

from tests.api import shapes
from tests.running import Account

URL = "https://127.0.0.1:9/hooks"
LISTS = ["/v1/webhook-endpoints", "/v1/events", "/v1/webhook-deliveries", "/v1/recoveries"]


@pytest.mark.parametrize("path", LISTS)
async def test_an_empty_list(account: Account, path: str) -> None:
    """A new account's list is empty and has no next page."""
    assert await account.call("GET", path, status=200) == {"data": [], "next_cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 200])
async def test_pages_of_endpoints(account: Account, limit: int) -> None:
    """However long its pages, the list holds each endpoint once, newest first, and ends with a null cursor."""
    made = [(await account.register(URL))["id"] for _ in range(6)]

    pages = await _pages(account, "/v1/webhook-endpoints", limit)

    assert [each["id"] for page in pages for each in page] == made[::-1]
    assert all(len(page) == limit for page in pages[:-1])
    assert len(pages) == -(-6 // limit)


async def test_pages_of_events_and_deliveries(account: Account) -> None:
    """Events and their deliveries are listed newest first, each once."""
    endpoints = {(await account.register(URL))["id"] for _ in range(3)}
    published = []
    for _ in range(3):
        published.append((await account.publish())["id"])
        await account.settled(published[-1], count=3, statuses=("retrying", "failed"))

    events = [each for page in await _pages(account, "/v1/events", 2) for each in page]
    deliveries = [each for page in await _pages(account, "/v1/webhook-deliveries", 2) for each in page]

    assert [each["id"] for each in events] == published[::-1]
    assert [each["event_id"] for each in deliveries] == [each for each in published[::-1] for _ in range(3)]
    assert len({each["id"] for each in deliveries}) == 9
    assert {each["endpoint_id"] for each in deliveries} == endpoints


async def test_what_comes_meanwhile_moves_no_page(account: Account) -> None:
    """An endpoint that is registered while one pages through the list repeats and hides none."""
    made = [(await account.register(URL))["id"] for _ in range(4)]
    first = await account.call("GET", "/v1/webhook-endpoints", params={"limit": 2}, status=200)
    await account.register(URL)
    await account.call("DELETE", f"/v1/webhook-endpoints/{made[2]}", status=204)

    wanted = {"limit": 2, "cursor": first["next_cursor"]}
    second = await account.call("GET", "/v1/webhook-endpoints", params=wanted, status=200)

    assert [each["id"] for each in first["data"] + second["data"]] == made[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "", "1e2", pytest.param("9" * 5000, id="5,000 digits")])
async def test_a_limit_is_1_to_200(account: Account, path: str, limit: str) -> None:
    """Any other limit is refused and named."""
    shapes.refusal(await account.client.get(path, params={"limit": limit}), 400, "limit")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param("", id="empty"),
        pytest.param("garbage!", id="not base64"),
        pytest.param("\0", id="NUL"),
        pytest.param("ÿ", id="not ASCII"),
        pytest.param("x" * 20_000, id="20,000 characters"),
        *[
            pytest.param(base64.urlsafe_b64encode(inside).decode(), id=repr(inside)[2:-1])
            for inside in (
                b"\xff\xfe",
                b"2026-07-02T12:00:00 ep_x",
                b"2026-07-02T12:00:00+00:00 ep_\0",
                b"9999-12-31T23:59:59-14:00 ep_x",
            )
        ],
    ],
)
async def test_a_foreign_cursor_is_refused(account: Account, path: str, cursor: str) -> None:
    """A cursor that no page handed out is refused and named."""
    shapes.refusal(await account.client.get(path, params={"cursor": cursor}), 400, "cursor")


async def _pages(account: Account, path: str, limit: int) -> list[list[Any]]:
    pages: list[list[Any]] = []
    cursor = None
    while not pages or cursor is not None:
        wanted = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        page = await account.call("GET", path, params=wanted, status=200)
        assert set(page) == {"data", "next_cursor"}
        pages.append(page["data"])
        cursor = page["next_cursor"]
        assert len(pages) < 20
    return pages
