"""The desk that publishes the house's own events: what was announced in a transaction becomes an event, once."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from zonehook import metrics
from zonehook.errors import Unavailable, ZonehookError
from zonehook.intake import Intake
from zonehook.offers import Offered
from zonehook.store import announcements
from zonehook.store.announcements import Announcement
from zonehook.store.database import Database

OF_API = 5  # seconds between looks for what another process announced and did not live to publish
OF_WORKER = 300  # it is woken for its own, and the API looks for the rest
_AT_ONCE = 100
_SOON_SECONDS = 5  # where something of ours was away
_log = logging.getLogger(__name__)


class Announcer:
    """Publishes by the way of every event. Several may run, in as many processes: an announcement's id is its event's
    key. One looks by itself every `looks_every` seconds, and at its start.
    """

    def __init__(self, database: Database, intake: Intake, looks_every: float = OF_API) -> None:
        self._database = database
        self._intake = intake
        self._looks_every = looks_every
        self._woken = asyncio.Event()
        self._failed: set[str] = set()

    def wake(self) -> None:
        """Something was announced just now."""
        self._woken.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Works while the block runs. What it is at when that ends is done by another, or at the next start."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def run(self) -> None:
        """Publishes whatever waits, now and from now on, until it is cancelled. What was parked is tried once more."""
        has_unparked = False
        while True:
            self._woken.clear()
            patience = self._looks_every
            try:
                if not has_unparked:
                    await self._database.write(announcements.unpark)
                    has_unparked = True
                await self.publish_waiting()
            except Unavailable as problem:
                _log.warning("events of our own wait: %s", problem.message)
                patience = _SOON_SECONDS
            except Exception:  # noqa: BLE001 (whatever it was, the next look may do better)
                _log.exception("events of our own wait")
                patience = _SOON_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), patience)

    async def publish_waiting(self) -> None:
        """Each is forgotten only when Temporal holds its event. Raises Unavailable."""
        last = ""
        while found := await self._database.read(announcements.after, last, _AT_ONCE):
            for each in found:
                await self._publish(each)
            last = found[-1].id

    async def _publish(self, announcement: Announcement) -> None:
        offered = Offered(
            type=announcement.type,
            data=announcement.data,
            key=f"{announcement.type}/{announcement.id}",
            actor=announcement.actor,
            occurred_at=announcement.created_at,
        )
        try:
            await self._intake.accept_own(announcement.account_id, announcement.dialect, offered)
        except Unavailable:
            raise
        except ZonehookError as refusal:
            return await self._park(announcement, refusal.message)
        except Exception:  # noqa: BLE001 (whatever it was, it keeps no other from being published)
            if announcement.id not in self._failed:  # told once: the next look may do better, or not
                _log.exception("%s cannot be published now, and stays", announcement.id)
            return self._failed.add(announcement.id)
        await self._database.write(announcements.remove, announcement.id)

    async def _park(self, announcement: Announcement, reason: str) -> None:
        """It would be refused every time, so it is looked at no more until the next start."""
        await self._database.write(announcements.park, announcement.id, reason)
        metrics.parked()
        _log.warning(
            "%s (%s of account %s) cannot be published and is parked: %s",
            announcement.id, announcement.type, announcement.account_id, reason,
        )  # fmt: skip
