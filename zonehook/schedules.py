"""When the next attempt is due. Pure: `now` and `seed` are arguments."""

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from zonehook.messages import Policy

# The last attempt is drawn forward to this share of the window before its end, so that being dispatched
# a moment late still keeps it inside.
_MARGIN = 1 / 240
_DISPATCH_SECONDS = 2.0  # how late that may be; it does not shrink with a scaled schedule
FARTHEST = timedelta(days=90)  # that an event may be scheduled ahead
_LONGEST_ASKED_SECONDS = 7 * 86400.0  # of Retry-After; whatever it says, the window ends it sooner


def deliver_at_problem(at: datetime, now: datetime) -> str | None:
    """Why an event cannot be scheduled for this time; None when it can. A time that has passed means at once."""
    return f"schedule it at most {FARTHEST.days} days ahead" if at - now > FARTHEST else None


def scaled(policy: Policy, factor: float) -> Policy:
    """The same policy with every wait and the window multiplied; the time limit of an attempt stays."""
    window = None if policy.window is None else policy.window * factor
    return replace(policy, waits=tuple(wait * factor for wait in policy.waits), window=window)


def next_due(
    policy: Policy, made: int, first: datetime, ended: datetime, seed: str, asked: float = 0.0
) -> datetime | None:
    """When the attempt after `made` failed ones is due, or None when there is none left.

    Counts the wait from the end of the last attempt, adds a jitter that fits into the window, and never passes
    the window, which began with the `first` attempt: where attempts were slow, the wait that would is cut short,
    so that every allowed attempt happens. `asked` is the least number of seconds the receiver wants to be left alone.
    """
    if made >= policy.attempts:
        return None
    wait = policy.waits[made - 1]
    due = ended + timedelta(seconds=max(asked, wait + _spread(policy, wait) * _fraction(f"{seed}/{made}")))
    if policy.window is None:
        return due
    last_moment = first + timedelta(seconds=policy.window * (1 - _MARGIN))
    return min(due, last_moment) if ended < last_moment else None


def is_closed(policy: Policy, first: datetime | None, now: datetime) -> bool:
    """Whether the window that began with the first attempt is over."""
    last = last_start(policy, first)
    return last is not None and now > last


def last_start(policy: Policy, first: datetime | None) -> datetime | None:
    """The last moment that an attempt may start, if it comes late; None without a window, or before it has begun."""
    if first is None or policy.window is None:
        return None
    late = max(policy.window * _MARGIN, _DISPATCH_SECONDS)
    return first + timedelta(seconds=policy.window * (1 - _MARGIN) + late)


def postponed(policy: Policy, first: datetime | None, now: datetime, seconds: float) -> datetime:
    """When an attempt that cannot be made just now comes again: after so many seconds, or as much sooner as it takes
    for a last try before the window closes.
    """
    due = now + timedelta(seconds=seconds)
    last = last_start(policy, first)
    if last is None:
        return due
    last_try = last - timedelta(seconds=_DISPATCH_SECONDS)
    return min(due, last_try if now < last_try else last)


def retry_after(text: str, now: datetime) -> float | None:
    """The seconds of a Retry-After header, in either of its forms (RFC 9110, 10.2.3); None for what is neither."""
    if re.fullmatch("[0-9]{1,15}", text):
        return min(float(text), _LONGEST_ASKED_SECONDS)
    try:
        at = parsedate_to_datetime(text)
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_ASKED_SECONDS)


def _spread(policy: Policy, wait: float) -> float:
    """The most that may be added to a wait: the jitter's share of it, as far as the window has room for all."""
    if policy.window is None:
        return wait * policy.jitter
    room = policy.window * (1 - _MARGIN) - sum(policy.waits)
    return max(0.0, min(wait * policy.jitter, room / len(policy.waits)))


def _fraction(seed: str) -> float:
    """0 ≤ x < 1, the same for the same seed, so that a schedule can be told beforehand."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) / 2**32
