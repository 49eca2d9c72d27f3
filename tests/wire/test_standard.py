"""The bytes of the standard dialect, held against golden files.

A golden file is what an attempt sends, as Zonehook composes it: a header a line, an empty line, the body. Lines end
with LF here, with CRLF on the wire; the body has no line end. The connection adds Host and Content-Length, the
endpoint its own headers. `{version}` stands for Zonehook's version, so that a release changes no file.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from zonehook import __version__, dialects, signatures
from zonehook.messages import AcceptedEvent

FILES = Path(__file__).parent / "standard"
SECRET = signatures.secret(bytes(range(32)))
OLD_SECRET = signatures.secret(bytes(range(32, 64)))
DELIVERY = "dlv_01jz5t5vr0e4fgh2j3k4m5n6p7"
SENT_AT = datetime(2026, 7, 2, 12, 0, 14, 250_000, tzinfo=UTC)

CREATED = AcceptedEvent(
    account_id=7,
    id="evt_01jz5t5e00a1b2c3d4e5f6g7h8",
    type="domain.create",
    data='{"id": 42, "name": "example.com", "auto_renew": false, "expires_at": null}',
    accepted_at=datetime(2026, 7, 2, 12, 0, 0, 123_456, tzinfo=UTC),
    fingerprint="0" * 64,
)
UNUSUAL = replace(
    CREATED,
    type="zone_record.update:finished",
    data='{ "b":1.10,"a":1e400 , "name":"bücher.example", "emoji":"\\u2603 ☃ 🏳️\u200d🌈", "tiny":-0.0,"long":'
    + "9" * 40
    + ',\n\t"same":1,"same":1.0,"slash":"<\\/script>","odd":"\\ud800","e":10E-2 }',
    occurred_at=datetime(2026, 7, 2, 9, 30, 59, 999_999, tzinfo=timezone(timedelta(hours=-2, minutes=-30))),
)
GOLDEN = {
    "domain.create": (CREATED, (SECRET,)),
    "zone_record.update_finished": (UNUSUAL, (SECRET, OLD_SECRET)),
}


def _composed(event: AcceptedEvent, secrets: tuple[str, ...]) -> tuple[dict[str, str], bytes]:
    body = dialects.named("standard").envelope(event, DELIVERY)
    return dialects.headers(secrets, DELIVERY, SENT_AT, body), body


def _written(headers: dict[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return lines.encode("ascii") + b"\n" + body


def _golden(name: str) -> bytes:
    return (FILES / f"{name}.http").read_bytes().replace(b"{version}", __version__.encode(), 1)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_delivery_is_these_bytes(name: str) -> None:
    """Every byte that leaves, headers and body, is as the golden file has it."""
    assert _written(*_composed(*GOLDEN[name])) == _golden(name)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_bytes_are_genuine(name: str) -> None:
    """The Standard Webhooks library signs the golden body as the golden headers say, with each secret."""
    head, _, body = _golden(name).partition(b"\n\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    expected = [Webhook(each).sign(headers["webhook-id"], at, body.decode()) for each in GOLDEN[name][1]]
    assert headers["webhook-signature"].split(" ") == expected


def test_data_survives_byte_for_byte() -> None:
    """Non-ASCII text, 1.10, 1e400, a key twice and the white space leave exactly as the producer wrote them."""
    _, body = _composed(UNUSUAL, (SECRET,))
    assert body.endswith(b',"data":' + UNUSUAL.data.encode() + b"}")
    for spelling in (b"1.10", b"1e400", b"-0.0", b"10E-2", "bücher.example".encode(), rb"\u2603", rb"\ud800"):
        assert spelling in body


def test_an_event_carries_the_time_it_occurred() -> None:
    """The body's time is the producer's when there is one, the acceptance otherwise, in UTC either way."""
    assert b'"timestamp":"2026-07-02T12:00:59Z"' in _composed(UNUSUAL, (SECRET,))[1]
    assert b'"timestamp":"2026-07-02T12:00:00Z"' in _composed(CREATED, (SECRET,))[1]


def test_a_retry_is_the_same_but_for_time_and_signature() -> None:
    """A later attempt sends the same body and id; only the time and the signature over it are new."""
    headers, body = _composed(CREATED, (SECRET,))
    again = dialects.headers((SECRET,), DELIVERY, SENT_AT + timedelta(seconds=14), body)
    assert {name for name in headers if headers[name] != again[name]} == {"webhook-timestamp", "webhook-signature"}
