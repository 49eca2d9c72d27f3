"""The desk for rate limits: how many more requests somebody may make in this minute."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from limits.aio.storage import MemoryStorage

from zonehook import clock
from zonehook.errors import Unavailable
from zonehook.store import request_counts
from zonehook.store.database import Database

_WINDOW = timedelta(minutes=1)
_FORGETS_AFTER = timedelta(minutes=10)
_AWAY = timedelta(seconds=5)
_BLOCKS = 100  # a minute's requests are taken from the database in so many blocks: not every one of them is a write


@dataclass(frozen=True)
class Allowance:
    """Of `limit` requests a minute, `used` were made; they are counted anew at `resets_at`."""

    limit: int
    used: int
    resets_at: datetime

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit


@dataclass
class _Block:
    """What this process took of somebody's minute: `used` of them all, up to `end`."""

    resets_at: datetime
    used: int = 0
    end: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """Counts in the database where several API processes may share it, in this process where none can (SQLite). Never
    more than the limit are let through; what a process took and nobody asked it for, a hundredth at most, is lost.

    While the database is away each process counts for itself, and asks it again every five seconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = MemoryStorage()
        self._blocks: dict[str, _Block] = {}
        self._forgot_at = self._away_until = clock.now()

    async def count(self, who: str, limit: int) -> Allowance:
        """One more request of theirs."""
        if self._database.is_shared and clock.now() >= self._away_until:
            try:
                return await self._count_with_others(who, limit)
            except Unavailable:
                self._away_until = clock.now() + _AWAY
        return await self.count_here(who, limit)

    async def count_here(self, who: str, limit: int) -> Allowance:
        """One more request of theirs to this process, whatever the database does."""
        used = await self._own.incr(who, round(_WINDOW.total_seconds()))
        return Allowance(limit, used, clock.at(await self._own.get_expiry(who)))

    async def _count_with_others(self, who: str, limit: int) -> Allowance:
        block = self._blocks.setdefault(who, _Block(clock.now()))
        async with block.turn:  # of two at once the second takes from the block that the first one fetches
            now = clock.now()
            if now >= block.resets_at or block.used == block.end:
                size = max(1, limit // _BLOCKS)
                block.end, block.resets_at = await self._database.write(request_counts.add, who, size, now)
                block.used = block.end - size
                await self._forget(now)
            block.used += 1
            return Allowance(limit, block.used, block.resets_at)

    async def _forget(self, now: datetime) -> None:
        if now - self._forgot_at > _FORGETS_AFTER:
            self._forgot_at = now
            self._blocks = {who: each for who, each in self._blocks.items() if now < each.resets_at}
            await self._database.write(request_counts.forget, now)
