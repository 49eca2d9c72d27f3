"""What is to be done with a delivery: decided here, as a value, and nowhere else. Pure.

`before` an attempt falls due and `after` one was made; the ledger writes down what these say.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from zonehook import messages, schedules
from zonehook.messages import Policy, Sent


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


OPEN = (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)
MISSED = (DeliveryStatus.FAILED, DeliveryStatus.CANCELLED, DeliveryStatus.SKIPPED)
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Outcome(StrEnum):
    """What became of an event in all. Failed: at least one endpoint did not get it. None: nobody listened."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NONE = "none"


def of_event(event: str, of_deliveries: Collection[str]) -> Outcome:
    """From the status of an event and those of its deliveries."""
    if event == messages.CANCELLED:
        return Outcome.CANCELLED
    if event != messages.PUBLISHED or any(each in OPEN for each in of_deliveries):
        return Outcome.PENDING
    if not of_deliveries:
        return Outcome.NONE
    is_whole = all(each == DeliveryStatus.DELIVERED for each in of_deliveries)
    return Outcome.DELIVERED if is_whole else Outcome.FAILED


class SendError(StrEnum):
    """Why an attempt got no answer. The same words in the API, the logs, the metrics and the Temporal UI."""

    TIMEOUT = "timeout"
    DNS_FAILURE = "dns_failure"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_FAILED = "connection_failed"
    CONNECTION_RESET = "connection_reset"
    TLS_CERTIFICATE_EXPIRED = "tls_certificate_expired"
    TLS_CERTIFICATE_UNTRUSTED = "tls_certificate_untrusted"
    TLS_CERTIFICATE_WRONG_HOST = "tls_certificate_wrong_host"
    TLS_CERTIFICATE_INVALID = "tls_certificate_invalid"
    TLS_NOT_SPOKEN = "tls_not_spoken"
    TLS_FAILURE = "tls_failure"
    MALFORMED_ANSWER = "malformed_answer"


@dataclass(frozen=True)
class Progress:
    """What the records know of a delivery when its next attempt falls due.

    `made` counts the attempts of this run alone (a replay begins a new one), `number` all there ever were.
    """

    status: DeliveryStatus
    reason: str | None
    made: int
    number: int
    first_attempt_at: datetime | None
    next_retry_at: datetime | None
    inactive_because: str | None


@dataclass(frozen=True)
class Attempt:
    """Make attempt `number` now."""

    number: int


@dataclass(frozen=True)
class Wait:
    """Nothing is due before `until`."""

    until: datetime


@dataclass(frozen=True)
class End:
    """The delivery is over, or ends now."""

    status: DeliveryStatus
    reason: str | None = None


def before(progress: Progress, policy: Policy, now: datetime) -> Attempt | Wait | End:
    """What to do with a delivery whose turn has come, going by the records alone."""
    if progress.status not in OPEN:
        return End(progress.status, progress.reason)
    if progress.next_retry_at is not None and now < progress.next_retry_at:
        return Wait(progress.next_retry_at)
    number = progress.number + 1
    if progress.inactive_because is not None:
        return End(
            DeliveryStatus.CANCELLED,
            f"the endpoint was {progress.inactive_because} when attempt {number} fell due",
        )
    if schedules.is_closed(policy, progress.first_attempt_at, now):
        return End(DeliveryStatus.FAILED, f"the window for retries had closed when attempt {number} could be made")
    return Attempt(number)


def after(sent: Sent, progress: Progress, policy: Policy, seed: str) -> Wait | End:
    """What follows from an attempt that was made when the delivery stood at `progress`."""
    if succeeded(sent, policy):
        return End(DeliveryStatus.DELIVERED)
    if progress.status not in OPEN:  # it was cancelled while the attempt was under way
        return End(progress.status, progress.reason)
    if disables(sent, policy):
        return End(DeliveryStatus.CANCELLED, "the receiver answered 410 (gone), so the endpoint was disabled")
    made = progress.made + 1
    if _is_final(sent, policy):
        return End(DeliveryStatus.FAILED, f"failed_permanent: another attempt would get {answer(sent)} again")
    first = progress.first_attempt_at or sent.started_at
    due = schedules.next_due(policy, made, first, sent.ended_at, seed, _asked(sent, policy))
    if due is not None:
        return Wait(due)
    return End(DeliveryStatus.FAILED, f"the last of {made} attempts got {answer(sent)}")


def succeeded(sent: Sent, policy: Policy) -> bool:
    """Whether the receiver confirmed."""
    return confirms(sent.status_code, policy)


def confirms(status_code: int | None, policy: Policy) -> bool:
    """Whether an answer with this status is a success; None is no answer."""
    lowest, highest = confirming(policy)
    return status_code is not None and lowest <= status_code <= highest


def confirming(policy: Policy) -> tuple[int, int]:
    """The lowest and the highest status that confirm."""
    return (200, 200) if policy.exactly_200 else (200, 299)


def disables(sent: Sent, policy: Policy) -> bool:
    """Whether this answer switches the endpoint off."""
    return policy.gone_disables and sent.status_code == HTTPStatus.GONE


def answer(sent: Sent) -> str:
    """The answer in two or three words, for a sentence: `status 503` or `no answer (timeout)`."""
    return f"no answer ({sent.error})" if sent.status_code is None else f"status {sent.status_code}"


def outcome(sent: Sent) -> str:
    """The attempt in one word, for logs and metrics: `status_503` or the error's name."""
    return called(sent.status_code, sent.error)


def called(status_code: int | None, error: str | None) -> str:
    """That word, of an attempt that was read from the records."""
    return error or f"status_{status_code}"


def _is_final(sent: Sent, policy: Policy) -> bool:
    status = sent.status_code
    return policy.gives_up_on_4xx and status is not None and 400 <= status < 500 and status not in _PASSING


def _asked(sent: Sent, policy: Policy) -> float:
    is_heeded = policy.heeds_retry_after and sent.status_code in _BUSY
    return sent.retry_after if is_heeded and sent.retry_after is not None else 0.0
