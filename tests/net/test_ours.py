"""What this machine cannot do is not the endpoint's failure."""

import errno
import socket
from typing import Any

import pytest

from zonehook import addresses
from zonehook.errors import Unavailable
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
