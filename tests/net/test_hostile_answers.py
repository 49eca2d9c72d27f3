"""Nothing that a receiver answers breaks, blocks or bloats the worker."""

import contextlib
import gc
import gzip
import itertools
import ssl
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from tests.net import answers
from tests.net.answers import OK, flooding, saying
from tests.net.listeners import Answer, Listener, listening
from tests.receiver import Mailbox, Reply
from tests.running import Account
from zonehook.net import sender as sending
from zonehook.net.sender import Sender
from zonehook.verdicts import SendError

MEGABYTE = 1 << 20
_BOMB = gzip.compress(b"\0" * (50 * MEGABYTE))
_CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
_KNOWN: dict[str, tuple[Answer, int | SendError]] = {
    "invalid UTF-8": (saying(OK + b"content-length: 4\r\n\r\n\xff\xfe\xc3\x28"), 200),
    "NUL bytes": (saying(OK + b"content-length: 4\r\n\r\na\0b\0"), 200),
    "100 MB": (flooding(OK + b"content-length: 104857600\r\n\r\n", b"x" * 1000, 100 * MEGABYTE), 200),
    "a body without end": (flooding(OK + b"\r\n", b"x" * 1000), 200),
    "a gzip bomb": (saying(OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(_BOMB), _BOMB), 200),
    "chunks of one byte": (flooding(_CHUNKED, b"1\r\nx\r\n"), 200),
    "a chunk larger than the world": (saying(_CHUNKED + b"ffffffffffffffff\r\nabc"), SendError.MALFORMED_ANSWER),
    "10,000 headers": (flooding(OK, b"x-header: and so on\r\n", MEGABYTE), SendError.MALFORMED_ANSWER),
    "a header of a megabyte": (flooding(OK + b"x: ", b"y" * 1000, MEGABYTE), SendError.MALFORMED_ANSWER),
    "headers without end": (flooding(OK, b"x: y\r\n"), SendError.MALFORMED_ANSWER),
    "interim answers without end": (flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), SendError.MALFORMED_ANSWER),
    "a length below nothing": (saying(OK + b"content-length: -1\r\n\r\n"), SendError.MALFORMED_ANSWER),
    "a length beyond all": (saying(OK + b"content-length: " + b"9" * 30 + b"\r\n\r\nabc"), SendError.MALFORMED_ANSWER),
    "two lengths": (saying(OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab"), SendError.MALFORMED_ANSWER),
    "status 999": (saying(b"HTTP/1.1 999 Wow\r\ncontent-length: 0\r\n\r\n"), 999),
    "status 000": (saying(b"HTTP/1.1 000 None\r\n\r\n"), SendError.MALFORMED_ANSWER),
    "status abc": (saying(b"HTTP/1.1 abc Letters\r\n\r\n"), SendError.MALFORMED_ANSWER),
    "HTTP/0.9": (saying(b"<html>hello</html>"), SendError.CONNECTION_RESET),
    "HTTP/2": (saying(b"\0\0\0\x04\0\0\0\0\0"), SendError.MALFORMED_ANSWER),
    "nothing": (saying(), SendError.CONNECTION_RESET),
    "a line": (saying(b"\r\n"), SendError.MALFORMED_ANSWER),
    "a reset": (answers.resetting, SendError.CONNECTION_RESET),
    "a Retry-After of nonsense": (saying(b"HTTP/1.1 503 No\r\nretry-after: \xff\r\ncontent-length: 0\r\n\r\n"), 503),
    "an upgrade": (
        saying(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"),
        SendError.MALFORMED_ANSWER,
    ),
}


@contextlib.asynccontextmanager
async def _mean(tls: ssl.SSLContext | None) -> AsyncIterator[dict[str, Listener]]:
    """One receiver for each of them."""
    async with contextlib.AsyncExitStack() as stack:
        yield {why: await stack.enter_async_context(listening(answer, tls)) for why, (answer, _) in _KNOWN.items()}


@pytest.mark.rows("ALL-08")
async def test_every_answer_is_a_status_or_a_name(sender: Sender, server_tls: ssl.SSLContext) -> None:
    """Whatever comes back is a status or a named error, within the time limit, and 4 KiB of it that can be stored."""
    async with _mean(server_tls) as mean:
        found = {why: await sender.post(each.url(), {}, b"{}", 10) for why, each in mean.items()}

    assert {why: each.status_code or each.error for why, each in found.items()} == {
        why: expected for why, (_, expected) in _KNOWN.items()
    }
    for each in found.values():
        assert len((each.excerpt or "").encode()) <= 3 * sending.EXCERPT_LIMIT  # a replaced byte takes three
        assert "\0" not in (each.excerpt or "")
        assert each.error != SendError.TIMEOUT


@pytest.mark.rows("ALL-08")
async def test_memory_stays_flat(sender: Sender) -> None:
    """A thousand such answers leave nothing behind in the worker's memory that a hundred did not."""
    tracemalloc.start()
    try:
        async with _mean(None) as mean:  # plain: a thousand handshakes would show nothing more
            few = await _used_after(100, sender, mean)
            many = await _used_after(1000, sender, mean)
    finally:
        tracemalloc.stop()
    assert many - few < MEGABYTE


@pytest.mark.rows("ALL-08")
@pytest.mark.parametrize(
    "body", [b"\xff\xfe\0\xc3\x28" * 100, _BOMB[:8192], b"{" * 70_000], ids=["bytes", "gzip", "long"]
)
async def test_the_record_can_be_read(account: Account, mailbox: Mailbox, body: bytes) -> None:
    """What a receiver answered stands in the delivery's record, cut and cleaned, and the API shows it."""
    await account.register(mailbox.url)
    mailbox.otherwise = Reply(200, headers=(("content-encoding", "gzip"),), body=body)
    event = await account.publish()
    [delivered] = await account.settled(event["id"])
    [attempt] = await account.attempts(delivered["id"])
    assert delivered["status"] == "delivered"
    assert 0 < len(attempt["response_excerpt"]) <= sending.EXCERPT_LIMIT
    assert "\0" not in attempt["response_excerpt"]


async def _used_after(times: int, sender: Sender, mean: dict[str, Listener]) -> int:
    """Bytes in use after so many answers; the receivers live in this process, and what they keep is thrown away."""
    dear = [mean[why] for why in ("chunks of one byte", "interim answers without end")]  # 30 to 90 ms of CPU each
    cheap = [listener for listener in mean.values() if listener not in dear]
    for listener in itertools.islice(itertools.cycle([*cheap, *dear, *cheap * 9]), times):
        await sender.post(listener.url(scheme="http"), {}, b"{}", 10)
        listener.heads.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
