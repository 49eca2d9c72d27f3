"""What every test may use: a certificate authority, HTTPS receivers, and a running Zonehook."""

import signal
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import trustme

from tests.receiver import SIGNATURES, Mailbox, Receiver, listening
from tests.running import Account, House, running

# 14 s become 14 ms and the whole two-hour schedule 7 seconds
FAST = {"ZONEHOOK_TIME_SCALE": "0.001"}


def pytest_configure() -> None:
    """A shell that starts the tests in its background has them ignore Ctrl-C, and so would every program they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def every_delivery_is_genuine() -> Iterator[None]:
    """No test leaves a delivery behind that the `standardwebhooks` package refused."""
    yield
    refused, SIGNATURES.refused = SIGNATURES.refused, []
    assert refused == []


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The authority whose certificates the Zonehook under test trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which a process trusts the tests' authority."""
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return {"SSL_CERT_FILE": str(path)}


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A good certificate for localhost and 127.0.0.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest_asyncio.fixture(scope="session")
async def receiver(server_tls: ssl.SSLContext) -> AsyncIterator[Receiver]:
    async with listening(server_tls) as receiver:
        yield receiver


@pytest.fixture
def mailbox(receiver: Receiver) -> Mailbox:
    """An HTTPS URL that no other test knows, and what arrives there."""
    return receiver.mailbox()


@pytest_asyncio.fixture(scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A running Zonehook whose schedules are a thousand times as fast; shared, so use accounts of your own."""
    async with running(tmp_path_factory.mktemp("house"), trusting | FAST) as house:
        yield house


@pytest_asyncio.fixture
async def account(house: House) -> Account:
    """An account that no other test knows."""
    return await house.new_account()


@pytest_asyncio.fixture(scope="session")
async def patient_house(tmp_path_factory: pytest.TempPathFactory, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A running Zonehook with the schedules of production: after a failure nothing happens for 14 seconds."""
    async with running(tmp_path_factory.mktemp("patient"), trusting) as house:
        yield house


@pytest_asyncio.fixture
async def patient_account(patient_house: House) -> Account:
    return await patient_house.new_account()
