"""When attempts are due: the standard policy second by second, and what holds for any policy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonehook import dialects, schedules
from zonehook.messages import Policy

STANDARD = dialects.named("standard").policy
STEADY = replace(STANDARD, jitter=0.0)
FIRST = datetime(2026, 7, 2, 12, 0, 0, tzinfo=UTC)

POLICIES = st.builds(
    Policy,
    waits=st.lists(st.floats(0.1, 100_000), min_size=1, max_size=12).map(tuple),
    window=st.none() | st.floats(1, 200_000),
    timeout=st.just(10.0),
    jitter=st.floats(0, 0.5),
    exactly_200=st.booleans(),
    suppress_after=st.none(),
)


def _starts(policy: Policy, seconds_each: float, seed: str = "dlv_1") -> list[datetime]:
    """When each attempt starts if all of them fail after `seconds_each` and none is made late."""
    starts = [FIRST]
    while True:
        ended = starts[-1] + timedelta(seconds=seconds_each)
        due = schedules.next_due(policy, len(starts), FIRST, ended, seed)
        if due is None:
            return starts
        starts.append(due)


def _waits(policy: Policy, seed: str) -> list[float]:
    return [(later - earlier).total_seconds() for earlier, later in pairwise(_starts(policy, 0, seed))]


def test_waits_begin_at_14_seconds_and_double() -> None:
    """Without jitter the standard waits are 14, 28, 56 … 3,584 seconds."""
    assert _waits(STEADY, "any") == [14, 28, 56, 112, 224, 448, 896, 1792, 3584]


def test_a_wait_is_counted_from_the_end_of_the_attempt() -> None:
    """A receiver that takes long to fail is given the whole wait afterwards."""
    ended = FIRST + timedelta(seconds=9.5)
    assert schedules.next_due(STEADY, 1, FIRST, ended, "any") == ended + timedelta(seconds=14)


@given(st.text(max_size=40))
def test_ten_quick_attempts_fit_within_two_hours(seed: str) -> None:
    """Whatever the jitter, ten attempts are made and the last starts within 7,200 seconds of the first."""
    starts = _starts(STANDARD, 0, seed)
    assert len(starts) == 10
    assert starts[-1] - FIRST <= timedelta(seconds=7200)


@given(st.text(max_size=40), st.floats(0, 15))
def test_ten_slow_attempts_fit_within_two_hours(seed: str, seconds_each: float) -> None:
    """Attempts that run into the time limit cost none of the ten, and none starts after the window."""
    starts = _starts(STANDARD, seconds_each, seed)
    assert len(starts) == 10
    assert starts[-1] - FIRST <= timedelta(seconds=7200)


def test_the_last_attempt_is_drawn_forward_only_as_far_as_needed() -> None:
    """With ten-second attempts the tenth comes in the last minute of the two hours, not earlier."""
    last = _starts(STEADY, 10)[-1] - FIRST
    assert timedelta(seconds=7140) <= last <= timedelta(seconds=7200)


def test_none_is_due_when_all_were_made() -> None:
    """After the tenth failure nothing is due any more."""
    assert schedules.next_due(STANDARD, 9, FIRST, FIRST, "any") is not None
    assert schedules.next_due(STANDARD, 10, FIRST, FIRST, "any") is None
    assert schedules.next_due(STANDARD, 11, FIRST, FIRST, "any") is None


def test_none_is_due_when_the_window_is_over() -> None:
    """An attempt that ends with the window is followed by none, though some are left."""
    assert schedules.next_due(STANDARD, 3, FIRST, FIRST + timedelta(seconds=7200), "any") is None


@given(st.text(max_size=40))
def test_jitter_adds_at_most_a_tenth_and_takes_nothing_away(seed: str) -> None:
    """Of ten quick attempts no wait is shorter than planned or longer by more than ten per cent."""
    for wait, planned in zip(_waits(STANDARD, seed), STANDARD.waits, strict=True):
        assert planned <= wait <= planned * 1.1 + 0.000001


def test_jitter_is_told_by_the_seed() -> None:
    """The same delivery has the same schedule however often it is asked for; others are spread."""
    assert _starts(STANDARD, 0, "dlv_1") == _starts(STANDARD, 0, "dlv_1")
    first_waits = {_waits(STANDARD, f"dlv_{number}")[0] for number in range(100)}
    assert len(first_waits) > 90
    assert max(first_waits) - min(first_waits) > 1.0


def test_each_wait_has_its_own_jitter() -> None:
    """Two deliveries that met once do not meet again at every later attempt."""
    shares = {round(wait / planned, 6) for wait, planned in zip(_waits(STANDARD, "dlv_1"), STANDARD.waits, strict=True)}
    assert len(shares) > 5


@given(POLICIES, st.floats(0, 10), st.text(max_size=10))
def test_any_schedule_moves_forward_and_ends(policy: Policy, seconds_each: float, seed: str) -> None:
    """No policy makes more attempts than it has, two at once, or one after its window."""
    starts = _starts(policy, seconds_each, seed)
    assert len(starts) <= policy.attempts
    assert all(later - earlier >= timedelta(seconds=seconds_each) for earlier, later in pairwise(starts))
    assert not any(schedules.is_closed(policy, FIRST, start) for start in starts)


@given(POLICIES, st.text(max_size=10))
def test_without_a_window_every_attempt_is_made(policy: Policy, seed: str) -> None:
    """A policy that names no window makes all of its attempts, with all of its waits."""
    endless = replace(policy, window=None)
    starts = _starts(endless, 1, seed)
    assert len(starts) == policy.attempts
    assert starts[-1] - FIRST >= timedelta(seconds=sum(policy.waits))


@pytest.mark.rows("ALL-12")
@given(POLICIES, st.floats(0.001, 10))
def test_scaled_multiplies_every_wait_and_the_window(policy: Policy, factor: float) -> None:
    """A time scale stretches the whole schedule alike and leaves the time limit of an attempt as it is."""
    scaled = schedules.scaled(policy, factor)
    assert scaled.waits == tuple(wait * factor for wait in policy.waits)
    assert scaled.window == (None if policy.window is None else policy.window * factor)
    assert replace(scaled, waits=policy.waits, window=policy.window) == policy


def test_a_scaled_schedule_is_the_schedule_scaled() -> None:
    """At a thousandth of the time the ten attempts take 7.2 seconds and fall in the same places."""
    real, quick = _starts(STANDARD, 0), _starts(schedules.scaled(STANDARD, 0.001), 0)
    assert len(quick) == 10
    for slow, fast in zip(real, quick, strict=True):
        assert (fast - FIRST).total_seconds() == pytest.approx((slow - FIRST).total_seconds() / 1000, abs=0.0001)


def test_the_window_begins_with_the_first_attempt() -> None:
    """Before any attempt there is no window to miss; afterwards it is open to its very last moment."""
    end = FIRST + timedelta(seconds=7200)
    assert not schedules.is_closed(STANDARD, None, FIRST + timedelta(days=30))
    assert not schedules.is_closed(STANDARD, FIRST, end)
    assert schedules.is_closed(STANDARD, FIRST, end + timedelta(microseconds=1))
    assert not schedules.is_closed(replace(STANDARD, window=None), FIRST, FIRST + timedelta(days=30))


@given(POLICIES, st.floats(0, 200_000), st.floats(0.001, 900))
def test_a_postponed_attempt_has_a_last_try(policy: Policy, since_first: float, seconds: float) -> None:
    """An attempt that found no place comes again after the time it was told, or before its window closes if that is
    sooner; never earlier, and never so late that it could not be made though it might have been.
    """
    now = FIRST + timedelta(seconds=since_first)
    again = schedules.postponed(policy, FIRST, now, seconds)
    last = schedules.last_start(policy, FIRST)
    assert again <= now + timedelta(seconds=seconds)
    if not schedules.is_closed(policy, FIRST, now):
        assert now <= again
        assert not schedules.is_closed(policy, FIRST, again)
        assert again in (now + timedelta(seconds=seconds), last) or last == again + timedelta(seconds=2)


def test_the_last_try_is_in_time_for_being_late() -> None:
    """Sent away for a quarter of an hour with less than that left, an attempt comes two seconds before the end."""
    for since_first in (6400, 7100, 7197):
        now = FIRST + timedelta(seconds=since_first)
        assert schedules.postponed(STANDARD, FIRST, now, 900) == FIRST + timedelta(seconds=7198)


def test_without_a_window_an_attempt_is_postponed_as_told() -> None:
    """Before the first attempt, and in a policy without a window, nothing cuts the wait short."""
    again = FIRST + timedelta(seconds=900)
    assert schedules.postponed(STANDARD, None, FIRST, 900) == again
    assert schedules.postponed(replace(STANDARD, window=None), FIRST, FIRST, 900) == again
