"""Every byte that leaves, held against golden files: one delivery of each of the 94 event types, and of `standard`."""

import base64
import hashlib
import hmac
import json
import ssl
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import trustme
from standardwebhooks import Webhook

from tests import samples
from tests.receiver import Receiver, listening
from tests.wire import golden
from tests.wire.golden import FOLDER, HOST, Golden
from zonehook import addresses
from zonehook.net.sender import Sender

EVERY = list(golden.every())
OWN = list(golden.of_zonehook())
VENDORS = ("captaindns", "connect-domain", "dnsimple", "novadns")


def _of(*names: str) -> list[Golden]:
    return [each for each in EVERY if each.dialect in names]


def _body(each: Golden) -> bytes:
    return each.path.read_bytes().partition(b"\n\n")[2]


def _headers(each: Golden) -> dict[str, str]:
    head = each.path.read_bytes().partition(b"\n\n")[0].decode("ascii")
    return dict(line.split(": ", 1) for line in head.splitlines()[1:])


def _parsed(each: Golden) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(_body(each))
    return body


def _name(each: Golden) -> str:
    return f"{each.dialect}/{each.type}"


@pytest_asyncio.fixture(scope="module")
async def receiver(authority: trustme.CA) -> AsyncIterator[Receiver]:
    """An HTTPS receiver that is hooks.example.com."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    async with listening(context, HOST) as receiver:
        yield receiver


@pytest_asyncio.fixture(scope="module")
async def sender(trusting: dict[str, str]) -> AsyncIterator[Sender]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", trusting["SSL_CERT_FILE"])
        sender = Sender(addresses.parse_networks("127.0.0.0/8"), golden.to_loopback)
    yield sender
    await sender.close()


@pytest.mark.rows("DN2-04", "DN2-07", "NOV-28", "NOV-01")
@pytest.mark.parametrize("each", EVERY + OWN, ids=_name)
async def test_a_delivery_is_these_bytes(each: Golden, sender: Sender, receiver: Receiver) -> None:
    """What a receiver's socket reads, request line, headers and body, is what the golden file has."""
    assert await golden.sent(sender, receiver, each) == each.path.read_bytes()


def test_there_is_a_file_for_every_type() -> None:
    """The four vendors' 94 types, some of the old payload, one of the open dialect, and for each two of Zonehook's own:
    no file too many or too few.
    """
    on_disk = {path.relative_to(FOLDER) for path in FOLDER.rglob("*.http")}
    assert on_disk == {each.path.relative_to(FOLDER) for each in EVERY + OWN}
    assert len(_of(*VENDORS)) == 94


@pytest.mark.rows("DN2-08", "DN2-11", "DN2-13", "DN2-16", "DN2-17")
@pytest.mark.parametrize("each", _of("dnsimple"), ids=_name)
def test_dnsimple_bodies(each: Golden) -> None:
    """Six keys in the documented order, a UUID, a numeric account and an actor of three texts."""
    body = _parsed(each)
    assert list(body) == ["name", "api_version", "request_identifier", "data", "account", "actor"]
    assert (body["name"], body["api_version"]) == (each.type, "v2")
    assert str(uuid.UUID(body["request_identifier"])) == body["request_identifier"]
    assert {key: type(value) for key, value in body["account"].items()} == {
        "id": int, "identifier": str, "display": str,
    }  # fmt: skip
    assert {key: type(value) for key, value in body["actor"].items()} == {"id": str, "entity": str, "pretty": str}


@pytest.mark.rows("DN2-12", "DN2-15")
@pytest.mark.parametrize("each", [each for each in _of("dnsimple") if each.type.startswith("domain.")], ids=_name)
def test_objects_have_the_attributes_of_the_v2_api(each: Golden) -> None:
    """Every object is keyed by its type, and a domain has the documented attributes in their order."""
    assert list(_parsed(each)["data"]["domain"]) == [
        "id", "account_id", "registrant_id", "name", "unicode_name", "state", "auto_renew", "private_whois",
        "expires_at", "created_at", "updated_at",
    ]  # fmt: skip


@pytest.mark.rows("DN2-09", "DN2-10")
def test_names_of_dnsimple_events() -> None:
    """Each name has one period; the ten with a state are the two of five actions."""
    names = [_parsed(each)["name"] for each in _of("dnsimple")]
    assert all(name.count(".") == 1 for name in names)
    actions = ("register", "registrant_change", "renew", "restore", "transfer")
    states = {f"domain.{action}:{state}" for action in actions for state in ("started", "cancelled")}
    assert {name for name in names if ":" in name} == states


@pytest.mark.rows("DN2-18", "DN2-19")
def test_actors_of_dnsimple_events() -> None:
    """Somebody's doing names that user; what the system does by itself names the system."""
    actors = {json.dumps(_parsed(each)["actor"]) for each in _of("dnsimple")}
    system = {"id": "system", "entity": "dnsimple", "pretty": "support@dnsimple.com"}
    assert actors == {json.dumps(json.loads(golden.ACTOR)), json.dumps(system)}


