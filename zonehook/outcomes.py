"""The desk for who awaits what becomes of an event. One that nobody awaits costs nothing for it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from zonehook import verdicts
from zonehook.errors import Unavailable
from zonehook.intake import Intake
from zonehook.messages import AcceptedEvent
from zonehook.store import deliveries
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery
from zonehook.verdicts import Outcome

_MOST_WAITERS = 200  # of one process: as long as nobody looks, a waiter is a timer and no more
_MOST_OF_AN_ACCOUNT = 50
_FIRST_LOOK = 0.1
_LONGEST_PAUSE = 1.0
_SLOWER = 1.5


class Outcomes:
    """Looks at the records from time to time: whoever makes the deliveries may be on another machine."""

    def __init__(self, database: Database, intake: Intake) -> None:
        self._database = database
        self._intake = intake
        self._waiters: Counter[int] = Counter()  # by account

    async def awaited(self, account_id: int, event_id: str, seconds: float) -> tuple[AcceptedEvent, list[Delivery]]:
        """The event and its deliveries once all of them are over, or after so many seconds.

        Raises NotFound; Unavailable, also when too many wait already, in this account or in all.
        """
        found = await self._intake.find(account_id, event_id)
        if seconds <= 0 or summary(*found) is not Outcome.PENDING:
            return found
        with self._waiter(account_id):
            await self._over(account_id, event_id, seconds)
        return await self._intake.find(account_id, event_id)

    async def standing(self, account_id: int, event_id: str) -> tuple[Outcome, dict[str, str]]:
        """What has become of it so far, in all and by endpoint. Raises NotFound and Unavailable."""
        event, made = await self._intake.find(account_id, event_id)
        return summary(event, made), {each.endpoint_id: each.status.value for each in made}

    @contextlib.contextmanager
    def _waiter(self, account_id: int) -> Iterator[None]:
        if self._waiters[account_id] >= _MOST_OF_AN_ACCOUNT:
            raise _too_many(f"{_MOST_OF_AN_ACCOUNT} calls of this account")
        if self._waiters.total() >= _MOST_WAITERS:
            raise _too_many(f"{_MOST_WAITERS} calls")
        self._waiters[account_id] += 1
        try:
            yield
        finally:
            self._waiters[account_id] -= 1
            self._waiters += Counter()  # forgets who has none

    async def _over(self, account_id: int, event_id: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        pause = _FIRST_LOOK
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(pause * _SLOWER, _LONGEST_PAUSE)
            standing = await self._database.read(deliveries.standing_of_event, account_id, event_id)
            if standing is not None and verdicts.of_event(*standing) is not Outcome.PENDING:
                return


def summary(event: AcceptedEvent, made: list[Delivery]) -> Outcome:
    """What became of an event in all."""
    return verdicts.of_event(event.status, [each.status for each in made])


def _too_many(who: str) -> Unavailable:
    return Unavailable("too_many_waiters", f"{who} wait for outcomes already; ask without wait")
