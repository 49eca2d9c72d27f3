"""What the workflow of an inbox says to its next run, to its activities and to whoever asks. Pure."""

from dataclasses import dataclass
from datetime import datetime

from zonehook.messages import Offer

INBOX_WORKFLOW = "Inbox"
NOTE_REFUSED = "note_refused"


def inbox_workflow_id(account_id: int) -> str:
    """What the workflow is called that takes an account's signals."""
    return f"inbox/{account_id}"


@dataclass(frozen=True)
class RefusedSignal:
    """A signal that became no event: when it was refused, why, and an excerpt to know it by, without its content."""

    at: datetime
    reason: str
    excerpt: str


@dataclass(frozen=True)
class NotedRefusals:
    """So many signals more were refused by the workflow of this id."""

    workflow_id: str
    count: int


@dataclass(frozen=True)
class InboxLeft:
    """What one run of an inbox leaves to the next: how many signals came so far and were refused, what the last of
    those were, and what is still to be published.
    """

    signals: int = 0
    refusals: int = 0
    refused: tuple[RefusedSignal, ...] = ()
    offers: tuple[Offer, ...] = ()
