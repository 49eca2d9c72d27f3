"""What holds whatever comes: schedules, verdicts and signatures of every dialect, for inputs nobody thought of."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from zonehook import dialects, schedules, signatures, verdicts
from zonehook.messages import Policy, Sent
from zonehook.verdicts import Attempt, DeliveryStatus, End, Progress, SendError, Wait

NOW = datetime(2026, 7, 2, 12, 0, 0, 123_456, tzinfo=UTC)
DELIVERY = "dlv_01jz5t5vr0e4fgh2j3k4m5n6p7"
WEEK = 7 * 86400.0
EACH = pytest.mark.parametrize("dialect", dialects.NAMES)
# A busy machine is no counterexample
moderately = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


WAITS = st.lists(st.floats(0.1, 100_000), min_size=1, max_size=12).map(tuple)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any dialect's, or one that nobody has thought of yet."""
    if draw(st.booleans()):
        return dialects.named(draw(st.sampled_from(dialects.NAMES))).policy
    window = draw(st.none() | st.floats(1, 500_000))
    return Policy(draw(WAITS), window, 10.0, draw(st.floats(0, 0.5)), draw(st.booleans()), None)


@st.composite
def roomy_policies(draw: st.DrawFn) -> Policy:
    """A policy whose window, if it has one, has room for all of its waits and a second for each attempt."""
    waits = draw(WAITS)
    window = draw(st.none() | st.floats(1.01, 3).map(lambda room: room * (sum(waits) + len(waits))))
    return Policy(waits, window, 10.0, draw(st.floats(0, 0.5)), draw(st.booleans()), None)


def _last_moment(policy: Policy) -> datetime | None:
    """When the window, counted from NOW, lets the last attempt begin."""
    return None if policy.window is None else NOW + _seconds(policy.window * (1 - 1 / 240))


@given(policies(), st.integers(1, 15), st.floats(0, 200_000), st.floats(0, WEEK), st.text(max_size=10))
def test_the_next_attempt_is_neither_early_nor_late(
    policy: Policy, made: int, elapsed: float, asked: float, seed: str
) -> None:
    """After any failure: not before the wait and what Retry-After asks, unless the window ends it; never past it."""
    ended, last_moment = NOW + _seconds(elapsed), _last_moment(policy)

    due = schedules.next_due(policy, made, NOW, ended, seed, asked)

    if made >= policy.attempts or (last_moment is not None and ended >= last_moment):
        assert due is None
        return
    assert due is not None
    assert due >= ended
    if due != last_moment:
        assert due >= ended + max(_seconds(policy.waits[made - 1]), _seconds(asked))
    if last_moment is not None:
        assert due <= last_moment < NOW + _seconds(policy.window or 0)


@given(policies(), st.integers(1, 12), st.floats(0, 5_000), st.floats(0, 5_000), st.text(max_size=10))
def test_what_ends_later_is_tried_later(policy: Policy, made: int, elapsed: float, longer: float, seed: str) -> None:
    """The slower an attempt failed, the later the next one, never the sooner."""
    soon, late = NOW + _seconds(elapsed), NOW + _seconds(elapsed + longer)
    sooner = schedules.next_due(policy, made, NOW, soon, seed)
    later = schedules.next_due(policy, made, NOW, late, seed)
    assert later is None or (sooner is not None and sooner <= later)


@moderately
@given(roomy_policies(), st.text(max_size=10), st.data())
def test_quick_attempts_are_all_made(policy: Policy, seed: str, data: st.DataObject) -> None:
    """A run whose attempts fail within a second makes every attempt that the policy allows, and none more."""
    starts = _run(policy, seed, st.floats(0, 1), st.just(0.0), data)
    assert len(starts) == policy.attempts


@EACH
@moderately
@given(st.text(max_size=10), st.data())
def test_slow_attempts_cost_no_dialect_its_attempts(dialect: str, seed: str, data: st.DataObject) -> None:
    """However long each attempt takes within the dialect's time limit, all of them are made, the last in the window."""
    policy = dialects.named(dialect).policy
    starts = _run(policy, seed, st.floats(0, policy.timeout), st.just(0.0), data)
    assert len(starts) == policy.attempts
    assert policy.window is None or starts[-1] - NOW <= _seconds(policy.window)


