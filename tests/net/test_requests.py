"""How a request leaves: whole, and whoever hangs up meanwhile may have answered."""

import httpcore

from zonehook.net.metered import MeteredStream


class _Stream(httpcore.AsyncMockStream):
    """Notes what the system is given to send."""

    def __init__(self, answer: bytes, breaks: bool = False) -> None:
        super().__init__([answer])
        self.sent: list[bytes] = []
        self._breaks = breaks

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 (httpcore's name)
        self.sent.append(bytes(buffer))
        if self._breaks:
            raise httpcore.WriteError


async def test_a_request_leaves_in_one_piece() -> None:
    """What httpcore writes of a request goes to the system together, once the answer is asked for; so does the next."""
    stream = _Stream(b"answer")
    connection = MeteredStream(stream)
    for piece in (b"head", b"body", b""):
        await connection.write(piece)
    assert stream.sent == []
    assert await connection.read(100) == b"answer"
    await connection.write(b"another")
    await connection.read(100)
    assert stream.sent == [b"headbody", b"another"]


async def test_an_answer_counts_although_the_request_did_not_get_through() -> None:
    """A receiver that answers and hangs up before it has read everything is heard."""
    connection = MeteredStream(_Stream(b"HTTP/1.1 413 Content Too Large\r\n\r\n", breaks=True))
    await connection.write(b"too much")
    assert (await connection.read(100)).startswith(b"HTTP/1.1 413")
