"""The bytes of the standard dialect where they are most easily spoilt; test_golden has the ordinary ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from standardwebhooks import Webhook

from zonehook import dialects, signatures
from zonehook.dialects import Letter
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


def _composed(event: AcceptedEvent, secrets: tuple[str, ...]) -> tuple[dict[str, str], bytes]:
    body = dialects.named("standard").envelope(Letter(event, DELIVERY, "an account"))
    return dialects.headers("standard", secrets, DELIVERY, SENT_AT, body), body


def test_during_a_rotation_both_secrets_sign() -> None:
    """The Standard Webhooks library makes the very signatures of the header, one with each secret, newest first."""
    headers, body = _composed(UNUSUAL, (SECRET, OLD_SECRET))
    expected = [Webhook(each).sign(DELIVERY, SENT_AT, body.decode()) for each in (SECRET, OLD_SECRET)]
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
    again = dialects.headers("standard", (SECRET,), DELIVERY, SENT_AT + timedelta(seconds=14), body)
    assert {name for name in headers if headers[name] != again[name]} == {"webhook-timestamp", "webhook-signature"}
