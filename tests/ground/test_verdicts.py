"""What is done with a delivery: before an attempt falls due, and after one was made."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from zonehook import dialects, schedules, verdicts
from zonehook.messages import Sent
from zonehook.verdicts import Attempt, DeliveryStatus, End, Progress, SendError, Wait

STANDARD = dialects.named("standard").policy
NOW = datetime(2026, 7, 2, 12, 0, 0, tzinfo=UTC)
OVER = [DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED, DeliveryStatus.SKIPPED]
NEW = Progress(DeliveryStatus.PENDING, None, 0, 0, None, None, None)
RETRYING = replace(NEW, status=DeliveryStatus.RETRYING, made=3, number=3, first_attempt_at=NOW - timedelta(minutes=2))


def _sent(status_code: int | None = 503, error: SendError | None = None, number: int = 1) -> Sent:
    return Sent("att_1", number, NOW, 250, status_code, error, None)


def test_a_new_delivery_is_attempted_at_once() -> None:
    """The first attempt of a delivery is made without waiting."""
    assert verdicts.before(NEW, STANDARD, NOW) == Attempt(1)


def test_nothing_is_sent_before_its_time() -> None:
    """An attempt that is not due yet is waited for, to the moment it is."""
    due = NOW + timedelta(seconds=1)
    waiting = replace(RETRYING, next_retry_at=due)
    assert verdicts.before(waiting, STANDARD, NOW) == Wait(due)
    assert verdicts.before(waiting, STANDARD, due) == Attempt(4)
    assert verdicts.before(waiting, STANDARD, due + timedelta(seconds=30)) == Attempt(4)


@pytest.mark.parametrize("status", OVER)
def test_a_delivery_that_is_over_stays_as_it_ended(status: DeliveryStatus) -> None:
    """Nothing is sent for a delivery that ended, and its end and reason are kept."""
    ended = replace(RETRYING, status=status, reason="because", inactive_because="disabled")
    assert verdicts.before(ended, STANDARD, NOW) == End(status, "because")


@pytest.mark.parametrize("why", ["disabled", "suppressed", "deleted"])
def test_an_inactive_endpoint_ends_the_delivery_when_it_falls_due(why: str) -> None:
    """An attempt that falls due while the endpoint is inactive is never made, and the reason says why."""
    end = verdicts.before(replace(RETRYING, inactive_because=why), STANDARD, NOW)
    assert end == End(DeliveryStatus.CANCELLED, f"the endpoint was {why} when attempt 4 fell due")


def test_an_endpoint_inactive_before_the_time_ends_nothing_yet() -> None:
    """Until the attempt falls due the endpoint may become active again, and the schedule stands."""
    due = NOW + timedelta(minutes=1)
    waiting = replace(RETRYING, next_retry_at=due, inactive_because="disabled")
    assert verdicts.before(waiting, STANDARD, NOW) == Wait(due)
    assert verdicts.before(replace(waiting, inactive_because=None), STANDARD, due) == Attempt(4)


def test_no_attempt_is_made_after_the_window() -> None:
    """A worker that was away until the window had closed fails the delivery instead of sending late."""
    late = replace(RETRYING, first_attempt_at=NOW - timedelta(seconds=7201))
    end = verdicts.before(late, STANDARD, NOW)
    assert isinstance(end, End)
    assert end.status is DeliveryStatus.FAILED
    assert "window" in (end.reason or "")
    assert "attempt 4" in (end.reason or "")


def test_a_replay_counts_its_attempts_anew_and_numbers_them_on() -> None:
    """After ten attempts a replay starts with attempt 11 and has ten of its own."""
    replayed = replace(NEW, made=0, number=10)
    assert verdicts.before(replayed, STANDARD, NOW) == Attempt(11)
    assert isinstance(verdicts.after(_sent(number=11), replayed, STANDARD, "dlv_1"), Wait)


def test_a_failure_is_followed_by_the_next_wait() -> None:
    """After a failed attempt the delivery waits as the schedule says, from the end of the attempt on."""
    sent = _sent()
    due = schedules.next_due(STANDARD, 1, sent.started_at, sent.ended_at, "dlv_1")
    assert due is not None
    assert verdicts.after(sent, NEW, STANDARD, "dlv_1") == Wait(due)
    assert due >= NOW + timedelta(seconds=14.25)


def test_the_last_failure_ends_the_delivery() -> None:
    """The tenth failure fails the delivery, and the reason tells the last answer."""
    progress = replace(RETRYING, made=9, number=9)
    ends = [verdicts.after(sent, progress, STANDARD, "dlv_1") for sent in (_sent(500), _sent(None, SendError.TIMEOUT))]
    assert ends == [
        End(DeliveryStatus.FAILED, "the last of 10 attempts got status 500"),
        End(DeliveryStatus.FAILED, "the last of 10 attempts got no answer (timeout)"),
    ]


def test_a_failure_at_the_end_of_the_window_ends_the_delivery() -> None:
    """When no attempt fits into the window any more, the delivery fails though some were left."""
    late = replace(RETRYING, first_attempt_at=NOW - timedelta(seconds=7199))
    end = verdicts.after(_sent(number=4), late, STANDARD, "dlv_1")
    assert end == End(DeliveryStatus.FAILED, "the last of 4 attempts got status 503")


def test_a_failure_of_a_cancelled_delivery_leaves_it_cancelled() -> None:
    """A delivery cancelled while its attempt was under way does not come back to life by failing."""
    cancelled = replace(RETRYING, status=DeliveryStatus.CANCELLED, reason="the endpoint was deleted")
    assert verdicts.after(_sent(), cancelled, STANDARD, "dlv_1") == End(
        DeliveryStatus.CANCELLED, "the endpoint was deleted"
    )


@pytest.mark.parametrize("status", [DeliveryStatus.CANCELLED, DeliveryStatus.FAILED, DeliveryStatus.PENDING])
def test_what_arrived_is_delivered_whatever_was_planned(status: DeliveryStatus) -> None:
    """A confirmation counts even if the delivery was ended while the attempt was under way."""
    assert verdicts.after(_sent(200), replace(RETRYING, status=status), STANDARD, "dlv_1") == End(
        DeliveryStatus.DELIVERED
    )


@pytest.mark.parametrize("status_code", [200, 201, 202, 204, 206, 226, 299])
def test_any_2xx_confirms(status_code: int) -> None:
    """Every status from 200 to 299 is a success in the standard dialect."""
    assert verdicts.after(_sent(status_code), NEW, STANDARD, "dlv_1") == End(DeliveryStatus.DELIVERED)


@pytest.mark.parametrize("status_code", [100, 101, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 429, 500, 503])
def test_no_other_status_confirms(status_code: int) -> None:
    """Redirects and errors of either side are failures and, but for 410, are tried again."""
    assert isinstance(verdicts.after(_sent(status_code), NEW, STANDARD, "dlv_1"), Wait)


def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    """A 410 is a failure that ends the delivery, since it switches the endpoint off."""
    assert verdicts.after(_sent(410), NEW, STANDARD, "dlv_1") == End(
        DeliveryStatus.CANCELLED, "the receiver answered 410 (gone), so the endpoint was disabled"
    )


@pytest.mark.parametrize("error", SendError)
def test_no_answer_is_a_failure(error: SendError) -> None:
    """Whatever kept the answer away, the delivery is tried again."""
    assert isinstance(verdicts.after(_sent(None, error), NEW, STANDARD, "dlv_1"), Wait)


@pytest.mark.parametrize("status_code", [200, 201, 202, 204, 206, 301, 500, None])
def test_a_policy_may_insist_on_200(status_code: int | None) -> None:
    """Where exactly 200 is asked for, the other 2xx are failures like any other."""
    strict = replace(STANDARD, exactly_200=True)
    assert verdicts.succeeded(_sent(status_code), strict) is (status_code == 200)


def test_an_answer_is_told_in_a_few_words() -> None:
    """People read the status where there was one, and otherwise why there was none."""
    assert verdicts.answer(_sent(404)) == "status 404"
    assert verdicts.answer(_sent(None, SendError.DNS_FAILURE)) == "no answer (dns_failure)"
