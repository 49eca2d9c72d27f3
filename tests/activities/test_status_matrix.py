"""What becomes of a delivery, by dialect and by what the receiver answers."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
import trustme

from tests.activities.attempting import LOOPBACK, Attempting, Outcome, attempting
from tests.net.answers import OK, dripping, flooding, resetting, saying, silent
from tests.net.listeners import certified, listening
from tests.receiver import Receiver, Reply
from zonehook.addresses import Address
from zonehook.net import resolving
from zonehook.net.sender import Sender
from zonehook.verdicts import SendError

DIALECTS = ("standard", "dnsimple", "dnsimple-legacy", "connect-domain", "novadns", "captaindns")
STATUSES = (
    200, 201, 202, 204, 206, 299, 301, 302, 307, 400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504,
)  # fmt: skip
ANY_2XX = (200, 201, 202, 204, 206, 299)
CONFIRMING = {
    "standard": ANY_2XX, "dnsimple": (200,), "dnsimple-legacy": (200,),
    "connect-domain": ANY_2XX, "novadns": ANY_2XX, "captaindns": ANY_2XX,
}  # fmt: skip
FINAL = {"captaindns": (400, 401, 403, 404, 410)}
GONE = {"standard": (410,)}
FIRST_WAIT = {
    "standard": 14, "dnsimple": 14, "dnsimple-legacy": 14, "connect-domain": 60, "novadns": 30, "captaindns": 10,
}  # fmt: skip
JITTER = {"standard": 1.4}
NO_ANSWER = {
    "nothing within the time limit": SendError.TIMEOUT,
    "a body that drips on past the time limit": SendError.TIMEOUT,
    "nobody listens": SendError.CONNECTION_REFUSED,
    "reset in the middle of the answer": SendError.CONNECTION_RESET,
    "closed without an answer": SendError.CONNECTION_RESET,
    "a name without addresses": SendError.DNS_FAILURE,
    "a certificate for another name": SendError.TLS_CERTIFICATE_WRONG_HOST,
    "a certificate for another address": SendError.TLS_CERTIFICATE_WRONG_HOST,
    "a certificate of an unknown authority": SendError.TLS_CERTIFICATE_UNTRUSTED,
    "a certificate that has expired": SendError.TLS_CERTIFICATE_EXPIRED,
    "plain HTTP on a TLS port": SendError.TLS_NOT_SPOKEN,
    "malformed HTTP": SendError.MALFORMED_ANSWER,
}
_SHORT_SECONDS = 0.2  # instead of 5 or 10, where a receiver uses up all of them


async def _resolve(host: str) -> list[Address]:
    return [] if host.endswith(".invalid") else await _addresses_of(host)


_addresses_of = resolving.addresses_of


@pytest_asyncio.fixture(scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory, trusting: dict[str, str]) -> AsyncIterator[Attempting]:
    """A worker that trusts the tests' authority, and for which names under .invalid have no address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolving, "addresses_of", _resolve)
        patch.setenv("SSL_CERT_FILE", trusting["SSL_CERT_FILE"])
        sender = Sender(LOOPBACK, resolve=_resolve)
        async with attempting(tmp_path_factory.mktemp("matrix"), sender) as worker:
            yield worker


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """A URL whose port is taken, so that nobody else gets it, by somebody who accepts no connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{taken.getsockname()[1]}/"


@pytest_asyncio.fixture(scope="module")
async def urls(authority: trustme.CA, refusing: str) -> AsyncIterator[dict[str, str]]:
    """Where each of NO_ANSWER happens."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    good = certified(authority, "localhost", "127.0.0.1")
    expired = certified(authority, "localhost", not_before=yesterday - timedelta(days=1), not_after=yesterday)
    elsewhere = certified(authority, "hooks.example.com", "127.0.0.2")
    unknown = certified(trustme.CA(), "localhost")
    fine = saying(OK + b"content-length: 0\r\n\r\n")
    drip = dripping(OK + b"content-length: 1000\r\n\r\n", b".", pause=0.02)
    served = {
        "nothing within the time limit": ("127.0.0.1", listening(silent, good)),
        "a body that drips on past the time limit": ("127.0.0.1", listening(drip, good)),
        "reset in the middle of the answer": ("127.0.0.1", listening(resetting, good)),
        "closed without an answer": ("127.0.0.1", listening(saying(), good)),
        "a certificate for another name": ("localhost", listening(fine, elsewhere)),
        "a certificate for another address": ("127.0.0.1", listening(fine, elsewhere)),
        "a certificate of an unknown authority": ("localhost", listening(fine, unknown)),
        "a certificate that has expired": ("localhost", listening(fine, expired)),
        "plain HTTP on a TLS port": ("127.0.0.1", listening(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), hears=False)),
        "malformed HTTP": ("127.0.0.1", listening(saying(b"SMTP/1.1 250 welcome\r\n\r\n"), good)),
    }
    async with contextlib.AsyncExitStack() as stack:
        found = {why: (await stack.enter_async_context(one)).url(host) for why, (host, one) in served.items()}
        yield found | {"nobody listens": refusing, "a name without addresses": "https://hooks.invalid/"}