@moderately
@given(policies(), st.text(max_size=10), st.data())
def test_any_run_moves_on_and_ends(policy: Policy, seed: str, data: st.DataObject) -> None:
    """Whatever attempts take and receivers ask, attempts are in order, not too many, and none begins too late."""
    starts = _run(policy, seed, st.floats(0, 30), st.floats(0, WEEK), data)
    assert len(starts) <= policy.attempts
    assert all(earlier <= later for earlier, later in pairwise(starts))
    assert not any(schedules.is_closed(policy, NOW, start) for start in starts)


def _run(
    policy: Policy, seed: str, taking: st.SearchStrategy[float], asking: st.SearchStrategy[float], data: st.DataObject
) -> list[datetime]:
    """When each attempt of a delivery begins that is never confirmed."""
    starts = [NOW]
    while True:
        ended = starts[-1] + _seconds(data.draw(taking))
        due = schedules.next_due(policy, len(starts), NOW, ended, seed, data.draw(asking))
        if due is None:
            return starts
        starts.append(due)


# Dates as people write them, and as nobody should
_DATE_WORDS = st.sampled_from(
    ["Thu,", "02", "Jul", "2026", "12:00:14", "GMT", "+9999", "-0000", "99", "1e9", "25:61:61", "Jul-02-26", "0", ","]
)
NEARLY_DATES = st.lists(_DATE_WORDS | st.text(max_size=4), max_size=8).map(" ".join)


@given(st.text(max_size=60) | NEARLY_DATES | st.from_regex(r"[0-9+\-. ]{1,400}"))
def test_any_text_may_stand_in_retry_after(text: str) -> None:
    """Whatever a receiver writes there is nothing, or a time from now to a week; it breaks nothing."""
    seconds = schedules.retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= WEEK


@given(st.integers(0, 10**15 - 1))
def test_retry_after_in_seconds(asked: int) -> None:
    """A number is that many seconds, up to a week."""
    assert schedules.retry_after(str(asked), NOW) == min(asked, WEEK)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2199, 12, 31)))  # noqa: DTZ001 (Hypothesis wants them naive)
def test_retry_after_as_a_date(naive: datetime) -> None:
    """A date is the time until then, up to a week; one that has passed asks for nothing."""
    at = naive.replace(tzinfo=UTC, microsecond=0)
    expected = min(max((at - NOW).total_seconds(), 0.0), WEEK)
    assert schedules.retry_after(format_datetime(at, usegmt=True), NOW) == expected


ANSWERS: list[tuple[int | None, SendError | None]] = [
    *((status, None) for status in range(100, 600)),
    *((None, error) for error in SendError),
]


def _confirms(dialect: str, status: int | None) -> bool:
    if status is None:
        return False
    return status == 200 if dialect.startswith("dnsimple") else status // 100 == 2


def _is_final(dialect: str, status: int | None) -> bool:
    if dialect == "captaindns":
        return status is not None and status // 100 == 4 and status not in (408, 429)
    return dialect == "standard" and status == 410


def _progress(status: DeliveryStatus, made: int, **more: Any) -> Progress:
    known = {"reason": None, "number": made, "first_attempt_at": NOW if made else None, "next_retry_at": None}
    return Progress(status=status, made=made, **{**known, "inactive_because": None, **more})


@EACH
@pytest.mark.rows("DN2-20", "DN2-21", "DN2-22", "DN2-23", "CD-25", "CD-26", "NOV-05", "ALL-04")
def test_every_answer_has_its_verdict(dialect: str) -> None:
    """Every status from 100 to 599 and every error, at every attempt, is a confirmation, an end or a wait."""
    policy = dialects.named(dialect).policy
    for made in range(policy.attempts):
        progress = _progress(DeliveryStatus.RETRYING, made)
        for status, error in ANSWERS:
            sent = Sent("att_1", made + 1, NOW, 250, status, error, None)
            verdict = verdicts.after(sent, progress, policy, DELIVERY)
            if _confirms(dialect, status):
                assert verdict == End(DeliveryStatus.DELIVERED)
            elif _is_final(dialect, status) or made + 1 == policy.attempts:
                assert isinstance(verdict, End)
                assert verdict.status in (DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)
                assert verdict.reason
            else:
                assert isinstance(verdict, Wait)
                assert verdict.until >= sent.ended_at + _seconds(policy.waits[made])


