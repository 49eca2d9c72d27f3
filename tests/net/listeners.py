"""Whoever listens on a port of loopback besides the ordinary receiver: with any certificate, doing one thing only."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trustme

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Listener:
    """One port, how often somebody connected to it, and the heads of the requests that came."""

    host: str
    port: int
    connections: int = 0
    heads: list[str] = field(default_factory=list)

    def url(self, host: str | None = None, scheme: str = "https") -> str:
        return f"{scheme}://{host or self.host}:{self.port}/hook"


def certified(authority: trustme.CA, *names: str, **validity: Any) -> ssl.SSLContext:
    """What a server with a certificate for these names needs; it is valid now unless told otherwise."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, **validity).configure_cert(context)
    return context


@contextlib.asynccontextmanager
async def listening(
    answer: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", keeps: bool = False, hears: bool = True
) -> AsyncIterator[Listener]:
    """Gives this answer to every request, and closes the connection unless it `keeps` it. Without `hears` it answers
    what comes before it knows whether that is a request.
    """
    listener = Listener(f"[{host}]" if ":" in host else host, 0)
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            is_over = False
            while not is_over:
                if hears:
                    listener.heads.append(await _request(reader))
                else:
                    await reader.read(1)
                await answer(writer)
                is_over = not keeps
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            writer.transport.abort()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(connected, host, 0, ssl=tls, backlog=1000)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)
        await asyncio.sleep(0)  # the sockets close in the loop's next round


async def _request(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next(line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:"))
    await reader.readexactly(int(length))
    return head
