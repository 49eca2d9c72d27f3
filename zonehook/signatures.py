"""Signatures: Standard Webhooks (https://www.standardwebhooks.com) and the vendors' hex HMACs. Pure."""

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
    if _decoded(text) is None:
        return "a signing secret is whsec_ and the base64 of 24 to 64 bytes; leave it out to have one made"
    return None


def text_secret_problem(text: str) -> str | None:
    """The same where any text may be the secret: printable ASCII alone, since libraries differ over the rest."""
    if not re.fullmatch("[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", text) or not 16 <= len(text) <= 256:
        return "a shared secret has 16 to 256 printable ASCII characters, with no space around them"
    return None


def headers(secrets: tuple[str, ...], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers over `id.timestamp.body`; during a rotation each secret adds a signature. No secret: the id."""
    if not secrets:
        return {"webhook-id": message_id}
    timestamp = unix_seconds(at)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_sign(each, message_id, timestamp, body) for each in secrets),
    }


def unix_seconds(at: datetime) -> str:
    """The moment as every timestamp header has it."""
    return str(int(at.timestamp()))


def hex_digest(text: str, message: bytes) -> str:
    """The vendors' HMAC-SHA256, in lower-case hex: its key is the secret's text as it stands."""
    return hmac.digest(text.encode(), message, hashlib.sha256).hex()


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
    """The bytes behind a whsec_ secret; of another text its own, which a stock library takes as their base64."""
    decoded = _decoded(text)
    return text.encode() if decoded is None else decoded


def _decoded(text: str) -> bytes | None:
    if not text.startswith(PREFIX):
        return None
    encoded = text.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return None
    # Too much padding: some languages' decoders refuse what Python's takes
    return key if 24 <= len(key) <= 64 and base64.b64encode(key).decode() == encoded else None
