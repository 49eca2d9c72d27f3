"""What travels through Temporal: one frozen value per message. Fields may be added, never changed or removed.

No signing secret travels here, and the event's body only once: in `AcceptedEvent`. A receiver's answer only
while the database is away and cannot take it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

TASK_QUEUE = "zonehook"
EVENT_WORKFLOW = "Event"
BATCH_WORKFLOW = "Batch"
OUTCOME_WORKFLOW = "Outcome"
DELIVERY_WORKFLOW = "Delivery"
OPEN_DELIVERIES = "open_deliveries"
DELIVER = "deliver"
DELIVER_AT_ONCE = "deliver_at_once"
CANCEL_DELIVERY = "cancel_delivery"
HURRY_DELIVERY = "hurry_delivery"
REPLAY_DELIVERY = "replay_delivery"
PUBLISH = "publish"  # the activity, and the signal that an inbox takes
LOOK_AT_RECOVERY = "look_at_recovery"
SEND_MISSED_AGAIN = "send_missed_again"
STEER_RECOVERY = "steer_recovery"
RECOVERY_WORKFLOW = "Recovery"
START_EVENTS = "start_events"
AWAIT_OUTCOME = "await_outcome"
CHANGE_EVENT = "change_event"
OPERATOR_WORKFLOW = "Operator"
OPERATOR_ID = "operator"
# Signals
RETRY_NOW = "retry_now"
LOOK_AGAIN = "look_again"
CANCEL = "cancel"
REPLAY = "replay"
RESCHEDULE = "reschedule"
# Queries
PROGRESS = "progress"

# How far an event is. Accepted: its deliveries are about to be opened
ACCEPTED = "accepted"
SCHEDULED = "scheduled"
PUBLISHED = "published"
CANCELLED = "cancelled"

# A first attempt may be made inside a workflow task, which must last longer than any attempt may take: at four fifths
# of this the worker says what it has done so far and asks for more time, and that costs writes.
TASK_TIMEOUT = timedelta(seconds=13)

# What the ApplicationError of an attempt is called: one was made and failed, none was made yet, or it was made before
ATTEMPT_FAILED = "AttemptFailed"
NOT_YET = "NotYet"
MADE_BEFORE = "MadeBefore"

MAX_DOCUMENT_BYTES = 256 * 1024  # of an event as it is offered, by whatever way

# Search attributes, all of type Keyword.
ACCOUNT = "ZonehookAccount"
ENDPOINT = "ZonehookEndpoint"
EVENT_TYPE = "ZonehookEventType"
STATUS = "ZonehookDeliveryStatus"
SEARCH_ATTRIBUTES = (ACCOUNT, ENDPOINT, EVENT_TYPE, STATUS)


@dataclass(frozen=True)
class AcceptedEvent:
    """An event as it was accepted. `data` and `actor` are JSON text, byte for byte as the producer wrote them.

    `after` pages through the deliveries of a fan-out too wide for one run; later pages carry no `data`. `trial_of`: it
    is a sample, for this endpoint alone. `deliver_at`: its deliveries are opened then. `is_held`: its row may be there
    before they are, and says whether they still are to be; `as_of` is what time it was for its workflow when that
    looked. `status` is how far it was when this was written. `looks`: when a run of its workflow is to look at the
    records, as the run before it was told.
    """

    account_id: int
    id: str
    type: str
    data: str
    accepted_at: datetime
    fingerprint: str
    key: str | None = None
    subject: str | None = None
    actor: str | None = None
    occurred_at: datetime | None = None
    after: str | None = None
    trial_of: str | None = None
    deliver_at: datetime | None = None
    is_held: bool = False
    as_of: datetime | None = None
    status: str = ACCEPTED
    looks: tuple[datetime, ...] = ()

    @property
    def happened_at(self) -> datetime:
        """What receivers are told: when it occurred; else when it was let go, which is what the producer wanted."""
        return self.occurred_at or max(self.accepted_at, self.deliver_at or self.accepted_at)


@dataclass(frozen=True)
class EventBatch:
    """Events that were accepted together."""

    events: tuple[AcceptedEvent, ...]


@dataclass(frozen=True)
class EventChange:
    """What becomes of an event that is still scheduled: another time, or (None) it is cancelled."""

    account_id: int
    event_id: str
    deliver_at: datetime | None


@dataclass(frozen=True)
class Offer:
    """An event to be published: the JSON document that REST takes, as text, and the key of one that has no id."""

    document: str
    key: str


@dataclass(frozen=True)
class PublishOrder:
    """Events of one account, from a workflow. Told again, because nobody heard the answer, they are the same events.
    `is_derived`: Zonehook made them itself, so no schema of the account's stands in their way.
    """

    account_id: int
    offers: tuple[Offer, ...]
    is_derived: bool = False


@dataclass(frozen=True)
class Refused:
    """An offer that became no event: its place in the order, and why, in a sentence."""

    place: int
    reason: str


def unknown_account(account_id: int) -> str:
    """Why everything offered to an account that is none is refused."""
    return f"there is no account {account_id}"


def event_workflow_id(account_id: int, event_id: str) -> str:
    """What the workflow of an event is called."""
    return f"event/{account_id}/{event_id}"


@dataclass(frozen=True)
class OutcomeRequest:
    """What a producer that has Temporal starts the workflow `Outcome` with; it waits `seconds` at the longest."""

    account_id: int
    event_id: str
    seconds: float = 86400.0


@dataclass(frozen=True)
class Outcome:
    """What became of an event: `outcome` in all, a verdicts.Outcome, and each endpoint's delivery's status."""

    outcome: str
    endpoints: dict[str, str]


@dataclass(frozen=True)
class Policy:
    """How one delivery is tried, frozen when it is opened: a later edit of a dialect changes no running schedule.

    `waits` are seconds between attempts, so there are `len(waits) + 1` attempts; `window` is the seconds after
    the first attempt beyond which none starts; `timeout` the seconds one attempt may take in all. `jitter` is
    the largest share of a wait that may be added to it. `suppress_after` consecutive failures suppress the endpoint.
    `gives_up_on_4xx`: but for 408 and 429, which may pass. `heeds_retry_after`: of 429 and 503. `gone_disables`: a 410
    switches the endpoint off.
    """

    waits: tuple[float, ...]
    window: float | None
    timeout: float
    jitter: float
    exactly_200: bool
    suppress_after: int | None
    gives_up_on_4xx: bool = False
    heeds_retry_after: bool = False
    gone_disables: bool = False

    @property
    def attempts(self) -> int:
        return len(self.waits) + 1


@dataclass(frozen=True)
class DeliveryOrder:
    """One delivery to carry out. `run` is 0 for the first time and n for its n-th replay.

    `at_once`: its endpoint is well and prompt, so the first attempt may be made by the workflow's own worker, as a
    local activity. `told` is what became of that attempt when it was not the last, for whoever looks at the next one.
    """

    account_id: int
    delivery_id: str
    endpoint_id: str
    event_type: str
    host: str
    policy: Policy
    run: int = 0
    unrecorded: "Sent | None" = None
    at_once: bool = False
    told: str | None = None

    @property
    def workflow_id(self) -> str:
        return f"delivery/{self.delivery_id}" + (f"/replay/{self.run}" if self.run else "")


@dataclass(frozen=True)
class OpenedDeliveries:
    """The deliveries to start now, and where the next page begins (None: that was all).

    `is_fast`: first attempts that may be made at once are made by the event's workflow, in the fast lane.
    `waits_until`: nothing was opened yet, the event is to be delivered then.
    """

    orders: tuple[DeliveryOrder, ...]
    next: str | None
    is_fast: bool = False
    waits_until: datetime | None = None


@dataclass(frozen=True)
class Sent:
    """One attempt that left, and how it ended: a status or an error, never both. `excerpt` is at most 4 KiB.

    `retry_after` is how many seconds the receiver asked to be left alone, from the end of the attempt on.
    """

    id: str
    number: int
    started_at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None
    excerpt: str | None
    retry_after: float | None = None

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(milliseconds=self.duration_ms)


def kept(details: Sequence[Any]) -> Sent | None:
    """The attempt in the details of a heartbeat or a failure: one that left while the database could not take it."""
    return TypeAdapter(Sent).validate_python(details[0]) if details else None


@dataclass(frozen=True)
class ReplayRequest:
    """What an operator signals to have a delivery sent again."""

    account_id: int
    delivery_id: str


@dataclass(frozen=True)
class DeliveryEnd:
    """How a delivery ended: `delivered`, `failed` or `cancelled`, and why, in a sentence."""

    status: str
    attempts: int
    reason: str | None = None


@dataclass(frozen=True)
class AtOnce:
    """What came of a first attempt made at once: the delivery's end, or the order that is to be carried out.
    `was_made_before`: by a worker that died before it could tell; none was made now.
    """

    end: DeliveryEnd | None
    order: DeliveryOrder
    was_made_before: bool = False
