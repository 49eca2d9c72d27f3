"""A real HTTPS receiver on loopback: mailboxes that remember every request and answer as they are told."""

import asyncio
import base64
import contextlib
import json
import ssl
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from standardwebhooks import Webhook, WebhookVerificationError

PATIENCE = 30.0


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names in lower case."""

    at: float
    head: bytes
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer: a status, or `raw` to do as it likes with the connection, which is closed afterwards."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    hold: asyncio.Event | None = None
    raw: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None


class Signatures:
    """Verifies every delivery to a URL whose secrets are known, with the stock library, whatever its test is about."""

    def __init__(self) -> None:
        self._secrets: dict[str, list[str]] = {}
        self.verified = 0
        self.refused: list[str] = []

    def learn(self, url: str, secret: str) -> None:
        # The stock library takes another text as the base64 of its bytes
        own = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
        self._secrets.setdefault(url, []).append(own)

    def check(self, url: str, received: Received) -> None:
        secrets = self._secrets.get(url, [])
        if any(self._is_genuine(secret, received) for secret in secrets):
            self.verified += 1
        elif secrets:
            self.refused.append(f"{url}: {received.headers}")

    def _is_genuine(self, secret: str, received: Received) -> bool:
        try:
            Webhook(secret).verify(received.body, received.headers, json_parse=False)
        except WebhookVerificationError:
            return False
        return True


SIGNATURES = Signatures()


@dataclass
class Mailbox:
    """One URL of the receiver. Answers `replies` in turn, then `otherwise`.

    What Zonehook itself announces to every DNSimple account (that an endpoint came or went) is confirmed and not kept,
    unless the mailbox `hears_announcements`.
    """

    url: str
    otherwise: Reply = Reply(200)
    replies: deque[Reply] = field(default_factory=deque)
    received: list[Received] = field(default_factory=list)
    hears_announcements: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def refuse(self, times: int, status: int = 503) -> None:
        """The next `times` requests get `status`."""
        self.replies.extend(Reply(status) for _ in range(times))

    async def wait_for(self, count: int, patience: float = PATIENCE) -> list[Received]:
        """The first `count` requests, when they are there."""
        async with asyncio.timeout(patience), self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= count)
        return self.received[:count]

    async def take(self, received: Received) -> Reply:
        if not self.hears_announcements and _is_announcement(received.body):
            return Reply(200)
        async with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        return self.replies.popleft() if self.replies else self.otherwise


class Receiver:
    """Serves mailboxes under one port."""

    def __init__(self, host: str, port: int, scheme: str) -> None:
        self._origin = f"{scheme}://{host}:{port}"
        self._mailboxes: dict[str, Mailbox] = {}

    def mailbox(self, hears_announcements: bool = False) -> Mailbox:
        """A fresh URL."""
        path = f"/{uuid.uuid4().hex}"
        self._mailboxes[path] = Mailbox(self._origin + path, hears_announcements=hears_announcements)
        return self._mailboxes[path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        at = time.time()
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        mailbox = self._mailboxes.get(lines[0].split(" ")[1])
        received = Received(at, head, headers, body)
        if mailbox is not None:
            SIGNATURES.check(mailbox.url, received)
        reply = Reply(404) if mailbox is None else await mailbox.take(received)
        if reply.hold is not None:
            await reply.hold.wait()
        if reply.raw is not None:
            await reply.raw(writer)
            return False
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        start = f"HTTP/1.1 {reply.status} Whatever\r\ncontent-length: {len(reply.body)}\r\n{extra}\r\n"
        writer.write(start.encode() + reply.body)
        await writer.drain()
        return True


def _is_announcement(body: bytes) -> bool:
    """An account's own webhook.create or webhook.delete, in whatever dialect; who publishes one is another actor."""
    if b'"webhook.create"' not in body and b'"webhook.delete"' not in body:
        return False
    actor = json.loads(body).get("actor")
    return actor is None or actor["entity"] == "account"


@contextlib.asynccontextmanager
async def listening(tls: ssl.SSLContext | None, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """A receiver on a free port of loopback, over TLS unless `tls` is None."""
    receivers: list[Receiver] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await receivers[0].serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    receivers.append(Receiver(host, port, "http" if tls is None else "https"))
    try:
        yield receivers[0]
    finally:
        server.close()
