"""Opening an event's deliveries."""

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook import messages
from zonehook.errors import Unavailable
from zonehook.fanout import Fanout
from zonehook.messages import AcceptedEvent, OpenedDeliveries


class Opening:
    """Holds the desk that deliveries are opened at."""

    def __init__(self, fanout: Fanout) -> None:
        self._fanout = fanout

    @activity.defn(name=messages.OPEN_DELIVERIES)
    async def open_deliveries(self, event: AcceptedEvent) -> OpenedDeliveries:
        """Fails, to be called again, while the database is away."""
        try:
            return await self._fanout.open(event)
        except Unavailable as problem:
            raise ApplicationError(problem.message, category=ApplicationErrorCategory.BENIGN) from None
