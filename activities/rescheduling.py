"""What is asked of a scheduled event by a signal, written into the records."""

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook import messages
from zonehook.errors import Unavailable
from zonehook.messages import EventChange
from zonehook.scheduling import Scheduling


class Rescheduling:
    """Holds the desk."""

    def __init__(self, scheduling: Scheduling) -> None:
        self._scheduling = scheduling

    @activity.defn(name=messages.CHANGE_EVENT)
    async def change_event(self, change: EventChange) -> bool:
        """Whether it was in time. Fails, to be called again, while the database is away."""
        try:
            return await self._scheduling.write(change)
        except Unavailable as problem:
            raise ApplicationError(problem.message, category=ApplicationErrorCategory.BENIGN) from None
