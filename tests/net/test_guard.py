"""The socket opens to an address that was just judged, and to that very one: with a resolver of the test's own."""

import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme
from cryptography.fernet import Fernet

from tests.net.answers import OK, saying
from tests.net.conftest import LOOPBACK
from tests.net.listeners import Listener, certified, listening
from tests.receiver import Mailbox, Reply
from zonehook import clock
from zonehook.addresses import Address, Network
from zonehook.errors import Invalid
from zonehook.net import resolving
from zonehook.net.sender import Answer, Sender
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import accounts, migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.verdicts import SendError

Register = Callable[[str], Awaitable[object]]
PRIVATE = ("127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
           "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::1", "fd00::1", "fec0::1", "0.0.0.0", "::",
           "255.255.255.255", "192.0.2.1")  # fmt: skip


@pytest_asyncio.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    """Registers a URL in an account of the test's own."""
    database = Database(f"sqlite:///{tmp_path / 'zonehook.db'}")
    await migrate.upgrade(database)
    account = await database.write(accounts.add, "someone", "standard", "unlimited", clock.now())
    registry = Registry(database, Cipher([Fernet.generate_key().decode()]), ())
    yield lambda url: registry.register(Actor(account.id), Registration(url, [], "standard"))
    await database.close()


class Names:
    """A resolver that gives these answers in turn, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str) -> list[Address]:
        self.asked.append(host)
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [ipaddress.ip_address(each) for each in found]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Where sockets were opened to: whatever library does it, it comes to this."""
    found: list[object] = []
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _noting(found, getattr(socket.socket, name)))
    return found


def _noting(found: list[object], real: Callable[..., object]) -> Callable[..., object]:
    def connect(self: socket.socket, address: object) -> object:
        found.append(address)
        return real(self, address)

    return connect


@pytest_asyncio.fixture
async def receiver_of_the_name(authority: trustme.CA) -> AsyncIterator[Listener]:
    """Somebody on loopback with the certificate of hooks.example.com."""
    tls = certified(authority, "hooks.example.com")
    async with listening(saying(OK + b"content-length: 0\r\n\r\n"), tls) as listener:
        yield listener


async def _post(names: Names, url: str, allowed: tuple[Network, ...] = ()) -> Answer:
    sender = Sender(allowed, names.resolve)
    try:
        return await sender.post(url, {}, b"{}", 5)
    finally:
        await sender.close()


@pytest.mark.rows("ALL-06")
@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_inside(opened: list[object], address: str) -> None:
    """A name with an address that is not public is not connected to, whichever of the many ways leads inside."""
    answer = await _post(Names([address]), "https://hooks.example.com/")
    assert (answer.error, opened) == (SendError.ADDRESS_NOT_ALLOWED, [])


@pytest.mark.rows("ALL-06")
@pytest.mark.parametrize("found", [["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["2606:4700::1111", "::1"]])
async def test_one_private_address_is_enough(opened: list[object], found: list[str]) -> None:
    """A name with a public and a private address is refused whole: nobody chooses which of them is used."""
    answer = await _post(Names(found), "https://hooks.example.com/")
    assert (answer.error, opened) == (SendError.ADDRESS_NOT_ALLOWED, [])


@pytest.mark.rows("ALL-06")
async def test_rebinding(register: Register, opened: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when its URL is registered and private when the socket would open reaches nobody."""
    names = Names(["1.1.1.1"], ["127.0.0.1"])
    monkeypatch.setattr(resolving, "addresses_of", names.resolve)
    url = "https://hooks.example.com/"
    await register(url)
    opened.clear()

    answer = await _post(names, url)

    assert (answer.error, opened, len(names.asked)) == (SendError.ADDRESS_NOT_ALLOWED, [], 2)


@pytest.mark.rows("ALL-06", "NOV-13")
@pytest.mark.parametrize("address", PRIVATE)
async def test_registration_goes_by_the_same_rules(
    register: Register, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A URL whose name leads inside just now is refused when it is registered, with the address."""
    monkeypatch.setattr(resolving, "addresses_of", Names(["1.1.1.1", address]).resolve)
    with pytest.raises(Invalid, match="must be publicly reachable") as refused:
        await register("https://hooks.example.com/")
    assert (refused.value.code, refused.value.details[0].field) == ("invalid_url", "url")


@pytest.mark.rows("ALL-06")
@pytest.mark.parametrize("host", ["hooks.example.com", "hooks.example.com."])
async def test_the_judged_address_is_the_one(
    trusted: None, receiver_of_the_name: Listener, opened: list[object], host: str
) -> None:
    """One look-up; the socket opens to that address, while the certificate and the Host header are the name's."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    port = receiver_of_the_name.port

    answer = await _post(names, f"https://{host}:{port}/hook", LOOPBACK)

    assert (answer.status_code, names.asked) == (200, [host])
    assert opened == [("127.0.0.1", port)]
    assert f"\r\nHost: {host}:{port}\r\n" in receiver_of_the_name.heads[0]


@pytest.mark.rows("ALL-06")
async def test_an_address_that_does_not_answer(trusted: None, receiver_of_the_name: Listener) -> None:
    """Where a name has several allowed addresses, the next one is tried when one refuses."""
    names = Names(["127.0.0.9", "127.0.0.1"])
    answer = await _post(names, f"https://hooks.example.com:{receiver_of_the_name.port}/", LOOPBACK)
    assert answer.status_code == 200


@pytest.fixture
def black_holes(receiver_of_the_name: Listener) -> Iterator[list[str]]:
    """Two addresses that take no connection on the receiver's port and refuse none: their queues are full."""
    with contextlib.ExitStack() as stack:
        for address in ("127.0.0.8", "127.0.0.9"):
            full = stack.enter_context(socket.socket())
            full.bind((address, receiver_of_the_name.port))
            full.listen(0)
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
        yield ["127.0.0.8", "127.0.0.9"]


@pytest.mark.rows("ALL-06", "CD-27")
async def test_addresses_that_never_answer(
    trusted: None, receiver_of_the_name: Listener, black_holes: list[str]
) -> None:
    """Two black holes before the address that answers leave it enough of Connect Domain's five seconds."""
    names = Names([*black_holes, "127.0.0.1"])
    answer = await _post(names, f"https://hooks.example.com:{receiver_of_the_name.port}/", LOOPBACK)
    assert (answer.status_code, answer.error) == (200, None)
    assert answer.duration_ms > 1000  # they were black holes indeed


@pytest.mark.rows("ALL-06")
async def test_a_redirect_inside(sender: Sender, mailbox: Mailbox, opened: list[object]) -> None:
    """The place that a redirect names is not asked: not even looked at."""
    mailbox.otherwise = Reply(307, headers=(("location", "http://169.254.169.254/latest/meta-data"),))
    answer = await sender.post(mailbox.url, {}, b"{}", 5)
    assert (answer.status_code, len(opened)) == (307, 1)


@pytest.mark.rows("DN2-05", "NOV-41")
async def test_plain_http_goes_to_exceptions_alone(opened: list[object]) -> None:
    """Plain http leads nowhere but to the networks that the operator named, whatever a name resolves to."""
    answer = await _post(Names(["1.1.1.1"]), "http://hooks.example.com/", LOOPBACK)
    assert (answer.error, opened) == (SendError.ADDRESS_NOT_ALLOWED, [])