@pytest.mark.rows(
    "CD-25", "CD-26", "CD-28", "DN2-20", "DN2-21", "DN2-22", "DN3-06", "NOV-03", "NOV-05", "ALL-04"
)  # fmt: skip
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_status(worker: Attempting, receiver: Receiver, dialect: str, status: int) -> None:
    """Each dialect confirms, retries after its first wait, gives up or disables as its vendor says, and follows no
    redirect.
    """
    mailbox, elsewhere = receiver.mailbox(), receiver.mailbox()
    mailbox.otherwise = Reply(status, headers=(("location", elsewhere.url),))
    order = await worker.order(dialect, mailbox.url)

    outcome = await worker.attempt(order)

    assert outcome.verdict() == _expected(dialect, status)
    [attempt] = outcome.attempts
    assert (attempt.number, attempt.status_code, attempt.error) == (1, status, None)
    assert outcome.delivery.last_status_code == status
    _goes_on(dialect, outcome)
    again = await worker.attempt(order)
    assert (again.verdict(), again.attempts) == (outcome.verdict(), outcome.attempts)
    assert (len(mailbox.received), elsewhere.received) == (1, [])


@pytest.mark.rows("CD-26", "CD-28", "DN2-05", "DN2-23", "DN3-06", "NOV-04", "NOV-41")
@pytest.mark.parametrize("why", NO_ANSWER)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_answer(worker: Attempting, urls: dict[str, str], dialect: str, why: str) -> None:
    """Whatever keeps an answer from coming is a failure with a name of its own, and every dialect tries again after its
    first wait.
    """
    order = await worker.order(dialect, urls[why])
    if NO_ANSWER[why] == SendError.TIMEOUT:
        order = replace(order, policy=replace(order.policy, timeout=_SHORT_SECONDS))

    outcome = await worker.attempt(order)

    assert outcome.verdict() == "retrying"
    [attempt] = outcome.attempts
    assert (attempt.number, attempt.status_code, attempt.error) == (1, None, NO_ANSWER[why])
    assert (outcome.delivery.last_status_code, attempt.response_excerpt) == (None, None)
    _goes_on(dialect, outcome)


@pytest.mark.rows("ALL-08")
@pytest.mark.parametrize("status", [200, 201, 404, 500])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_endless_body(worker: Attempting, receiver: Receiver, dialect: str, status: int) -> None:
    """Of a body without end so much is read as anybody looks at, and the status counts as it does with any other."""
    mailbox = receiver.mailbox()
    mailbox.otherwise = Reply(raw=flooding(f"HTTP/1.1 {status} Whatever\r\n\r\n".encode(), b"on and "))
    order = await worker.order(dialect, mailbox.url)

    outcome = await worker.attempt(order)

    assert outcome.verdict() == _expected(dialect, status)
    [attempt] = outcome.attempts
    assert (attempt.status_code, attempt.error) == (status, None)
    assert attempt.response_excerpt == ("on and " * 1000)[:4096]
    _goes_on(dialect, outcome)


def _expected(dialect: str, status: int) -> str:
    if status in CONFIRMING[dialect]:
        return "delivered"
    if status in GONE.get(dialect, ()):
        return "cancelled"
    return "failed" if status in FINAL.get(dialect, ()) else "retrying"


def _goes_on(dialect: str, outcome: Outcome) -> None:
    """When the next attempt is due, if there is one, and what the endpoint's health has to say."""
    delivery, endpoint, [attempt] = outcome.delivery, outcome.endpoint, outcome.attempts
    ended = attempt.started_at + timedelta(milliseconds=attempt.duration_ms)
    if isinstance(outcome.told, timedelta):
        assert delivery.next_retry_at is not None
        wait = (delivery.next_retry_at - ended).total_seconds()
        assert FIRST_WAIT[dialect] <= wait <= FIRST_WAIT[dialect] + JITTER.get(dialect, 0)
        assert 0 < outcome.told.total_seconds() <= wait
        assert delivery.completed_at is None
    else:
        assert delivery.next_retry_at is None
        assert delivery.completed_at == ended
    reasons = {
        "delivered": "None",
        "retrying": "None",
        "cancelled": "the receiver answered 410 (gone), so the endpoint was disabled",
        "failed": f"failed_permanent: another attempt would get status {attempt.status_code} again",
    }
    assert str(delivery.reason) == reasons[delivery.status]
    assert (endpoint.disabled_at is not None) is (delivery.status == "cancelled")
    assert endpoint.consecutive_failures == (0 if delivery.status == "delivered" else 1)
