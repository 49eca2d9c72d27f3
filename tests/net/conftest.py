"""The sender as a worker has it, allowed to reach loopback."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from zonehook import addresses
from zonehook.net.sender import Sender

LOOPBACK = addresses.parse_networks("127.0.0.0/8, ::1/128")


@pytest_asyncio.fixture
async def trusted(trusting: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The senders of this test trust the tests' authority."""
    monkeypatch.setenv("SSL_CERT_FILE", trusting["SSL_CERT_FILE"])


@pytest_asyncio.fixture
async def sender(trusted: None) -> AsyncIterator[Sender]:
    sender = Sender(LOOPBACK)
    yield sender
    await sender.close()
