"""Signatures by the Standard Webhooks specification, held against the specification's own library."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from zonehook import signatures

SECRET = signatures.secret(bytes(range(32)))
OTHER = signatures.secret(bytes(range(1, 33)))
BODY = '{"type":"domain.create","timestamp":"2026-07-02T12:00:00Z","data":{"name":"bücher.example"}}'.encode()


def _now() -> datetime:
    return datetime.now(UTC)  # the library reads the clock itself


def _refusals(secret: str, headers: dict[str, str], body: bytes) -> tuple[bool, bool]:
    """Whether the library refuses, and whether we do."""
    try:
        Webhook(secret).verify(body, headers)
        by_library = False
    except WebhookVerificationError:
        by_library = True
    return by_library, signatures.verify(secret, headers, body, _now()) is not None


def test_the_library_verifies_what_we_sign() -> None:
    """A receiver with the stock library accepts a delivery and reads its body."""
    headers = signatures.headers((SECRET,), "dlv_1", _now(), BODY)
    assert Webhook(SECRET).verify(BODY, headers) == json.loads(BODY)
    assert _refusals(SECRET, headers, BODY) == (False, False)


@given(st.binary(min_size=24, max_size=64), st.text(max_size=20), st.dictionaries(st.text(), st.integers()))
def test_we_sign_as_the_library_does(entropy: bytes, delivery_id: str, data: dict[str, int]) -> None:
    """For any secret, id and body both arrive at the same signature."""
    secret, at = signatures.secret(entropy), datetime(2026, 7, 2, 12, tzinfo=UTC)
    body = json.dumps(data, ensure_ascii=True)
    ours = signatures.headers((secret,), delivery_id, at, body.encode())
    assert ours["webhook-signature"] == Webhook(secret).sign(delivery_id, at, body)


def test_the_headers_are_the_specifications_three() -> None:
    """Id, Unix seconds and `v1,` with the base64 of 32 bytes."""
    headers = signatures.headers((SECRET,), "dlv_1", datetime(2026, 7, 2, 12, 0, 0, 999_999, tzinfo=UTC), BODY)
    version, _, signature = headers["webhook-signature"].partition(",")
    assert headers.keys() == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert (headers["webhook-id"], headers["webhook-timestamp"], version) == ("dlv_1", "1782993600", "v1")
    assert len(base64.b64decode(signature, validate=True)) == 32


def test_another_secret_verifies_nothing() -> None:
    """A delivery is refused by whoever holds another secret."""
    headers = signatures.headers((SECRET,), "dlv_1", _now(), BODY)
    assert _refusals(OTHER, headers, BODY) == (True, True)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    """A body with any one byte changed is refused by both."""
    headers = signatures.headers((SECRET,), "dlv_1", _now(), BODY)
    changed = BODY[:place] + bytes([BODY[place] ^ change]) + BODY[place + 1 :]
    assert signatures.verify(SECRET, headers, changed, _now()) is not None
    if changed.isascii():  # the library decodes before it compares
        assert _refusals(SECRET, headers, changed) == (True, True)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_changed_or_missing_header_is_noticed(name: str) -> None:
    """A delivery whose id, time or signature was altered or removed is refused by both."""
    headers = signatures.headers((SECRET,), "dlv_1", _now(), BODY)
    altered = headers | {name: headers[name][:-2] + ("0=" if headers[name][-2:] != "0=" else "4=")}
    earlier = headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}
    missing = {key: value for key, value in headers.items() if key != name}
    for received in (altered, earlier, missing):
        assert _refusals(SECRET, received, BODY) == (True, True)


@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_delivery_of_another_time_is_refused(seconds: int) -> None:
    """More than five minutes from now, in the past or the future, a delivery may be a repetition."""
    headers = signatures.headers((SECRET,), "dlv_1", _now() + timedelta(seconds=seconds), BODY)
    assert _refusals(SECRET, headers, BODY) == (True, True)


@pytest.mark.parametrize("seconds", [-290, 0, 290])
def test_clocks_may_differ_by_minutes(seconds: int) -> None:
    """Less than five minutes from now a delivery is taken."""
    headers = signatures.headers((SECRET,), "dlv_1", _now() + timedelta(seconds=seconds), BODY)
    assert _refusals(SECRET, headers, BODY) == (False, False)


def test_during_a_rotation_both_secrets_verify() -> None:
    """While two secrets sign, receivers with the new and with the old one accept, and no others."""
    headers = signatures.headers((SECRET, OTHER), "dlv_1", _now(), BODY)
    stranger = signatures.secret(bytes(32))
    assert _refusals(SECRET, headers, BODY) == (False, False)
    assert _refusals(OTHER, headers, BODY) == (False, False)
    assert _refusals(stranger, headers, BODY) == (True, True)


@pytest.mark.parametrize("timestamp", ["", "soon", "1.5", "-1", "\u00b2", "\u0661", "9" * 400, "9" * 5000])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    """Whatever a stranger writes for the time, the answer is a refusal and no crash."""
    headers = signatures.headers((SECRET,), "dlv_1", _now(), BODY) | {"webhook-timestamp": timestamp}
    assert signatures.verify(SECRET, headers, BODY, _now()) is not None


@pytest.mark.parametrize("signature", ["", "v1", "v1,", "v1,ü", "v2,abc", "x" * 10_000, "v1,a v1,b"])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    """Whatever a stranger writes for a signature, the answer is a refusal and no crash."""
    headers = signatures.headers((SECRET,), "dlv_1", _now(), BODY) | {"webhook-signature": signature}
    assert signatures.verify(SECRET, headers, BODY, _now()) is not None


@pytest.mark.parametrize("length", [24, 25, 32, 63, 64])
def test_a_secret_has_24_to_64_bytes(length: int) -> None:
    """Secrets of the specification's lengths are accepted, and the library takes them too."""
    secret = signatures.secret(bytes(length))
    assert signatures.secret_problem(secret) is None
    Webhook(secret)


@pytest.mark.parametrize(
    "text",
    [
        "", "whsec_", "hunter2",
        signatures.secret(bytes(23)), signatures.secret(bytes(65)),
        SECRET.removeprefix("whsec_"), SECRET.upper(), f"x{SECRET}", f" {SECRET}", f"{SECRET}\n", f"{SECRET} ",
        SECRET.rstrip("="), f"whsec_{SECRET}", "whsec_" + "-_" * 16, "whsec_" + "ü" * 32, "whsec_" + "A" * 33,
    ],
)  # fmt: skip
def test_other_secrets_are_refused_with_a_sentence(text: str) -> None:
    """A secret of another form is refused, with the right form named."""
    problem = signatures.secret_problem(text)
    assert problem is not None
    assert "whsec_" in problem
    assert "24 to 64 bytes" in problem


def test_secrets_differ_with_their_bytes() -> None:
    """Two draws of random bytes make two secrets."""
    assert SECRET != OTHER
    assert SECRET.startswith("whsec_")
