"""The Standard Webhooks signature (https://www.standardwebhooks.com): secrets, signing, verifying. Pure."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300


def secret(entropy: bytes) -> str:
    """A signing secret from 24 to 64 random bytes: `whsec_` and their base64."""
    return PREFIX + base64.b64encode(entropy).decode()


def secret_problem(text: str) -> str | None:
    """What is wrong with a signing secret that a user brings, as a sentence; None when it can sign."""
    try:
        key = _key(text)
    except (ValueError, binascii.Error):
        key = b""
    if base64.b64encode(key).decode() != text.removeprefix(PREFIX):
        key = b""  # too much padding: some languages' decoders refuse what Python's takes
    if not text.startswith(PREFIX) or not 24 <= len(key) <= 64:
        return "a signing secret is whsec_ and the base64 of 24 to 64 bytes; leave it out to have one made"
    return None


def headers(secrets: tuple[str, ...], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers over `id.timestamp.body`; during a rotation each secret adds a signature."""
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_sign(each, message_id, timestamp, body) for each in secrets),
    }


def verify(text: str, received: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """Why a received delivery is not genuine, as a sentence; None when it is. Header names in lower case."""
    timestamp = received.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,15}", timestamp) or abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return f"webhook-timestamp is missing or further than {TOLERANCE_SECONDS} seconds from now"
    expected = _sign(text, received.get("webhook-id", ""), timestamp, body)
    offered = received.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in offered):
        return "no signature in webhook-signature was made with this secret over these bytes"
    return None


def _sign(text: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(text), signed, hashlib.sha256)).decode()


def _key(text: str) -> bytes:
    return base64.b64decode(text.removeprefix(PREFIX), validate=True)
