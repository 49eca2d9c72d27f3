"""What is asked of a scheduled event by a signal, written into the records."""

from temporalio import activity

from activities.again import again_later
from zonehook import messages
from zonehook.messages import EventChange
from zonehook.scheduling import Scheduling


class Rescheduling:
    """Holds the desk."""

    def __init__(self, scheduling: Scheduling) -> None:
        self._scheduling = scheduling

    @activity.defn(name=messages.CHANGE_EVENT)
    async def change_event(self, change: EventChange) -> bool:
        """Whether it was in time. Fails, to be called again, while the database is away."""
        with again_later():
            return await self._scheduling.write(change)
