"""What an endpoint is: its status and which events it listens to. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from zonehook import events

MAX_SUBSCRIPTIONS = 100
MAX_HEADERS = 20
MAX_HEADER_LENGTH = 1000
_SLOW_MS = 1000
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?")
_OURS = frozenset(
    [
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "user-agent",
        "accept-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
    ]
)
_OUR_PREFIXES = ("webhook-", "proxy-", "zonehook-", "x-cd-", "x-novadns-", "x-captaindns-")


class EndpointStatus(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as its account sees it: everything but its secrets. `number` is what API v2 calls it."""

    id: str
    number: int
    account_id: int
    url: str
    events: list[str]
    description: str | None
    dialect: str
    disabled_at: datetime | None
    suppressed_at: datetime | None
    consecutive_failures: int
    created_at: datetime
    updated_at: datetime

    @property
    def status(self) -> EndpointStatus:
        return status(self.disabled_at, self.suppressed_at)


def status(disabled_at: datetime | None, suppressed_at: datetime | None) -> EndpointStatus:
    """Disabled by a person outweighs suppressed by its failures."""
    if disabled_at is not None:
        return EndpointStatus.DISABLED
    return EndpointStatus.ENABLED if suppressed_at is None else EndpointStatus.SUPPRESSED


def inactive_because(disabled_at: datetime | None, suppressed_at: datetime | None) -> str | None:
    """`disabled` or `suppressed` when nothing is delivered to an endpoint; None when something is."""
    found = status(disabled_at, suppressed_at)
    return None if found is EndpointStatus.ENABLED else found.value


def is_slow(duration_ms: int) -> bool:
    """Whether an endpoint that took so long for its last answer may take as long for the next."""
    return duration_ms >= _SLOW_MS


def is_prompt(consecutive_failures: int, is_slow: bool) -> bool:
    """Whether an attempt may be made where a worker's own task waits for its end."""
    return consecutive_failures == 0 and not is_slow


def subscribes(subscriptions: Sequence[str], event_type: str) -> bool:
    """Whether an endpoint with these subscriptions wants this type: exact, `domain.*`, or all when empty."""
    return not subscriptions or any(
        event_type.startswith(wanted[:-1]) if wanted.endswith(".*") else event_type == wanted
        for wanted in subscriptions
    )


def subscription_problem(wanted: str) -> str | None:
    """What is wrong with one entry of `events`, as a sentence; None when it is fine."""
    if wanted == "*":
        return "for all events send an empty list instead of *"
    name = wanted[:-2] + ".any" if wanted.endswith(".*") else wanted
    return events.type_problem(name)


def header_problems(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong with custom headers: names and sentences. Names that differ in case alone are one header."""
    found = [(name, problem) for name, value in headers.items() if (problem := header_problem(name, value))]
    lowered = [name.lower() for name in headers]
    twice = [(name, "this header is given twice; names do not differ by case") for name in headers
             if lowered.count(name.lower()) > 1]  # fmt: skip
    return found + twice[1:]


def header_problem(name: str, value: str) -> str | None:
    """What is wrong with a custom header, as a sentence; None when it may be sent."""
    lowered = name.lower()
    if not _HEADER_NAME.fullmatch(name):
        return "a header's name has 1 to 100 letters, digits and -"
    if lowered in _OURS or lowered.startswith(_OUR_PREFIXES):
        return f"{name} is set by Zonehook itself; choose another name"
    if len(value) > MAX_HEADER_LENGTH or not _HEADER_VALUE.fullmatch(value):
        return f"a header's value is at most {MAX_HEADER_LENGTH} printable ASCII characters, with no space around them"
    return None