@pytest.mark.rows("DN3-03", "DN3-04", "DN3-05")
@pytest.mark.parametrize("each", _of("dnsimple-legacy"), ids=_name)
def test_the_old_dnsimple_body(each: Golden) -> None:
    """`action` in place of `name`, no account, and all else as in the new body."""
    old, new = _parsed(each), _parsed(Golden("dnsimple", each.type))
    assert list(old) == ["action", "api_version", "request_identifier", "data", "actor"]
    assert old.pop("action") == new.pop("name")
    new.pop("account")
    assert old == new


@pytest.mark.parametrize("each", _of("dnsimple", "dnsimple-legacy"), ids=_name)
def test_dnsimple_signs_nothing(each: Golden) -> None:
    """Without a secret there is no signature, and still an id to tell deliveries apart by."""
    assert set(_headers(each)) == {"Host", "content-type", "user-agent", "webhook-id", "Content-Length"}


@pytest.mark.rows("CD-22", "CD-23", "CD-24")
@pytest.mark.parametrize("each", _of("connect-domain"), ids=_name)
def test_connect_domain_bodies(each: Golden) -> None:
    """Four keys; the job is the connection's UUID; the time is UTC with whole seconds."""
    body = _parsed(each)
    assert list(body) == ["type", "jobId", "data", "sent_at"]
    assert str(uuid.UUID(body["jobId"])) == body["jobId"]
    assert body["sent_at"] in ("2026-07-02T12:00:00Z", "2026-07-02T11:59:58Z")


@pytest.mark.rows("NOV-29", "NOV-30", "NOV-31", "NOV-32")
@pytest.mark.parametrize("each", _of("novadns"), ids=_name)
def test_novadns_bodies(each: Golden) -> None:
    """A flat body with `event` first; an address that does not apply is null and not absent."""
    body = _parsed(each)
    more = ["status"] if each.type == "host.status_changed" else []
    assert list(body) == ["event", "host", "ipv4", "ipv6", *more, "timestamp"]
    assert all(value is None or isinstance(value, str) for value in body.values())
    assert body["timestamp"] in ("2026-07-02T12:00:00Z", "2026-07-02T11:59:58Z")


@pytest.mark.parametrize("each", OWN, ids=_name)
def test_what_zonehook_tells_of_itself(each: Golden) -> None:
    """In every dialect's own form: what it names and an event of ours has not is null, and the actor is Zonehook."""
    body = _parsed(each)
    members = samples.event(each.dialect, each.type)["data"]
    time = body.get("timestamp") or body.get("sent_at")
    expected: dict[str, dict[str, Any]] = {
        "standard": {"type": each.type, "timestamp": time, "data": members},
        "captaindns": {"type": each.type, "timestamp": time, "data": members},
        "connect-domain": {"type": each.type, "jobId": None, "data": members, "sent_at": time},
        "novadns": {"event": each.type, "host": None, "ipv4": None, "ipv6": None, **members, "timestamp": time},
    }
    if each.dialect.startswith("dnsimple"):
        assert body["actor"] == {"id": "zonehook", "entity": "dnsimple", "pretty": "Zonehook"}
        assert (body.get("name") or body["action"], body["data"]) == (each.type, members)
    else:
        assert list(body.items()) == list(expected[each.dialect].items())


def _hex(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


@pytest.mark.rows("CD-21")
@pytest.mark.parametrize("each", _of("connect-domain"), ids=_name)
def test_connect_domain_signatures(each: Golden) -> None:
    """`sha256=` and the hex HMAC of the timestamp, a point and the raw body, keyed with the secret's text."""
    headers = _headers(each)
    signed = _hex(golden.SECRET, headers["X-CD-Timestamp"].encode() + b"." + _body(each))
    assert (headers["X-CD-Timestamp"], headers["X-CD-Signature"]) == ("1782993614", f"sha256={signed}")


@pytest.mark.rows("NOV-34", "NOV-35", "NOV-36")
@pytest.mark.parametrize("each", _of("novadns"), ids=_name)
def test_novadns_signatures(each: Golden) -> None:
    """The bare lower-case hex HMAC of the raw body."""
    assert _headers(each)["X-NovaDNS-Signature"] == _hex(golden.SECRET, _body(each))


@pytest.mark.rows("CAP-02")
@pytest.mark.parametrize("each", _of("captaindns"), ids=_name)
def test_captaindns_signatures(each: Golden) -> None:
    """The hex HMAC of the timestamp, a point and the raw body, keyed with the text that the user chose."""
    headers = _headers(each)
    signed = _hex(golden.CHOSEN_SECRET, headers["X-CaptainDNS-Timestamp"].encode() + b"." + _body(each))
    assert headers["X-CaptainDNS-Signature"] == f"sha256={signed}"


@pytest.mark.parametrize("each", [each for each in EVERY + OWN if each.secrets], ids=_name)
def test_a_stock_library_agrees(each: Golden) -> None:
    """The Standard Webhooks library signs the golden body as the golden headers say, in every dialect with a secret."""
    (secret,) = each.secrets
    own = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
    headers = _headers(each)
    assert headers["webhook-signature"] == Webhook(own).sign(
        headers["webhook-id"], golden.SENT_AT, _body(each).decode()
    )
