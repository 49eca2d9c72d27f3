"""One POST to an endpoint: within its time, to an allowed address, and whatever comes back is a value."""

import asyncio
import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

import certifi
import httpcore

from zonehook import addresses, clock, schedules
from zonehook.errors import Invalid, Unavailable
from zonehook.net import framing, resolving
from zonehook.net.connections import Connections
from zonehook.net.guarded import NotAllowed, NotResolved, Resolve
from zonehook.net.metered import AnswerTooLong, MeteredStream
from zonehook.net.resolving import NotAsked
from zonehook.net.turns import Turns
from zonehook.verdicts import SendError

EXCERPT_LIMIT = 4 * 1024
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.ENETDOWN}
_NOT_SENT = (NotAsked, httpcore.ConnectionNotAvailable)  # by us
_MISTAKES = (TypeError, AttributeError, NameError, AssertionError)
# OpenSSL's X509_V_ERR_…: certificate has expired; issuer unknown, self-signed, incomplete; name or address mismatch
_CERTIFICATE_KINDS = {
    10: SendError.TLS_CERTIFICATE_EXPIRED,
    **dict.fromkeys((18, 19, 20, 21), SendError.TLS_CERTIFICATE_UNTRUSTED),
    **dict.fromkeys((62, 64), SendError.TLS_CERTIFICATE_WRONG_HOST),
}
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"}  # what OpenSSL says of other protocols


@dataclass(frozen=True)
class Answer:
    """A status with the start of the body, or why there is none. Never both. `retry_after` is in seconds.

    `duration_ms` is counted from `started_at`, when this exchange had its turn.
    """

    started_at: datetime
    duration_ms: int
    status_code: int | None = None
    excerpt: str | None = None
    error: SendError | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class _Received:
    status: int
    body: bytes
    retry_after: float | None


class Sender:
    """Keeps connections to receivers open between deliveries. One per process; close it before the loop ends.

    They leave from `sources`, over IPv4 or IPv6 alone where these are of one kind; from any address of this machine
    where there are none. Raises Invalid for a source that is no address of this machine.
    """

    def __init__(
        self,
        allowed: Sequence[addresses.Network],
        resolve: Resolve = resolving.addresses_of,
        sources: Sequence[addresses.Address] = (),
    ) -> None:
        for source in sources:
            _try_source(source)
        self._turns = Turns()
        self._connections = Connections(_tls(), allowed, resolve, sources)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """Sends; `seconds` are for everything from the look-up of the name to the end of the answer.

        Redirects are not followed, at most 64 KiB of the answer are read, and the first 4 KiB kept. Raises Unavailable
        when it is this machine that cannot connect to anybody just now, and TooManyAtOnce when as many attempts as may
        be wait for this receiver.
        """
        answer = await self._answer(url, headers, body, seconds)
        await self._connections.sweep()
        return answer

    async def close(self) -> None:
        await self._connections.close()

    async def _answer(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        parts = urlsplit(url)
        async with self._turns.turn(url, parts.hostname or ""):
            started_at, began = clock.now(), time.monotonic()
            try:
                async with asyncio.timeout(seconds):
                    received = await self._exchange(parts, url, headers, body)
            except _MISTAKES:
                raise  # ours: no receiver's failure
            except Exception as problem:  # noqa: BLE001 (nothing a receiver does may break the worker)
                error = _kind(problem)
                if error is None:
                    raise Unavailable("sending_unavailable", "this machine cannot open another connection") from None
                return Answer(started_at, _milliseconds_since(began), error=error)
        return Answer(
            started_at,
            _milliseconds_since(began),
            status_code=received.status,
            excerpt=_excerpt(received.body),
            retry_after=received.retry_after,
        )

    async def _exchange(self, parts: SplitResult, url: str, headers: Mapping[str, str], body: bytes) -> _Received:
        target, host = _target(parts, url)
        received = bytearray()
        name = {"sni_hostname": (parts.hostname or "").removesuffix(".")}  # certificates know no dot at the end
        sent = [("Host", host), *headers.items()]
        async with (
            self._connections.one(target) as connection,
            connection.stream("POST", target, headers=sent, content=body, extensions=name) as answer,
        ):
            with contextlib.suppress(AnswerTooLong):  # the status is there, and enough of the body
                async for chunk in answer.aiter_stream():
                    received += chunk
            stream = answer.extensions["network_stream"]
            if not isinstance(stream, MeteredStream) or not framing.ends_here(stream.received):
                await stream.aclose()  # that is seen when the connection is to be used again: it has expired
            return _Received(answer.status, bytes(received), _retry_after(answer.headers))


def _target(parts: SplitResult, url: str) -> tuple[httpcore.URL, str]:
    """Where to, every byte of path and query as it was registered, and the Host header for it."""
    host = parts.hostname or ""
    written = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    rest = url[len(parts.scheme) + len("://") + len(parts.netloc) :]
    target = rest if rest.startswith("/") else f"/{rest}"
    where = httpcore.URL(scheme=parts.scheme, host=host, port=parts.port or usual, target=target)
    return where, written if parts.port in (None, usual) else f"{written}:{parts.port}"


def _try_source(source: addresses.Address) -> None:
    family = socket.AF_INET if source.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family) as probe:
            probe.bind((str(source), 0))
    except OSError as problem:
        raise Invalid.field(
            "ZONEHOOK_SOURCE_ADDRESS",
            f"ZONEHOOK_SOURCE_ADDRESS: nothing can be sent from {source} on this machine ({problem.strerror})",
        ) from None


