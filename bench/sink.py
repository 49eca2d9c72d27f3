"""A receiver of three tempers, in its own process: `/prompt` answers 200, `/refusing` 503, `/silent` never."""

import asyncio
from collections import Counter
from typing import Any, cast

import httptools
import uvloop

from bench import helper

_ANSWERS = {
    b"/prompt": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"/refusing": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
}


class _Connection(asyncio.Protocol):
    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, path: bytes) -> None:
        self._path = path

    def on_message_complete(self) -> None:
        self._counts[self._path.decode()] += 1
        if answer := _ANSWERS.get(self._path):
            self._transport.write(answer)


async def _receive() -> None:
    counts: Counter[str] = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(counts), "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()

    async def handle(_asked: dict[str, Any]) -> dict[str, Any]:
        return dict(counts)

    await helper.answer({"url": f"http://{host}:{port}"}, handle)


if __name__ == "__main__":
    uvloop.run(_receive())