@given(
    policies(),
    st.sampled_from(DeliveryStatus),
    st.integers(0, 12),
    st.none() | st.sampled_from(["disabled", "suppressed", "deleted"]),
    st.none() | st.floats(-10_000, 10_000),
    st.none() | st.floats(-10_000, 0),
)
def test_before_an_attempt_there_is_always_something_to_do(
    policy: Policy, status: DeliveryStatus, made: int, inactive: str | None, due_in: float | None, first: float | None
) -> None:
    """However the records stand: nothing is sent before it is due, to an inactive endpoint, or for what is over."""
    due = None if due_in is None else NOW + _seconds(due_in)
    began = None if first is None else NOW + _seconds(first)
    progress = _progress(status, made, inactive_because=inactive, next_retry_at=due, first_attempt_at=began)

    step = verdicts.before(progress, policy, NOW)

    match step:
        case Attempt(number):
            assert status in (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)
            assert number == made + 1
            assert inactive is None
            assert due is None or due <= NOW
            assert not schedules.is_closed(policy, began, NOW)
        case Wait(until):
            assert until == due
            assert until > NOW
        case End(end, reason):
            assert end not in (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)
            assert reason or end is status


ENTROPY = st.binary(min_size=24, max_size=64)
BODIES = st.binary(max_size=200) | st.text(max_size=100).map(str.encode)
TEXT_SECRETS = st.from_regex(r"[\x21-\x7e][\x20-\x7e]{14,100}[\x21-\x7e]", fullmatch=True)


def _is_taken(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a receiver with the stock library takes the delivery."""
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, UnicodeDecodeError):  # the library reads the body as text first
        return False
    return True


@pytest.mark.rows("CAP-02")
@given(
    st.lists(ENTROPY, min_size=1, max_size=3, unique=True), ENTROPY, st.text(max_size=300).map(str.encode), st.data()
)
def test_the_stock_library_takes_what_is_genuine(
    entropies: list[bytes], stranger: bytes, body: bytes, data: st.DataObject
) -> None:
    """Each of a rotation's secrets verifies; another secret, or one changed byte, and the delivery is refused."""
    own = [signatures.secret(entropy) for entropy in entropies]
    headers = signatures.headers(tuple(own), DELIVERY, datetime.now(UTC), body)
    assert all(_is_taken(secret, headers, body) for secret in own)
    if stranger not in entropies:
        assert not _is_taken(signatures.secret(stranger), headers, body)
    place, change = data.draw(st.integers(0, len(body))), data.draw(st.integers(1, 255))
    changed = bytearray(body + b"\0")  # at the very end: one byte more
    changed[place] ^= change
    assert not _is_taken(own[0], headers, bytes(changed if place == len(body) else changed[:-1]))


@EACH
@moderately
@pytest.mark.rows("CAP-02", "CD-21", "NOV-35")
@given(TEXT_SECRETS | ENTROPY.map(signatures.secret), BODIES, st.datetimes(datetime(2000, 1, 1)))  # noqa: DTZ001
def test_the_vendors_signatures_are_plain_hmacs(dialect: str, secret: str, body: bytes, naive: datetime) -> None:
    """Each vendor's header is what any language's own HMAC makes of the secret's text and the bytes sent."""
    at = naive.replace(tzinfo=UTC)
    headers = dialects.headers(dialect, (secret,), DELIVERY, at, body)
    seconds = str(int(at.timestamp()))
    timed = f"sha256={_hex(secret, seconds.encode() + b'.' + body)}"
    own = {name: value for name, value in headers.items() if name.startswith("X-")}
    expected = {
        "connect-domain": {"X-CD-Timestamp": seconds, "X-CD-Signature": timed},
        "captaindns": {"X-CaptainDNS-Timestamp": seconds, "X-CaptainDNS-Signature": timed},
        "novadns": {"X-NovaDNS-Signature": _hex(secret, body)},
    }
    assert own == expected.get(dialect, {})


def _hex(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
