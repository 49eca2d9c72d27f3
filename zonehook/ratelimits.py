"""The desk for rate limits: how many more requests somebody may make in this minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from limits.aio.storage import MemoryStorage

from zonehook import clock
from zonehook.errors import Unavailable
from zonehook.store import request_counts
from zonehook.store.database import Database

_WINDOW = timedelta(minutes=1)
_FORGETS_AFTER = timedelta(minutes=10)
_AWAY = timedelta(seconds=5)


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


class RateLimits:
    """Counts in the database where several API processes may share it, in this process where none can (SQLite).

    While the database is away each process counts for itself, and asks it again every five seconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = MemoryStorage()
        self._forgot_at = self._away_until = clock.now()
        self._over: dict[str, Allowance] = {}  # who must wait, and needs no more counting until then

    async def count(self, who: str, limit: int) -> Allowance:
        """One more request of theirs."""
        return await self._add(who, 1, limit)

    async def count_here(self, who: str, limit: int) -> Allowance:
        """One more request of theirs to this process, whatever the database does."""
        return await self._add_here(who, 1, limit)

    async def look(self, who: str, limit: int) -> Allowance:
        """How they stand, with nothing counted."""
        return await self._add(who, 0, limit)

    async def _add(self, who: str, count: int, limit: int) -> Allowance:
        now = clock.now()
        over = self._over.get(who)
        if over is not None and now < over.resets_at:
            return over
        if self._database.is_shared and now >= self._away_until:
            try:
                used, resets_at = await self._database.write(request_counts.add, who, count, now)
                await self._forget(now)
            except Unavailable:
                self._away_until = clock.now() + _AWAY
            else:
                return self._noted(who, Allowance(limit, used, resets_at))
        return await self._add_here(who, count, limit)

    async def _add_here(self, who: str, count: int, limit: int) -> Allowance:
        used = await self._own.incr(who, round(_WINDOW.total_seconds()), count)
        return Allowance(limit, used, clock.at(await self._own.get_expiry(who)))

    def _noted(self, who: str, allowance: Allowance) -> Allowance:
        self._over.pop(who, None)
        if allowance.is_exceeded:
            self._over[who] = allowance
        return allowance

    async def _forget(self, now: datetime) -> None:
        if now - self._forgot_at > _FORGETS_AFTER:
            self._forgot_at = now
            self._over = {who: each for who, each in self._over.items() if now < each.resets_at}
            await self._database.write(request_counts.forget, now)
