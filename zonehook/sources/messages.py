"""What travels through Temporal about sources, as in `zonehook/messages.py`: fields may be added, never changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zonehook.messages import Offer

SOURCE_WORKFLOW = "Source"
OPEN_SOURCE = "open_source"


@dataclass(frozen=True)
class SourceOrder:
    """Whose source begins, and of what kind."""

    account_id: int
    source: str


@dataclass(frozen=True)
class SourceTerms:
    """What holds for a source, as its workflow was told when its run began. `refusal`: why its account has none such.

    A host that sends nothing for `offline_after` seconds is offline. A key's average is that of its last
    `alert_window` minutes, once it is known of `alert_sample`; fewer requests (or 429s) a minute than `alert_requests`
    are never unusual.
    """

    refusal: str | None = None
    offline_after: float = 600.0
    alert_window: int = 60
    alert_sample: int = 10
    alert_requests: int = 100


@dataclass(frozen=True)
class RefusedFact:
    """A fact that was not taken, or an event of its that was not: when, the name of the signal or the event, and why.
    Nothing of what it said.
    """

    at: datetime
    name: str
    reason: str


@dataclass(frozen=True)
class SourceLeft:
    """What one run of a source leaves to the next. `state` is JSON text; `facts` came so far, `events` followed,
    `refusals` of both were refused, the last of them `refused`; `offers` are still to be published; `ended` are the
    last states, as texts, of what ended while the workflow went on.
    """

    state: str | None = None
    facts: int = 0
    events: int = 0
    refusals: int = 0
    refused: tuple[RefusedFact, ...] = ()
    offers: tuple[Offer, ...] = ()
    ended: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceEnd:
    """What a source returns when it ends: a sentence with its totals, and how things stood last. Usually that is one
    state; more, the latest first, when something was created again before its source had ended.
    """

    told: str
    ended: tuple[dict[str, Any], ...] = ()


def source_workflow_id(account_id: int, source: str, id_: str) -> str:
    """What the workflow of a source is called: `host/1/home-7`."""
    return f"{source}/{account_id}/{id_}"
