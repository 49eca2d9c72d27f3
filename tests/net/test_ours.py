"""What this machine cannot do is not the endpoint's failure."""

import asyncio
import errno
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from zonehook import addresses
from zonehook.errors import Unavailable
from zonehook.net import resolving
from zonehook.net.sender import Sender

_LOOPBACK = addresses.parse_networks("127.0.0.0/8")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
async def test_no_more_files(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """When no socket can be opened any more, no attempt is made instead of one that failed."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, "too many open files")

    monkeypatch.setattr(socket.socket, "__init__", refuse)
    with pytest.raises(Unavailable):
        await Sender(_LOOPBACK).post("http://127.0.0.1:9/", {}, b"{}", 5)


async def test_names_that_are_slow_to_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that could not even begin, because of other slow ones, is nobody's failure but ours."""
    release = threading.Event()
    monkeypatch.setattr(resolving, "_lookups", ThreadPoolExecutor(1))
    monkeypatch.setattr(resolving, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(10) and [])
    try:
        slow = asyncio.create_task(resolving.addresses_of("slow.example"))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await Sender(_LOOPBACK).post("https://healthy.example/", {}, b"{}", 5)
        assert await slow == []
    finally:
        release.set()
