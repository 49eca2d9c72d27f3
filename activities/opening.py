"""Opening an event's deliveries."""

from temporalio import activity

from zonehook import messages
from zonehook.ledger import Ledger
from zonehook.messages import AcceptedEvent, OpenedDeliveries


class Opening:
    """Holds the ledger that deliveries are opened in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn(name=messages.OPEN_DELIVERIES)
    async def open_deliveries(self, event: AcceptedEvent) -> OpenedDeliveries:
        """Raises Unavailable, to be called again."""
        return await self._ledger.open(event)
