"""Lists are walked page by page: newest first, every row once."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.store import given
from zonehook import clock
from zonehook.archive import Archive
from zonehook.errors import Invalid
from zonehook.fanout import Fanout
from zonehook.messages import AcceptedEvent
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import events
from zonehook.store.database import Database
from zonehook.store.deliveries import DeliveryFilter
from zonehook.store.events import EventFilter
from zonehook.store.pages import Page
from zonehook.verdicts import DeliveryStatus

# Two of the same moment at either end, three in the middle
MOMENTS = [0, 0, 1, 2, 2, 2, 3, 4, 4]


@pytest.fixture
async def written(database: Database, account_id: int) -> list[AcceptedEvent]:
    """Events of several moments, newest first, those of the same moment by id."""
    accepted = [given.event(account_id, accepted_at=given.AT + timedelta(seconds=each)) for each in MOMENTS]
    for event in accepted:
        await database.write(events.add, event)
    return sorted(accepted, key=lambda event: (event.accepted_at, event.id), reverse=True)


async def _walk(page: Callable[[str | None], Awaitable[Page[Any]]]) -> list[list[Any]]:
    pages, cursor = [], None
    while True:
        found = await page(cursor)
        pages.append(found.data)
        cursor = found.next_cursor
        if cursor is None:
            return pages


async def _events(
    database: Database, account_id: int, limit: int, wanted: EventFilter | None = None
) -> list[list[AcceptedEvent]]:
    narrowed = wanted or EventFilter()
    return await _walk(lambda cursor: database.read(events.page, account_id, narrowed, limit, cursor))


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 9, 10])
async def test_a_walk_meets_every_event_once(
    database: Database, account_id: int, written: list[AcceptedEvent], limit: int
) -> None:
    """Whatever the size of the pages, each event comes once, newest first, and no page is empty."""
    pages = await _events(database, account_id, limit)
    assert [event for page in pages for event in page] == written
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= limit


async def test_new_events_do_not_move_a_walk(database: Database, account_id: int, written: list[AcceptedEvent]) -> None:
    """Events that come while somebody turns pages are neither repeated nor do they push others out."""
    first = await database.read(events.page, account_id, EventFilter(), 4, None)
    await database.write(events.add, given.event(account_id, accepted_at=given.AT + timedelta(seconds=99)))
    rest = await database.read(events.page, account_id, EventFilter(), 200, first.next_cursor)
    assert first.data + rest.data == written


async def test_events_can_be_narrowed_down(database: Database, account_id: int, written: list[AcceptedEvent]) -> None:
    """`since` counts in, `until` does not, and a type is matched whole, on every page."""
    other = replace(written[0], id=written[0].id[:-1] + "_", type="domain.delete")
    await database.write(events.add, other)
    since, until = given.AT + timedelta(seconds=1), given.AT + timedelta(seconds=4)
    between = [event for event in written if since <= event.accepted_at < until]
    found = await _events(database, account_id, 2, EventFilter(type="domain.create", since=since, until=until))
    assert [event for page in found for event in page] == between
    assert await _events(database, account_id, 2, EventFilter(type="domain.delete")) == [[other]]
    assert await _events(database, account_id, 2, EventFilter(type="domain")) == [[]]


async def test_endpoints_are_walked_too(registry: Registry, account_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints made in the same moment come each once, without those that were deleted."""
    monkeypatch.setattr(clock, "now", lambda: given.AT)
    made = [await given.endpoint(registry, account_id) for _ in range(9)]
    await registry.delete(Actor(account_id), made.pop(2))
    pages = await _walk(lambda cursor: registry.page(account_id, 3, cursor))
    assert [endpoint.id for page in pages for endpoint in page] == sorted(made, reverse=True)


async def test_deliveries_of_one_event_are_walked_too(
    registry: Registry, fanout: Fanout, archive: Archive, account_id: int
) -> None:
    """Deliveries opened in the same moment come each once, and can be narrowed down."""
    endpoints = [await given.endpoint(registry, account_id) for _ in range(5)]
    await registry.disable(Actor(account_id), endpoints[3])
    event = given.event(account_id)
    await fanout.open(event)
    every = await _walk(lambda cursor: archive.page(account_id, DeliveryFilter(event_id=event.id), 2, cursor))
    assert sorted(each.endpoint_id for page in every for each in page) == sorted(endpoints)
    assert [len(page) for page in every] == [2, 2, 1]
    skipped = await archive.page(account_id, DeliveryFilter(status=DeliveryStatus.SKIPPED), 50, None)
    assert [each.endpoint_id for each in skipped.data] == [endpoints[3]]
    of_one = await archive.page(account_id, DeliveryFilter(endpoint_id=endpoints[0]), 50, None)
    assert [each.endpoint_id for each in of_one.data] == [endpoints[0]]


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "ü", "next", _encoded(""), _encoded("yesterday evt_1"), _encoded("2026-07-02T12:00:00 evt_1"),
     _encoded("9999-12-31T23:59:59-01:00 evt_1"), _encoded("2026-07-02T12:00:00+00:00 evt\0")],
)  # fmt: skip
async def test_a_cursor_that_is_none_is_refused(database: Database, account_id: int, cursor: str) -> None:
    """Whatever a caller makes up for a cursor, the answer is one sentence about the cursor."""
    with pytest.raises(Invalid) as caught:
        await database.read(events.page, account_id, EventFilter(), 50, cursor)
    assert caught.value.details[0].field == "cursor"
