"""The desk that publishes the house's own events: what was announced in a transaction becomes an event, once."""

import asyncio
import logging

from zonehook.errors import Unavailable
from zonehook.intake import Intake
from zonehook.offers import Offered
from zonehook.store import announcements
from zonehook.store.announcements import Announcement
from zonehook.store.database import Database

_AT_ONCE = 100
_LOOKS_AGAIN_SECONDS = 5  # what another process announced and did not live to publish
_log = logging.getLogger(__name__)


class Announcer:
    """Publishes by the way of every event. Several may run: an announcement's id is its event's key."""

    def __init__(self, database: Database, intake: Intake) -> None:
        self._database = database
        self._intake = intake
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was announced just now."""
        self._woken.set()

    async def run(self) -> None:
        """Publishes whatever waits, now and from now on, until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.publish_waiting()
            except Unavailable as problem:
                _log.warning("events of our own wait: %s", problem.message)
            except Exception:  # noqa: BLE001 (whatever it was, the next look may do better)
                _log.exception("events of our own wait")
            await self._awaken()

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
            await self._intake.accept(announcement.account_id, announcement.dialect, offered)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 (whatever it was, it keeps no other from being published)
            _log.exception("%s cannot be published, and stays", announcement.id)
            return
        await self._database.write(announcements.remove, announcement.id)

    async def _awaken(self) -> None:
        try:
            async with asyncio.timeout(_LOOKS_AGAIN_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            pass
