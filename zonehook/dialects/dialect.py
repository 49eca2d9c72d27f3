"""What a dialect is: rules as data, and at most three small functions: the body, the vendor's signature, the needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from zonehook.dialects.catalogue import EventType
from zonehook.errors import Detail
from zonehook.messages import AcceptedEvent, Policy


class Subscribing(Enum):
    """What a list of event types means when an endpoint is registered."""

    EMPTY_IS_ALL = auto()
    EMPTY_IS_REFUSED = auto()
    ALWAYS_ALL = auto()  # no filter at all: a list that is not empty is refused


class Secrets(Enum):
    """Where an endpoint's signing secret comes from."""

    GENERATED = auto()  # or brought, as whsec_…
    CHOSEN = auto()  # any text the user likes, or none
    OPTIONAL = auto()  # none, unless the user brings a whsec_… one


@dataclass(frozen=True)
class Letter:
    """What a body is written from. `account_name` is who the event belongs to, for a person."""

    event: AcceptedEvent
    delivery_id: str
    account_name: str


def _no_signature(_secret: str, _at: datetime, _body: bytes) -> dict[str, str]:
    return {}


def _needs_nothing(_event: AcceptedEvent) -> list[Detail]:
    return []


@dataclass(frozen=True)
class Dialect:
    """How one vendor's webhooks look and behave.

    `catalogue` None: any event type may be published. `signature` gives the vendor's own headers beside those of
    Standard Webhooks; `lacks` says what consumers of this dialect need and an event of its catalogue has not, by path.
    `overlap` is how long a rotated secret goes on signing beside the new one; `reveals` whether the present one is
    shown again to whoever asks for it expressly.
    """

    name: str
    policy: Policy
    envelope: Callable[[Letter], bytes]
    catalogue: Mapping[str, EventType] | None = None
    signature: Callable[[str, datetime, bytes], dict[str, str]] = _no_signature
    lacks: Callable[[AcceptedEvent], list[Detail]] = _needs_nothing
    subscribing: Subscribing = Subscribing.EMPTY_IS_ALL
    secrets: Secrets = Secrets.GENERATED
    overlap: timedelta = timedelta(0)
    reveals: bool = False
    replays_delivered: bool = True

    def knows(self, event_type: str) -> bool:
        """Whether this type is one of the dialect's."""
        return self.catalogue is None or event_type in self.catalogue