def _tls() -> ssl.SSLContext:
    """The system's trusted authorities (SSL_CERT_FILE if set), and Mozilla's where the system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    written = next((value for name, value in headers if name.lower() == b"retry-after"), None)
    return None if written is None else schedules.retry_after(written.decode("latin-1"), clock.now())


def _excerpt(received: bytes) -> str:
    # PostgreSQL stores no NUL in a text
    return received[:EXCERPT_LIMIT].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _kind(problem: BaseException) -> SendError | None:
    """What an attempt's failure is called; None when it is ours and the endpoint was not even asked."""
    if isinstance(problem, TimeoutError):  # what it was waiting for stands in its chain, and is not the reason
        return SendError.TIMEOUT
    causes = list(_chain(problem))
    if any(getattr(cause, "errno", None) in _OURS or isinstance(cause, _NOT_SENT) for cause in causes):
        return None
    if isinstance(problem, httpcore.RemoteProtocolError) and "without sending a response" in str(problem):
        return SendError.CONNECTION_RESET
    for kind, types in _KINDS:
        for cause in causes:
            if isinstance(cause, types) and not isinstance(cause, _WAITING):
                return _tls_kind(cause) if isinstance(cause, ssl.SSLError) else kind
    return SendError.CONNECTION_FAILED


_KINDS: tuple[tuple[SendError, tuple[type[BaseException], ...]], ...] = (
    (SendError.DNS_FAILURE, (NotResolved,)),
    (SendError.ADDRESS_NOT_ALLOWED, (NotAllowed,)),
    (SendError.TLS_FAILURE, (ssl.SSLError,)),
    (SendError.TIMEOUT, (TimeoutError, httpcore.TimeoutException)),
    (SendError.CONNECTION_REFUSED, (ConnectionRefusedError,)),
    (SendError.CONNECTION_RESET, (ConnectionError, httpcore.ReadError, httpcore.WriteError)),
    (SendError.MALFORMED_ANSWER, (httpcore.ProtocolError, AnswerTooLong)),
)


_WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError)  # no failures: how a TLS connection says that nothing came yet


def _tls_kind(problem: ssl.SSLError) -> SendError:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return _CERTIFICATE_KINDS.get(problem.verify_code, SendError.TLS_CERTIFICATE_INVALID)
    return SendError.TLS_NOT_SPOKEN if problem.reason in _NOT_TLS else SendError.TLS_FAILURE


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """The exception and everything that led to it, groups included."""
    yield problem
    if isinstance(problem, BaseExceptionGroup):
        for each in problem.exceptions:
            yield from _chain(each)
    cause = problem.__cause__ or problem.__context__
    if cause is not None:
        with contextlib.suppress(RecursionError):
            yield from _chain(cause)
