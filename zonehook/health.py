"""How an endpoint does: told from the answers it gave, by its dialect's rule of what confirms. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zonehook import verdicts
from zonehook.endpoints import EndpointStatus
from zonehook.messages import Policy

SPAN = timedelta(hours=24)


@dataclass(frozen=True)
class Tally:
    """So many attempts that took this long and got this status; None: no answer."""

    duration_ms: int
    status_code: int | None
    made: int


@dataclass(frozen=True)
class Failure:
    """The last attempt that was not confirmed; `error` is the name it has in logs and metrics (`status_503`)."""

    at: datetime
    error: str


@dataclass(frozen=True)
class Health:
    """An endpoint's health as its account sees it. The last success and failure are the last ever recorded; the rest is
    of 24 hours: a share of 1, and the milliseconds that half and 95 in 100 attempts stayed within. None: no attempts.
    """

    status: EndpointStatus
    consecutive_failures: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_error: str | None
    attempts_24h: int
    success_rate_24h: float | None
    p50_ms: int | None
    p95_ms: int | None


def success_rate(tallies: Iterable[Tally], policy: Policy) -> float | None:
    made = confirmed = 0
    for each in tallies:
        made += each.made
        confirmed += each.made if verdicts.confirms(each.status_code, policy) else 0
    return round(confirmed / made, 4) if made else None


def within_ms(tallies: Sequence[Tally], share: float) -> int | None:
    """The shortest time that at least this share of the attempts stayed within."""
    left = math.ceil(sum(each.made for each in tallies) * share)
    for each in sorted(tallies, key=lambda tally: tally.duration_ms):
        left -= each.made
        if left <= 0:
            return each.duration_ms
    return None
