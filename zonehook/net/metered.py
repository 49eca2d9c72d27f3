"""No answer is longer than 64 KiB on the wire, whatever it is made of.

Counting the body alone would let a receiver send headers, interim answers or one-byte chunks for ever, each of them
parsed; and reading it in small pieces lets everybody else in between.
"""

import contextlib
import ssl
import typing

import httpcore

READ_LIMIT = 64 * 1024
_AT_ONCE = 4 * 1024


class AnswerTooLong(Exception):
    """More came than is read."""


class MeteredStream(httpcore.AsyncNetworkStream):
    """A connection that gives out so much for every request, and sends each whole: httpcore writes it in pieces, and
    every piece is a call to the system and a turn of the event loop.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._unsent = bytearray()
        self._received = bytearray()

    @property
    def received(self) -> bytes:
        """What came since the last request began."""
        return bytes(self._received)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 (httpcore's name)
        """Raises AnswerTooLong."""
        if self._unsent:
            request, self._unsent = bytes(self._unsent), bytearray()
            with contextlib.suppress(httpcore.WriteError):  # whoever hangs up may have answered before
                await self._stream.write(request, timeout)
        left = READ_LIMIT - len(self._received)
        if left <= 0:
            raise AnswerTooLong
        data = await self._stream.read(min(max_bytes, _AT_ONCE, left), timeout)
        self._received += data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Kept until the answer is asked for."""
        self._received.clear()
        self._unsent += buffer

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        try:
            return MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:  # also when the time is up: nobody else closes a connection that is not made yet
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> typing.Any:
        return self._stream.get_extra_info(info)
