"""The desk for credits: how many events an account may have accepted in this month, and how many it had."""

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from zonehook import clock, plans
from zonehook.errors import Unavailable
from zonehook.store import credits as stored
from zonehook.store.credits import Place
from zonehook.store.database import Database

_WRITES_AFTER_SECONDS = 1
_LOOKS_AGAIN = timedelta(seconds=5)  # at what other processes counted
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """Of `limit` events a month, `used` were accepted. More are accepted all the same."""

    limit: int
    used: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True)
class _Known:
    """What the database said, and when."""

    used: int
    at: datetime


class Credits:
    """Counts in this process, and writes down once a second what was counted: accepting an event is no statement more.

    Every process shows what it counted itself at once, what others counted within five seconds. A process that is
    killed loses what it counted in its last second.
    """

    def __init__(self, database: Database, fair_use: int = plans.FAIR_USE_CREDITS) -> None:
        self._database = database
        self._fair_use = fair_use
        self._known: dict[Place, _Known] = {}
        self._unwritten: Counter[Place] = Counter()
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._turn = asyncio.Lock()
        self._away_until = clock.now()

    def spend(self, account_id: int) -> None:
        """One event of theirs was accepted."""
        self._unwritten[account_id, _month(clock.now())] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_on())

    async def of(self, account_id: int, plan: str) -> Standing:
        """How an account of this plan stands; while the database is away, as far as this process knows."""
        place = (account_id, _month(clock.now()))
        if not self._is_fresh(place):
            async with self._turn:
                if not self._is_fresh(place):  # nobody else looked meanwhile
                    await self._look(place)
        used = self._known[place].used if place in self._known else 0
        return Standing(plans.credits_of(plan, self._fair_use), used + self._unwritten[place])

    async def close(self) -> None:
        """Writes down what is left."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    def _is_fresh(self, place: Place) -> bool:
        """Or as fresh as can be: a database that is away is not asked for each of many accounts."""
        now = clock.now()
        return now < self._away_until or (place in self._known and now - self._known[place].at < _LOOKS_AGAIN)

    async def _look(self, place: Place) -> None:
        try:
            used = await self._database.read(stored.used, *place)
        except Unavailable:
            self._away_until = clock.now() + _LOOKS_AGAIN
        else:
            self._known[place] = _Known(used, clock.now())

    async def _write_on(self) -> None:
        """Until nothing is left to be written."""
        while self._unwritten.total():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _WRITES_AFTER_SECONDS)
            try:
                await self._write()
            except Exception as problem:  # noqa: BLE001 (whatever it was, the next second may do better)
                _log.warning("credits wait to be written down: %r", problem)
                self._away_until = clock.now() + _LOOKS_AGAIN
                if self._closing.is_set():
                    return

    async def _write(self) -> None:
        # In turn with looks: one that saw half of this would count it twice, or not at all
        async with self._turn:
            counted = +self._unwritten
            totals = await self._database.write(stored.add, counted)
            now = clock.now()
            self._unwritten = self._unwritten - counted
            lately = {place: known for place, known in self._known.items() if place[1] == _month(now)}
            self._known = lately | {place: _Known(used, now) for place, used in totals.items()}


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"
