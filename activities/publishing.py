"""Publishing what workflows offer, at the desk that REST leads to."""

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook import messages
from zonehook.errors import Unavailable
from zonehook.intake import Intake
from zonehook.messages import EventBatch, PublishOrder, Refused


class Publishing:
    """Holds the desk."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    @activity.defn(name=messages.PUBLISH)
    async def publish(self, order: PublishOrder) -> list[Refused]:
        """Fails, to be called again, while the database or Temporal is away."""
        try:
            reasons = await self._intake.accept_each(order.account_id, order.offers)
        except Unavailable as problem:
            raise ApplicationError(problem.message, category=ApplicationErrorCategory.BENIGN) from None
        return [Refused(place, reason) for place, reason in enumerate(reasons) if reason is not None]

    @activity.defn(name=messages.START_EVENTS)
    async def start_events(self, batch: EventBatch) -> None:
        """Fails, to be called again, while Temporal is away: those that were started are not started twice."""
        try:
            await self._intake.start_each(batch.events)
        except Unavailable as problem:
            raise ApplicationError(problem.message, category=ApplicationErrorCategory.BENIGN) from None
