"""How long lists take in a database of a million deliveries, however they are narrowed down."""

import itertools
import random
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bench import system
from zonehook import clock
from zonehook.store import accounts, deliveries, events, migrate
from zonehook.store.database import Database
from zonehook.store.deliveries import DeliveryFilter
from zonehook.store.events import EventFilter

ROWS = 1_000_000
_FAN_OUT, _ENDPOINTS, _TYPES = 10, 50, 12
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_SHARES = {"delivered": 98.0, "failed": 1.0, "cancelled": 0.4, "skipped": 0.4, "retrying": 0.2}
_PAGE = 50


@dataclass(frozen=True)
class Lists:
    """Milliseconds by what was asked for, in words."""

    taken: dict[str, float]

    def text(self) -> str:
        """The slowest five and the median."""
        slowest = sorted(self.taken.items(), key=lambda each: -each[1])[:5]
        told = "; ".join(f"{name} {taken:.1f}" for name, taken in slowest)
        return (
            f"{len(self.taken)} ways to list {ROWS:,} deliveries and their {ROWS // _FAN_OUT:,} events, "
            f"{_PAGE} at a time, SQLite, ms, the median of three reads each: "
            f"median {statistics.median(self.taken.values()):.1f}; slowest: {told}."
        )


async def measure() -> Lists:
    """In a database of its own, gone afterwards."""
    with system.home() as folder:
        path = f"{folder}/lists.db"
        database = Database(f"sqlite:///{path}")
        await migrate.upgrade(database)
        account = await database.write(accounts.add, "a million", "standard", "unlimited", clock.now())
        _fill(path, account.id)
        taken = {}
        for wanted in _ways():
            of_deliveries = partial(database.read, deliveries.page, account.id, DeliveryFilter(**wanted), _PAGE, None)
            taken[_words("deliveries", wanted)] = await _timed(of_deliveries)
        for each in ({}, {"type": "bench.t3"}, {"type": "bench.none"}, {"type": "bench.t3", "until": _middle()}):
            of_events = partial(database.read, events.page, account.id, EventFilter(**each), _PAGE, None)
            taken[_words("events", each)] = await _timed(of_events)
        await database.close()
    return Lists(taken)


async def _timed(read: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds, the median of three: the first read of all found the system still writing, and took 39."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        await read()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _ways() -> Iterator[dict[str, Any]]:
    """Every combination of filters, some of which find much, little or nothing."""
    values: dict[str, list[Any]] = {
        "status": [None, "delivered", "failed", "retrying", "pending"],
        "endpoint_id": [None, _id("ep", 7)],
        "type": [None, "bench.t3", "bench.none"],
        "since": [None, _middle()],
        "until": [None, _middle()],
        "event_id": [None, _id("evt", 777)],
    }
    for chosen in itertools.product(*values.values()):
        yield {name: value for name, value in zip(values, chosen, strict=True) if value is not None}


def _fill(path: str, account_id: int) -> None:
    """Straight into the tables: through Zonehook it would take hours."""
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA foreign_keys=OFF")
        conn.executemany(
            "INSERT INTO events (id, account_id, fingerprint, type, data, accepted_at) VALUES (?, ?, '', ?, '{}', ?)",
            ((_id("evt", each), account_id, _type(each), _at(each)) for each in range(ROWS // _FAN_OUT)),
        )
        conn.executemany(
            "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, body, type, status, attempts, run,"
            " attempts_before_run, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, 0, ?)",
            _rows(account_id),
        )
    conn.close()


def _rows(account_id: int) -> Iterator[tuple[Any, ...]]:
    dice = random.Random(1)
    statuses, shares = list(_SHARES), list(_SHARES.values())
    for number in range(ROWS):
        event = number // _FAN_OUT
        endpoint, [status] = dice.randrange(_ENDPOINTS), dice.choices(statuses, shares)
        yield (
            _id("dlv", number), account_id, _id("evt", event), _id("ep", endpoint), b"x" * 200,
            _type(event), status, _at(event),
        )  # fmt: skip


def _id(prefix: str, number: int) -> str:
    return f"{prefix}_{number:026}"


def _type(event: int) -> str:
    return f"bench.t{event % _TYPES}"


def _at(event: int) -> str:
    return (_BEGAN + timedelta(seconds=event)).replace(tzinfo=None).isoformat(" ", "microseconds")


def _middle() -> datetime:
    return _BEGAN + timedelta(seconds=ROWS // _FAN_OUT // 2)


def _words(what: str, wanted: dict[str, Any]) -> str:
    return f"{what} by {' + '.join(f'{name}={value}' for name, value in wanted.items())}" if wanted else f"all {what}"
