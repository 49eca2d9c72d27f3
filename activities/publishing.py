"""Publishing what workflows offer, at the desk that REST leads to."""

import logging

from temporalio import activity

from activities.again import again_later
from zonehook import messages, metrics
from zonehook.inbox import NOTE_REFUSED, NotedRefusals
from zonehook.intake import Intake
from zonehook.messages import EventBatch, PublishOrder, Refused

_log = logging.getLogger(__name__)


class Publishing:
    """Holds the desk."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    @activity.defn(name=messages.PUBLISH)
    async def publish(self, order: PublishOrder) -> list[Refused]:
        """Fails, to be called again, while the database or Temporal is away."""
        version = 0 if order.is_derived else None  # that of a catalogue without schemas
        with again_later():
            reasons = await self._intake.accept_each(order.account_id, order.offers, version)
        return [Refused(place, reason) for place, reason in enumerate(reasons) if reason is not None]

    @activity.defn(name=NOTE_REFUSED)
    async def note_refused(self, noted: NotedRefusals) -> None:
        """Says how many and where, not why: a reason may quote what was sent."""
        metrics.signals_refused(noted.count)
        _log.warning("%s refused %s; its query `refused` tells why", noted.workflow_id, _signals(noted.count))

    @activity.defn(name=messages.START_EVENTS)
    async def start_events(self, batch: EventBatch) -> None:
        """Fails, to be called again, while Temporal is away: those that were started are not started twice."""
        with again_later():
            await self._intake.start_each(batch.events)


def _signals(count: int) -> str:
    return "a signal" if count == 1 else f"{count} signals"
