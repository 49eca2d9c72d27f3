"""Every list that can be asked for is read off an index: nothing is scanned whole, nothing is sorted."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from tests.store import given
from zonehook.fanout import Fanout
from zonehook.registry import Registry
from zonehook.store import accounts, api_keys, audit, deliveries, endpoints, events, health, members, pages
from zonehook.store.database import Database
from zonehook.store.deliveries import DeliveryFilter
from zonehook.store.events import EventFilter

SOME: dict[str, Any] = {
    "status": "delivered", "endpoint_id": "ep_1", "event_id": "evt_1", "type": "domain.create",
    "since": given.AT, "until": given.AT,
}  # fmt: skip
Ask = Callable[[Connection], object]


def _subsets(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every way to narrow a list down."""
    chosen = itertools.chain.from_iterable(itertools.combinations(names, count) for count in range(len(names) + 1))
    return [{name: SOME[name] for name in each} for each in chosen]


def _plan(conn: Connection, ask: Ask) -> str:
    """How the database would carry out what `ask` asks."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", note)
    ask(conn)
    event.remove(conn, "before_cursor_execute", note)
    [(statement, parameters)] = asked
    how = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
    if conn.dialect.name != "sqlite":  # so few rows are quicker scanned and sorted
        conn.execute(text("SELECT set_config('enable_seqscan', 'off', false), set_config('enable_sort', 'off', false)"))
    rows = conn.exec_driver_sql(f"{how} {statement}", parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


def _is_read_off_an_index(plan: str) -> bool:
    is_searched = "USING INDEX" in plan or "USING COVERING INDEX" in plan or "Index" in plan
    return is_searched and not any(word in plan for word in ("SCAN", "TEMP B-TREE", "Seq Scan", "Sort"))


@pytest.mark.parametrize("wanted", _subsets(("status", "endpoint_id", "type", "since", "until")), ids="+".join)
async def test_deliveries(database: Database, account_id: int, wanted: dict[str, Any]) -> None:
    """However deliveries are narrowed down, also by the rarer statuses, they come in the order of an index."""
    for status in {wanted.get("status"), "failed" if "status" in wanted else None}:
        narrowed = DeliveryFilter(**wanted | ({"status": status} if status else {}))
        ask = partial(deliveries.page, account_id=account_id, wanted=narrowed, limit=50, cursor=None)
        plan = await database.read(_plan, ask)
        assert _is_read_off_an_index(plan), plan


@pytest.mark.parametrize("wanted", _subsets(("status", "endpoint_id", "type", "since", "until")), ids="+".join)
async def test_deliveries_of_an_event(database: Database, account_id: int, wanted: dict[str, Any]) -> None:
    """Those of one event are found by the event, whatever else is asked."""
    narrowed = DeliveryFilter(event_id="evt_1", **wanted)
    plan = await database.read(_plan, lambda conn: deliveries.page(conn, account_id, narrowed, 50, None))
    assert "ix_deliveries_event" in plan
    assert _is_read_off_an_index(plan), plan


async def test_how_far_an_event_is(database: Database, registry: Registry, fanout: Fanout, account_id: int) -> None:
    """What one who waits for an outcome asks at every look is answered by the event and the index of its deliveries,
    however many others there are.
    """
    await given.endpoint(registry, account_id)
    for _ in range(50):
        await fanout.open(given.event(account_id))
    if database.is_shared:  # without statistics PostgreSQL takes all indexes for the same
        await database.write(lambda conn: conn.execute(text("ANALYZE")))
    plan = await database.read(_plan, partial(deliveries.standing_of_event, account_id=account_id, event_id="evt_1"))
    assert "ix_deliveries_event" in plan, plan
    assert not any(word in plan for word in ("SCAN", "Seq Scan")), plan


@pytest.mark.parametrize("wanted", _subsets(("type", "since", "until")), ids="+".join)
async def test_events(database: Database, account_id: int, wanted: dict[str, Any]) -> None:
    """Events come in the order of an index."""
    narrowed = EventFilter(**wanted)
    plan = await database.read(_plan, lambda conn: events.page(conn, account_id, narrowed, 50, None))
    assert _is_read_off_an_index(plan), plan


async def test_what_is_listed_without_a_filter(database: Database, account_id: int) -> None:
    """So do endpoints, and the attempts of a delivery, or the last one."""
    for ask in (
        lambda conn: endpoints.page(conn, account_id, 50, None),
        lambda conn: deliveries.attempts_of(conn, account_id, "dlv_1"),
        lambda conn: deliveries.last_error(conn, account_id, "dlv_1"),
    ):
        plan = await database.read(_plan, ask)
        assert _is_read_off_an_index(plan), plan


async def test_health_is_told_by_an_index_alone(database: Database, account_id: int) -> None:
    """Counting a day's attempts and finding the last good and the last bad one touches the index and no attempt."""
    asks: list[Ask] = [
        lambda conn: health.tallies(conn, account_id, "ep_1", given.AT),
        lambda conn: health.last_success(conn, account_id, "ep_1", (200, 299)),
        lambda conn: health.last_failure(conn, account_id, "ep_1", (200, 299)),
    ]
    for ask in asks:
        plan = await database.read(_plan, ask)
        assert "COVERING INDEX ix_attempts_health" in plan or "Index Only Scan" in plan, plan
        assert "ix_attempts_health" in plan
        assert not any(word in plan for word in ("SCAN", "Seq Scan", "ORDER BY")), plan


async def test_a_scan_would_be_noticed(database: Database, account_id: int) -> None:
    """What no index is made for is seen to be scanned or sorted."""
    plan = await database.read(_plan, lambda conn: conn.execute(text("SELECT id FROM deliveries ORDER BY reason")))
    assert not _is_read_off_an_index(plan)


async def test_members_keys_log_and_accounts(database: Database, account_id: int) -> None:
    """So do members, API keys, the audit log, and the operator's accounts, on their first pages and on later ones."""
    for cursor in (None, pages._write(given.AT, f"mem_{'0' * 26}")):
        for module in (members, api_keys, audit):
            plan = await database.read(_plan, partial(module.page, account_id=account_id, limit=50, cursor=cursor))
            assert _is_read_off_an_index(plan), plan
    for cursor in (None, pages._write(given.AT, 1)):
        plan = await database.read(_plan, partial(accounts.page, limit=50, cursor=cursor))
        assert "TEMP B-TREE" not in plan, plan
        assert "Sort" not in plan, plan


async def test_who_calls(database: Database) -> None:
    """The question of every request, whose key this is, is answered by indexes alone: of today's and older digests."""
    plan = await database.read(_plan, partial(api_keys.with_digest, digest="0" * 64))

    assert not any(word in plan for word in ("SCAN", "Seq Scan")), plan
    assert "uq_api_keys_previous_digest" in plan or "sqlite_autoindex_api_keys" in plan, plan
