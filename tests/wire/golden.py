"""The golden wire files: what the receiver's socket reads, byte for byte, for one delivery of every event type.

    .venv/bin/python -m tests.wire.golden      writes them anew; look at the difference before you commit it

Lines of the head end with LF in the files, with CRLF on the wire; the body has no line end. `{version}` stands for
Zonehook's version and `{port}` for the receiver's port, so that neither a release nor a run changes a file.
"""

import asyncio
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
import trustme

from tests import samples
from tests.receiver import Received, Receiver, listening
from zonehook import __version__, addresses, dialects, signatures
from zonehook.dialects import Letter, own
from zonehook.messages import AcceptedEvent
from zonehook.net.sender import Sender

FOLDER = Path(__file__).parent
HOST = "hooks.example.com"
SECRET = signatures.secret(bytes(range(32)))
CHOSEN_SECRET = "correct horse battery staple"
DELIVERY = "dlv_01jz5t5vr0e4fgh2j3k4m5n6p7"
SENT_AT = datetime(2026, 7, 2, 12, 0, 14, 250_000, tzinfo=UTC)
ACTOR = '{"id": "70311", "entity": "user", "pretty": "jo.doe@example.com"}'
# Of the old payload a few, which differ from the new in one way alone
_LEGACY_TYPES = ("domain.create", "domain.register:started", "zone_record.update")


@dataclass(frozen=True)
class Golden:
    """One file."""

    dialect: str
    type: str

    @property
    def path(self) -> Path:
        folder = FOLDER / "zonehook" if own.is_own(self.type) else FOLDER
        return folder / self.dialect / f"{self.type.replace(':', '_')}.http"

    @property
    def secrets(self) -> tuple[str, ...]:
        if self.dialect.startswith("dnsimple"):
            return ()
        return (CHOSEN_SECRET,) if self.dialect == "captaindns" else (SECRET,)

    def event(self) -> AcceptedEvent:
        """The sample of the catalogue as a producer published it; every other one by a person, with its own time. Of
        Zonehook's own, as its announcer does.
        """
        offered = samples.event(self.dialect, self.type)
        by_hand = len(self.type) % 2 == 0 and not own.is_own(self.type)
        return AcceptedEvent(
            account_id=1385,
            id="evt_01jz5t5e00a1b2c3d4e5f6g7h8",
            type=self.type,
            data=msgspec.json.encode(offered["data"]).decode(),
            accepted_at=datetime(2026, 7, 2, 12, 0, 0, 123_456, tzinfo=UTC),
            fingerprint="0" * 64,
            subject=offered.get("subject"),
            actor=ACTOR if by_hand else None,
            occurred_at=datetime(2026, 7, 2, 11, 59, 58, tzinfo=UTC) if by_hand else None,
        )

    def composed(self) -> tuple[dict[str, str], bytes]:
        """Headers and body as an attempt has them."""
        body = dialects.named(self.dialect).envelope(Letter(self.event(), DELIVERY, "Example Registrar Ltd"))
        return dialects.headers(self.dialect, self.secrets, DELIVERY, SENT_AT, body), body


def every() -> Iterator[Golden]:
    """All event types of all dialects, and one of the open one."""
    for name in dialects.NAMES:
        types = dialects.named(name).catalogue or (samples.ONE_TYPE[name],)
        for type_ in _LEGACY_TYPES if name == "dnsimple-legacy" else types:
            yield Golden(name, type_)


def of_zonehook() -> Iterator[Golden]:
    """Two of Zonehook's own types, as each dialect has them: one with a delivery, one without."""
    for name in dialects.NAMES:
        for type_ in (own.SUPPRESSED, own.EXHAUSTED):
            yield Golden(name, type_)


async def sent(sender: Sender, receiver: Receiver, golden: Golden) -> bytes:
    """What the receiver's socket read, in the form of the file."""
    headers, body = golden.composed()
    mailbox = receiver.mailbox()
    await sender.post(mailbox.url, headers, body, 10)
    (received,) = mailbox.received
    return written(received, mailbox.url)


def written(received: Received, url: str) -> bytes:
    port = url.split(":")[2].split("/")[0]
    path = url.rpartition("/")[2]
    head = received.head.decode("ascii").replace("\r\n", "\n")
    head = head.replace(f"/{path} ", "/hooks ", 1).replace(f"{HOST}:{port}", f"{HOST}:{{port}}", 1)
    return head.replace(f"Zonehook/{__version__}\n", "Zonehook/{version}\n", 1).encode() + received.body


async def to_loopback(_host: str) -> list[addresses.Address]:
    """A resolver that knows one host."""
    return [ip_address("127.0.0.1")]


async def _write() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    with tempfile.NamedTemporaryFile(suffix=".pem") as pem, pytest.MonkeyPatch.context() as environment:
        authority.cert_pem.write_to_path(pem.name)
        environment.setenv("SSL_CERT_FILE", pem.name)
        sender = Sender(addresses.parse_networks("127.0.0.0/8"), to_loopback)
    async with listening(context, HOST) as receiver:
        for golden in (*every(), *of_zonehook()):
            golden.path.parent.mkdir(parents=True, exist_ok=True)
            golden.path.write_bytes(await sent(sender, receiver, golden))
        await sender.close()
        await asyncio.sleep(0.1)  # the receiver hears of it


if __name__ == "__main__":
    asyncio.run(_write())
