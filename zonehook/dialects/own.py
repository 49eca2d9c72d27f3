"""Zonehook's own event types: what it tells of delivery itself, in every dialect, to endpoints that name them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from zonehook import endpoints, moments
from zonehook.dialects import catalogue
from zonehook.endpoints import Endpoint

TYPES = catalogue.read("zonehook")
SUPPRESSED = "endpoint.suppressed"
DISABLED = "endpoint.disabled"
RECOVERED = "endpoint.recovered"
EXHAUSTED = "delivery.exhausted"


@dataclass(frozen=True)
class Exhausted:
    """The delivery that `delivery.exhausted` tells of."""

    id: str
    event_id: str
    type: str
    attempts: int
    last_status_code: int | None
    last_error: str | None


def is_own(event_type: str) -> bool:
    return event_type in TYPES


def includes(subscription: str) -> bool:
    """Whether one entry of an endpoint's `events` names any of these types, itself or as `endpoint.*`."""
    return any(endpoints.subscribes([subscription], each) for each in TYPES)


def naming(event_type: str) -> tuple[str, str]:
    """The two entries of an endpoint's `events` that name this type."""
    return event_type, event_type.partition(".")[0] + ".*"


def is_named(subscriptions: Sequence[str], event_type: str) -> bool:
    """Whether an endpoint gets this type: never by an empty list, which is all that its account publishes."""
    return any(each in subscriptions for each in naming(event_type))


def data(endpoint: Endpoint, reason: str, at: datetime, delivery: Exhausted | None = None) -> str:
    """The data of any of these events, as JSON text. Of the URL it has the host alone: paths carry tokens."""
    written: dict[str, Any] = {
        "endpoint": {
            "id": endpoint.id,
            "host": urlsplit(endpoint.url).hostname,
            "status": endpoint.status,
            "consecutive_failures": endpoint.consecutive_failures,
        },
    }
    if delivery is not None:
        written["delivery"] = asdict(delivery)
    return json.dumps(written | {"reason": reason, "at": moments.timestamp(at)}, ensure_ascii=False)
