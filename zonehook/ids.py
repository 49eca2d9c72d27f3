"""Public ids: a prefix that says what it is, then 26 characters that sort by time or follow from a key."""

import hashlib
import re
import uuid
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
ENTROPY_BYTES = 10
PATTERN = r"^[a-z]{2,8}_[0-9a-z]{26}$"


def time_ordered(prefix: str, now: datetime, entropy: bytes) -> str:
    """An id such as `dlv_01jd…`: 48 bits of milliseconds, then 80 random bits; later ids sort later."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"an id takes {ENTROPY_BYTES} bytes of entropy, got {len(entropy)}")
    milliseconds = int(now.timestamp() * 1000)
    return f"{prefix}_{_base32((milliseconds << 80) | int.from_bytes(entropy))}"


def derived(prefix: str, account_id: int, key: str) -> str:
    """The id that every request with this key in this account arrives at, however many come at once."""
    digest = hashlib.sha256(f"{account_id}\0{key}".encode()).digest()
    return f"{prefix}_{_base32(int.from_bytes(digest[:16]))}"


def as_uuid(id_: str) -> str:
    """The UUID that stands for an id on wires that want one; always the same."""
    digest = hashlib.sha256(id_.encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def is_id(text: str) -> bool:
    """Whether a text has the form of an id; what has not cannot be found."""
    return re.fullmatch(PATTERN[1:-1], text) is not None


def _base32(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_number(text: str) -> bool:
    """Whether a text is an account's id: a whole number that the database can hold."""
    return re.fullmatch(r"[0-9]{1,10}", text) is not None and int(text) < 2**31
