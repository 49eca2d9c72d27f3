"""An endpoint's health, told from the attempts that were recorded of it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from tests.store import given
from zonehook import clock, dialects, verdicts
from zonehook.archive import Archive
from zonehook.errors import NotFound
from zonehook.fanout import Fanout
from zonehook.health import Health
from zonehook.ledger import Ledger
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store.database import Database
from zonehook.store.tables import attempts
from zonehook.verdicts import SendError

HOUR = timedelta(hours=1)


async def _attempts(database: Database, fanout: Fanout, account_id: int, made: list[tuple[Any, ...]]) -> None:
    """Attempts of one delivery, each so many hours ago, with its status, error and duration."""
    order = await given.order(fanout, account_id)
    now = clock.now()
    rows = [
        {
            "id": clock.new_id("att"), "account_id": account_id, "delivery_id": order.delivery_id, "number": number,
            "endpoint_id": order.endpoint_id, "trigger": "schedule", "started_at": now - hours * HOUR,
            "status_code": status, "error": error, "duration_ms": duration,
        }
        for number, (hours, status, error, duration) in enumerate(made, 1)
    ]  # fmt: skip
    await database.write(lambda conn: conn.execute(insert(attempts), rows))


async def test_nothing_was_sent_yet(registry: Registry, archive: Archive, account_id: int) -> None:
    """A new endpoint has no attempts, and so no rate, no times and no error."""
    endpoint_id = await given.endpoint(registry, account_id)
    found = await archive.health(account_id, endpoint_id)
    assert (found.status, found.consecutive_failures, found.attempts_24h) == ("enabled", 0, 0)
    assert {found.success_rate_24h, found.p50_ms, found.p95_ms, found.last_error} == {None}
    assert {found.last_success_at, found.last_failure_at} == {None}


async def test_the_last_day(
    database: Database, registry: Registry, fanout: Fanout, archive: Archive, account_id: int
) -> None:
    """Attempts of the last 24 hours alone make the rate and the times; the last success is found however old it is."""
    endpoint_id = await given.endpoint(registry, account_id)
    old = [(30, 204, None, 9000), (25, 503, None, 9000)]
    failed = [(2 + n, 503, None, 1000) for n in range(3)] + [(1, None, SendError.TIMEOUT, 10_000)]
    await _attempts(database, fanout, account_id, old + failed)
    found = await archive.health(account_id, endpoint_id)
    assert (found.attempts_24h, found.success_rate_24h, found.last_error) == (4, 0.0, "timeout")
    assert found.last_success_at is not None
    assert clock.now() - found.last_success_at > 29 * HOUR

    await _attempts(database, fanout, account_id, [(0, 200, None, 10 * n) for n in range(1, 17)])
    found = await archive.health(account_id, endpoint_id)
    assert (found.attempts_24h, found.success_rate_24h) == (20, 0.8)
    assert (found.p50_ms, found.p95_ms) == (100, 1000)
    assert found.last_failure_at is not None
    assert clock.now() - found.last_failure_at > HOUR


@pytest.mark.parametrize(("dialect", "rate"), [("standard", 1.0), ("dnsimple", 0.5)])
async def test_success_is_the_dialect_s(
    database: Database, registry: Registry, fanout: Fanout, archive: Archive, account_id: int, dialect: str, rate: float
) -> None:
    """A 204 is a success where any 2xx confirms, and a failure, named after its status, where 200 alone does."""
    registered, _ = await registry.register(Actor(account_id), Registration(given.URL, [], dialect))
    order_data = '{"domain":{"id":1}}'
    [order] = (await fanout.open(given.event(account_id, data=order_data))).orders
    rows = [
        {
            "id": clock.new_id("att"), "account_id": account_id, "delivery_id": order.delivery_id, "number": number,
            "endpoint_id": order.endpoint_id, "trigger": "schedule", "started_at": clock.now(),
            "status_code": status, "duration_ms": 5,
        }
        for number, status in ((1, 200), (2, 204))
    ]  # fmt: skip
    await database.write(lambda conn: conn.execute(insert(attempts), rows))
    found = await archive.health(account_id, registered.id)
    assert (found.success_rate_24h, found.last_error) == (rate, None if rate == 1 else "status_204")
    policy = dialects.named(dialect).policy
    assert verdicts.confirms(204, policy) == (rate == 1)


async def test_attempts_are_the_endpoint_s_own(
    registry: Registry, fanout: Fanout, ledger: Ledger, archive: Archive, account_id: int, stranger_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What the ledger records counts for its endpoint and no other; a stranger finds nothing; its failures in a row and
    its suppression show.
    """
    monkeypatch.setattr(clock, "now", lambda: given.AT + HOUR)
    mine, other = [await given.endpoint(registry, account_id) for _ in range(2)]
    orders = {each.endpoint_id: each for each in (await fanout.open(given.event(account_id))).orders}
    await ledger.record(orders[mine], await ledger.duty(orders[mine]), given.sent(1, 503))
    found = await archive.health(account_id, mine)
    assert found == Health("enabled", 1, None, given.AT, "status_503", 1, 0.0, 250, 250)  # type: ignore[arg-type]
    assert (await archive.health(account_id, other)).attempts_24h == 0
    with pytest.raises(NotFound):
        await archive.health(stranger_id, mine)
    with pytest.raises(NotFound):
        await archive.health(account_id, "ep_nowhere")
