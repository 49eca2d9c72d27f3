"""One POST to an endpoint: within its time, to an allowed address, and whatever comes back is a value."""

import asyncio
import contextlib
import errno
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import certifi
import httpcore

from zonehook import addresses
from zonehook.errors import Unavailable
from zonehook.net.guarded import GuardedBackend, NotAllowed, NotResolved
from zonehook.net.resolving import NotAsked
from zonehook.verdicts import SendError

READ_LIMIT = 64 * 1024
EXCERPT_LIMIT = 4 * 1024
_IDLE_SECONDS = 20.0
_IDLE_CONNECTIONS = 200
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_CERT_EXPIRED = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED


@dataclass(frozen=True)
class Answer:
    """A status with the start of the body, or why there is none. Never both."""

    duration_ms: int
    status_code: int | None = None
    excerpt: str | None = None
    error: SendError | None = None


class Sender:
    """Keeps connections to receivers open between deliveries. One per process; close it before the loop ends."""

    def __init__(self, allowed: Sequence[addresses.Network]) -> None:
        tls = _tls()
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=None,  # the worker's slots are the limit
                max_keepalive_connections=_IDLE_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=GuardedBackend(allowed, scheme),
            )
            for scheme in ("https", "http")
        }

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """Sends; `seconds` are for everything from the look-up of the name to the end of the answer.

        Redirects are not followed, at most 64 KiB of the answer are read, and the first 4 KiB kept. Raises
        Unavailable when it is this machine that cannot connect to anybody just now.
        """
        began = time.monotonic()
        status, received, error = None, b"", None
        try:
            async with asyncio.timeout(seconds):
                status, received = await self._exchange(url, headers, body)
        except Exception as problem:  # noqa: BLE001 (nothing a receiver does may break the worker)
            error = _kind(problem)
            if error is None:
                raise Unavailable("sending_unavailable", "this machine cannot open another connection") from None
        duration_ms = round((time.monotonic() - began) * 1000)
        if error is not None:
            return Answer(duration_ms, error=error)
        return Answer(duration_ms, status_code=status, excerpt=_excerpt(received))

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    async def _exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        target = httpcore.URL(url)
        pool = self._pools[target.scheme.decode()]
        received = bytearray()
        async with pool.stream("POST", target, headers=list(headers.items()), content=body) as answer:
            async for chunk in answer.aiter_stream():
                received += chunk
                if len(received) >= READ_LIMIT:
                    break
            return answer.status, bytes(received[:READ_LIMIT])


def _tls() -> ssl.SSLContext:
    """The system's trusted authorities (SSL_CERT_FILE if set), and Mozilla's where the system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _excerpt(received: bytes) -> str:
    # PostgreSQL stores no NUL in a text
    return received[:EXCERPT_LIMIT].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _kind(problem: BaseException) -> SendError | None:
    """What an attempt's failure is called; None when it is ours and the endpoint was not even asked."""
    causes = list(_chain(problem))
    if any(getattr(cause, "errno", None) in _OURS or isinstance(cause, NotAsked) for cause in causes):
        return None
    for kind, types in _KINDS:
        for cause in causes:
            if isinstance(cause, types):
                return _tls_kind(cause) if isinstance(cause, ssl.SSLError) else kind
    return SendError.CONNECTION_FAILED


_KINDS: tuple[tuple[SendError, tuple[type[BaseException], ...]], ...] = (
    (SendError.DNS_FAILURE, (NotResolved,)),
    (SendError.ADDRESS_NOT_ALLOWED, (NotAllowed,)),
    (SendError.TLS_FAILURE, (ssl.SSLError,)),
    (SendError.TIMEOUT, (TimeoutError, httpcore.TimeoutException)),
    (SendError.CONNECTION_REFUSED, (ConnectionRefusedError,)),
    (SendError.CONNECTION_RESET, (ConnectionError, httpcore.ReadError, httpcore.WriteError)),
    (SendError.MALFORMED_ANSWER, (httpcore.ProtocolError,)),
)


def _tls_kind(problem: ssl.SSLError) -> SendError:
    if not isinstance(problem, ssl.SSLCertVerificationError):
        return SendError.TLS_FAILURE
    if problem.verify_code == _CERT_EXPIRED:
        return SendError.TLS_CERTIFICATE_EXPIRED
    return SendError.TLS_CERTIFICATE_INVALID


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
