"""A recovery: what one endpoint missed, sent again in bulk. How it stands, and what travels through Temporal of it, by
the rules of `messages`: fields may be added, never changed or removed.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RecoveryStatus(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    """What may be asked of one that is under way; also the names of the signals."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


OVER = (RecoveryStatus.COMPLETED, RecoveryStatus.CANCELLED)


@dataclass(frozen=True)
class RecoveryOrder:
    """Send again what an endpoint missed: its deliveries created from `since` to before `until`, in one of `statuses`.

    It moves on: `since` and `after` become time and id of the last delivery that was seen to; `done` were sent again,
    `failed` could not be. Who gave it is for the audit log.
    """

    account_id: int
    recovery_id: str
    endpoint_id: str
    since: datetime
    until: datetime
    statuses: tuple[str, ...]
    ordered_at: datetime
    key_id: str | None = None
    email: str | None = None
    address: str | None = None
    after: str = ""
    done: int = 0
    failed: int = 0

    @property
    def workflow_id(self) -> str:
        return f"recovery/{self.recovery_id}"


@dataclass(frozen=True)
class Missed:
    """A delivery to be sent again. `run` is its last: once a later one has begun, it was sent again."""

    delivery_id: str
    run: int
    created_at: datetime


@dataclass(frozen=True)
class RecoveryTurn:
    """What is to be done now: `missed` is next in line, and `seconds` later it is time to look again. `reason` is a
    sentence, where there is one.
    """

    status: str
    reason: str | None
    total: int
    missed: tuple[Missed, ...]
    seconds: float


@dataclass(frozen=True)
class MissedBatch:
    """Deliveries to be sent again, in this order, and how far the recovery had come before them."""

    order: RecoveryOrder
    missed: tuple[Missed, ...]


@dataclass(frozen=True)
class Steering:
    """What an operator signalled to a recovery's workflow."""

    account_id: int
    recovery_id: str
    verb: str


@dataclass(frozen=True)
class Progress:
    """How a recovery stands, for whoever queries its workflow."""

    status: str
    reason: str | None
    total: int
    done: int
    failed: int
