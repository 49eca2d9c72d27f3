"""Where an answer ends, and what becomes of a connection on which more came."""

import asyncio
import ssl

import pytest

from tests.net.answers import OK, saying
from tests.net.listeners import listening
from zonehook.net import framing
from zonehook.net.sender import Sender

WHOLE = {
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "nothing in it": b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "no content with a length": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;a=b\r\nay!\r\n0\r\n\r\n",
    "an interim answer first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
}
NOT_WHOLE = {
    "a line end too many": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n",
    "a second answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "content where there is none": b"HTTP/1.1 204 No Content\r\n\r\nOK",
    "more after the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1",
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "a length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "neither": b"HTTP/1.1 200 OK\r\n\r\nuntil it closes",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nok",
    "a size that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok\r\nok\r\n0\r\n\r\n",
    "a size below nothing": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
    "line ends of another kind": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "nothing": b"",
    "no status": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("received", WHOLE.values(), ids=WHOLE)
def test_a_whole_answer(received: bytes) -> None:
    """The connection may be used again."""
    assert framing.ends_here(received)


@pytest.mark.parametrize("received", NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_anything_else(received: bytes) -> None:
    """The connection may not be used again."""
    assert not framing.ends_here(received)


@pytest.mark.parametrize(
    "stray", [b"OK", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 500 Oops\r\n\r\n"]
)
async def test_what_comes_after_an_answer_answers_nothing(
    sender: Sender, server_tls: ssl.SSLContext, stray: bytes
) -> None:
    """Bytes after an answer neither spoil the next delivery nor confirm it in advance: that one is really asked."""
    answered = iter([b"HTTP/1.1 204 No Content\r\n\r\n" + stray, OK + b"content-length: 0\r\n\r\n"] * 3)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await saying(next(answered))(writer)

    async with listening(answer, server_tls, keeps=True) as listener:
        statuses = [(await sender.post(listener.url(), {}, b"{}", 5)).status_code for _ in range(6)]

    assert statuses == [204, 200] * 3
    assert (len(listener.heads), listener.connections) == (6, 4)
