"""When each event's deliveries came to their end of the way: at the receiver, or at the attempt that does nothing."""

import asyncio
import contextlib
from typing import Any


class Arrivals:
    """Notes sequence numbers with Unix times; those before the expected first one belong to an earlier burst."""

    def __init__(self) -> None:
        self._first = 0
        self._seen: list[tuple[int, float]] = []
        self._wanted = 0
        self._enough = asyncio.Event()

    def note(self, number: int, at: float) -> None:
        """One delivery of event `number` came at `at`."""
        if number >= self._first:
            self._seen.append((number, at))
            if len(self._seen) >= self._wanted:
                self._enough.set()

    def expect(self, first: int, count: int) -> dict[str, Any]:
        """Begins anew: from now on `count` deliveries of events from `first` on are to come."""
        self._first, self._wanted, self._seen = first, count, []
        self._enough.clear()
        return {}

    async def come(self, within: float) -> dict[str, Any]:
        """All that came, once that is as many as expected or the time is up."""
        with contextlib.suppress(TimeoutError):  # the bench sees that some are missing
            await asyncio.wait_for(self._enough.wait(), within)
        return {"arrivals": self._seen}
