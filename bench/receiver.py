"""The receiver, in its own process: answers every POST with 200 and notes when its first byte came."""

import asyncio
import json
import time
from typing import Any, cast

import httptools
import uvloop

from bench import helper
from bench.arrivals import Arrivals

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class _Connection(asyncio.Protocol):
    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._parser = httptools.HttpRequestParser(self)
        self._began = 0.0
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._began = self._began or time.time()
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        self._arrivals.note(json.loads(self._body)["data"]["n"], self._began)
        self._began, self._body = 0.0, b""
        self._transport.write(_ANSWER)


async def _receive() -> None:
    arrivals = Arrivals()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(arrivals), "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()

    async def handle(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["ask"] == "expect":
            return arrivals.expect(asked["first"], asked["count"])
        return await arrivals.come(asked["seconds"])

    await helper.answer({"url": f"http://{host}:{port}"}, handle)


if __name__ == "__main__":
    uvloop.run(_receive())
