"""Opening an event's deliveries."""

from temporalio import activity

from activities.again import again_later
from zonehook import messages
from zonehook.fanout import Fanout
from zonehook.messages import AcceptedEvent, OpenedDeliveries


class Opening:
    """Holds the desk that deliveries are opened at."""

    def __init__(self, fanout: Fanout) -> None:
        self._fanout = fanout

    @activity.defn(name=messages.OPEN_DELIVERIES)
    async def open_deliveries(self, event: AcceptedEvent) -> OpenedDeliveries:
        """Fails, to be called again, while the database is away."""
        with again_later():
            return await self._fanout.open(event)
