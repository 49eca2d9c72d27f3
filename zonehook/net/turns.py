"""No endpoint and no host, however slow, holds so many of this worker's slots that the others wait for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from zonehook.errors import Unavailable

# Of the worker's slots, at once. A receiver that answers in 100 ms gets 500 a second through 50 of them.
_OF_AN_ENDPOINT = 50
_OF_A_HOST = 200
_PATIENCE_SECONDS = 0.5  # for a place to become free, which with a prompt receiver takes milliseconds
_SOONEST_SECONDS, _LATEST_SECONDS = 3.0, 15 * 60.0
_TURN_SECONDS = 0.2  # what one place in the queue takes when 50 attempts at a time wait for 10 seconds each


class TooManyAtOnce(Unavailable):
    """Not this time: come again after so many seconds. Nobody was asked, so nobody failed."""

    def __init__(self, name: str, again_after: float) -> None:
        super().__init__("receiver_busy", f"as many attempts to {name} as may be are waiting for its answer already")
        self.again_after = again_after


class Turns:
    """Counts what is under way, by endpoint and by host."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @contextlib.asynccontextmanager
    async def turn(self, url: str, host: str) -> AsyncIterator[None]:
        """Raises TooManyAtOnce."""
        async with self._place(url, _OF_AN_ENDPOINT, host), self._place(host, _OF_A_HOST, host):
            yield

    @contextlib.asynccontextmanager
    async def _place(self, key: str, places: int, name: str) -> AsyncIterator[None]:
        line = self._lines.setdefault(key, _Line(places))
        line.users += 1
        try:
            await line.enter(name)
            try:
                yield
            finally:
                line.free.release()
        finally:
            line.users -= 1
            if not line.users:
                self._lines.pop(key, None)


class _Line:
    def __init__(self, places: int) -> None:
        self.free = asyncio.Semaphore(places)
        self.users = 0  # who have a place, and who wait for one
        self._places = places
        self._sent_away = 0

    async def enter(self, name: str) -> None:
        """Whoever is sent away comes again when the turn of those before may be over: a long queue costs no more.

        Those who wait hold slots of the worker too, so no more of them wait than there are places.
        """
        is_crowded = self.users > 2 * self._places
        try:
            patience = 0 if is_crowded else _PATIENCE_SECONDS
            async with asyncio.timeout(patience if self.free.locked() else None):
                await self.free.acquire()
        except TimeoutError:
            self._sent_away += 1
            wait = min(max(self._sent_away * _TURN_SECONDS, _SOONEST_SECONDS), _LATEST_SECONDS)
            raise TooManyAtOnce(name, wait) from None
        self._sent_away = max(0, self._sent_away - 1)
