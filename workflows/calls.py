"""The activities as workflows see them: names and types without bodies, so that importing this loads no tools.

A test holds each against the real one.
"""

from temporalio import activity

from zonehook import messages
from zonehook.inbox import NOTE_REFUSED, NotedRefusals
from zonehook.messages import (
    AcceptedEvent,
    AtOnce,
    DeliveryEnd,
    DeliveryOrder,
    EventBatch,
    EventChange,
    OpenedDeliveries,
    Outcome,
    OutcomeRequest,
    PublishOrder,
    Refused,
    ReplayRequest,
)
from zonehook.recovery import MissedBatch, RecoveryOrder, RecoveryTurn, Steering
from zonehook.sources.messages import OPEN_SOURCE, SourceOrder, SourceTerms


@activity.defn(name=messages.OPEN_DELIVERIES)
async def open_deliveries(event: AcceptedEvent) -> OpenedDeliveries:
    """Write the event and a delivery for each endpoint that listens."""
    raise NotImplementedError


@activity.defn(name=messages.CHANGE_EVENT)
async def change_event(change: EventChange) -> bool:
    """Move or cancel an event that is still scheduled; whether it was in time."""
    raise NotImplementedError


@activity.defn(name=messages.DELIVER)
async def deliver(order: DeliveryOrder) -> DeliveryEnd:
    """Make the attempt that is due; fail to be called again when the next one is."""
    raise NotImplementedError


@activity.defn(name=messages.DELIVER_AT_ONCE)
async def deliver_at_once(order: DeliveryOrder) -> AtOnce:
    """Make the first attempt, whatever comes of it."""
    raise NotImplementedError


@activity.defn(name=messages.CANCEL_DELIVERY)
async def cancel_delivery(order: DeliveryOrder) -> DeliveryEnd:
    """Write that an operator ended the delivery."""
    raise NotImplementedError


@activity.defn(name=messages.HURRY_DELIVERY)
async def hurry_delivery(order: DeliveryOrder) -> None:
    """Make the waiting attempt due at once."""
    raise NotImplementedError


@activity.defn(name=messages.REPLAY_DELIVERY)
async def replay_delivery(request: ReplayRequest) -> None:
    """Send a finished delivery again."""
    raise NotImplementedError


@activity.defn(name=messages.PUBLISH)
async def publish(order: PublishOrder) -> list[Refused]:
    """Accept events as REST does; those that are refused are told."""
    raise NotImplementedError


@activity.defn(name=NOTE_REFUSED)
async def note_refused(noted: NotedRefusals) -> None:
    """Count signals that were refused, and log it."""
    raise NotImplementedError


@activity.defn(name=messages.LOOK_AT_RECOVERY)
async def look_at_recovery(order: RecoveryOrder) -> RecoveryTurn:
    """Find what is to be sent again next, and whether it may be."""
    raise NotImplementedError


@activity.defn(name=messages.SEND_MISSED_AGAIN)
async def send_missed_again(batch: MissedBatch) -> RecoveryOrder:
    """Send these deliveries again; the order as it stands then."""
    raise NotImplementedError


@activity.defn(name=messages.STEER_RECOVERY)
async def steer_recovery(steering: Steering) -> None:
    """Write that an operator paused, resumed or cancelled it."""
    raise NotImplementedError


@activity.defn(name=OPEN_SOURCE)
async def open_source(order: SourceOrder) -> SourceTerms:
    """What holds for a source of this account."""
    raise NotImplementedError


@activity.defn(name=messages.START_EVENTS)
async def start_events(batch: EventBatch) -> None:
    """Start the workflow of each event that has none yet."""
    raise NotImplementedError


@activity.defn(name=messages.AWAIT_OUTCOME)
async def await_outcome(request: OutcomeRequest) -> Outcome:
    """What became of an event; fail to be called again while that is open."""
    raise NotImplementedError
