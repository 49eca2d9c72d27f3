"""What receivers send that are broken or mean: each a writer of one answer, for `Reply(raw=…)` and `listening`."""

import asyncio
import itertools
import socket
import struct
from collections.abc import Iterable

from tests.net.listeners import Answer

OK = b"HTTP/1.1 200 OK\r\n"
_PIECE = 16 * 1024


def saying(*pieces: bytes) -> Answer:
    """These bytes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return answer


def flooding(head: bytes, piece: bytes, size: int | None = None) -> Answer:
    """The head, and the piece over and over: for ever, or until it is about so many bytes."""
    many = piece * max(1, _PIECE // len(piece))

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        rounds: Iterable[int] = itertools.count() if size is None else range(size // len(many))
        for _ in rounds:
            writer.write(many)
            await writer.drain()

    return answer


def dripping(head: bytes, piece: bytes, pause: float, times: int | None = None) -> Answer:
    """The head at once, and then the piece after every pause: for ever, or so many times."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        rounds: Iterable[int] = itertools.count() if times is None else range(times)
        for _ in rounds:
            await asyncio.sleep(pause)
            writer.write(piece)
            await writer.drain()

    return answer


async def resetting(writer: asyncio.StreamWriter) -> None:
    """Half an answer, and the connection is reset."""
    writer.write(OK + b"content-length: 1000\r\n\r\nhalf of")
    await writer.drain()
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silent(writer: asyncio.StreamWriter) -> None:
    """Nothing, until the other side has lost its patience."""
    await writer.wait_closed()
