"""Connections are kept for the next delivery, and no receiver keeps the worker from the others."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpcore
import pytest
import pytest_asyncio
from httpcore._async import http11

from tests.activities.attempting import attempting
from tests.net.answers import OK, saying, silent
from tests.net.conftest import LOOPBACK
from tests.net.listeners import Listener, listening
from tests.receiver import Mailbox
from zonehook.net import connections as kept
from zonehook.net import turns
from zonehook.net.sender import Sender
from zonehook.net.turns import TooManyAtOnce

FINE = saying(OK + b"content-length: 2\r\n\r\nok")


@pytest_asyncio.fixture
async def prompt(server_tls: ssl.SSLContext) -> AsyncIterator[Listener]:
    """Answers at once and keeps its connections."""
    async with listening(FINE, server_tls, keeps=True) as listener:
        yield listener


@contextlib.asynccontextmanager
async def _hanging(sender: Sender, listener: Listener, posts: int, paths: int = 1) -> AsyncIterator[None]:
    """So many attempts wait for a receiver that does not answer, spread over so many endpoints of it."""
    urls = [f"https://127.0.0.1:{listener.port}/{number % paths}" for number in range(posts)]
    waiting = [asyncio.create_task(sender.post(url, {}, b"{}", 30)) for url in urls]
    async with asyncio.timeout(30):
        while len(listener.heads) < min(posts, 50 * paths, 200):  # noqa: ASYNC110 (the listener counts, and does not tell)
            await asyncio.sleep(0.01)
    yield
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_connections_are_reused(sender: Sender, prompt: Listener) -> None:
    """Twenty deliveries to one host, one after the other, are one connection."""
    answers = [await sender.post(prompt.url(), {}, b"{}", 5) for _ in range(20)]
    assert {each.status_code for each in answers} == {200}
    assert (len(prompt.heads), prompt.connections) == (20, 1)


@pytest.mark.parametrize(("idle_seconds", "connections"), [(1.0, 1), (1.6, 2)])
async def test_a_connection_is_left_before_its_server_leaves(
    sender: Sender, prompt: Listener, monkeypatch: pytest.MonkeyPatch, idle_seconds: float, connections: int
) -> None:
    """A connection is used again a moment later, and not when a server that closes after two seconds may just do so."""
    await sender.post(prompt.url(), {}, b"{}", 5)
    then = time.monotonic() + idle_seconds
    monkeypatch.setattr(http11, "time", SimpleNamespace(monotonic=lambda: then))
    await sender.post(prompt.url(), {}, b"{}", 5)
    assert prompt.connections == connections


async def test_connections_are_reused_beside_slow_ones(
    sender: Sender, prompt: Listener, server_tls: ssl.SSLContext
) -> None:
    """Two hundred attempts that hang elsewhere cost a prompt host none of its kept connections."""
    async with listening(silent, server_tls) as slow, _hanging(sender, slow, 200, paths=5):
        for _ in range(10):
            await sender.post(prompt.url("localhost"), {}, b"{}", 5)
    assert prompt.connections == 1


async def test_what_is_left_alone_is_closed(
    sender: Sender, prompt: Listener, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that nobody has used for a while is not kept for ever."""
    monkeypatch.setattr(kept, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(kept, "_SWEEP_SECONDS", 0.0)
    await sender.post(prompt.url(), {}, b"{}", 5)
    await sender.post(mailbox.url, {}, b"{}", 5)
    assert len(sender._connections._idle) <= 1


async def test_nobody_shares_a_connection(sender: Sender, prompt: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is taken while another one is closed, and everything swept meanwhile, is taken once."""
    monkeypatch.setattr(kept, "_SWEEP_SECONDS", 0.0)
    connections, url = sender._connections, httpcore.URL(prompt.url())
    origin = str(url.origin)

    class Expired(httpcore.AsyncHTTPConnection):
        def has_expired(self) -> bool:
            return True

        async def aclose(self) -> None:
            await connections.sweep()

    await sender.post(prompt.url(), {}, b"{}", 5)
    connections._idle[origin].append(Expired(url.origin))
    async with connections.one(url) as first, connections.one(url) as second:
        assert first is not second


async def test_a_silent_endpoint_delays_no_other(sender: Sender, server_tls: ssl.SSLContext) -> None:
    """Five hundred attempts at one endpoint that never answers: another one of the very same host answers at once."""
    release = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        if "/other " not in listener.heads[-1]:
            await release.wait()
        await FINE(writer)

    async with listening(answer, server_tls) as listener, _hanging(sender, listener, 500):
        url = f"https://127.0.0.1:{listener.port}/other"
        found = await sender.post(url, {}, b"{}", 10)
        asked = [head for head in listener.heads if "/other " not in head]
        release.set()
    assert (found.status_code, len(asked)) == (200, 50)


async def test_a_silent_host_delays_no_other(sender: Sender, prompt: Listener, server_tls: ssl.SSLContext) -> None:
    """Attempts at many endpoints of one silent host leave four fifths of the worker to the others."""
    async with listening(silent, server_tls) as slow, _hanging(sender, slow, 400, paths=10):
        answer = await sender.post(prompt.url("localhost"), {}, b"{}", 10)
    assert (answer.status_code, len(slow.heads)) == (200, 200)


async def test_whoever_finds_no_place_comes_again(
    sender: Sender, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt is not made, and whoever wanted to make it is told the host and when to come again."""
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.01)
    async with listening(silent, server_tls) as slow, _hanging(sender, slow, 50):
        with pytest.raises(TooManyAtOnce, match=r"127\.0\.0\.1") as postponed:
            await sender.post(f"https://127.0.0.1:{slow.port}/0", {}, b"{}", 5)
    assert (postponed.value.again_after, len(slow.heads)) == (3, 50)


async def test_a_postponed_attempt_is_not_charged(
    tmp_path_factory: pytest.TempPathFactory, trusted: None, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery stands as before: no attempt is listed, and the endpoint's health has nothing of it."""
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.01)
    sender = Sender(LOOPBACK)
    async with (
        attempting(tmp_path_factory.mktemp("postponed"), sender) as worker,
        listening(silent, server_tls) as slow,
        _hanging(sender, slow, 50),
    ):
        order = await worker.order("standard", f"https://127.0.0.1:{slow.port}/0")
        outcome = await worker.attempt(order)
    assert (outcome.delivery.status, outcome.attempts, outcome.endpoint.consecutive_failures) == ("pending", [], 0)


async def test_the_proxy_of_the_environment_is_ignored(
    sender: Sender, prompt: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries go to their receiver and to no proxy, whatever the environment says."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert (await sender.post(prompt.url(), {}, b"{}", 5)).status_code == 200


@pytest.mark.parametrize("target", ["/hook;v=1?x=2", "/a;b/c;d", "/?", "/%7Euser/%2F?q=%20&a=b;c", "/", "//double"])
async def test_every_byte_of_the_target_is_sent(sender: Sender, prompt: Listener, target: str) -> None:
    """Path and query arrive as they were registered, parameters and empty queries too."""
    await sender.post(f"https://localhost:{prompt.port}{target}", {}, b"{}", 5)
    assert prompt.heads[-1].split("\r\n")[0] == f"POST {target} HTTP/1.1"


async def test_a_url_without_a_path(sender: Sender, prompt: Listener) -> None:
    """The path of a URL without one is /, and its query stays."""
    for url, target in (("", "/"), ("?q=1", "/?q=1")):
        await sender.post(f"https://localhost:{prompt.port}{url}", {}, b"{}", 5)
        assert prompt.heads[-1].split("\r\n")[0] == f"POST {target} HTTP/1.1"


async def test_the_host_header_of_an_ipv6_address(sender: Sender) -> None:
    """An IPv6 address stands in brackets, with the port where it is not the usual one."""
    async with listening(FINE, host="::1") as listener:
        await sender.post(listener.url(scheme="http"), {}, b"{}", 5)
    assert f"\r\nHost: [::1]:{listener.port}\r\n" in listener.heads[0]
