"""API keys: how they look and how they are remembered. A key has 256 random bits, so one hash is enough."""

import base64
import hashlib
from enum import StrEnum

ENTROPY_BYTES = 32


class Scope(StrEnum):
    """What a key may do. `OPERATOR` belongs to no account and manages accounts alone."""

    MANAGE = "manage"
    READ = "read"
    PUBLISH = "publish"
    OPERATOR = "operator"


def api_key(entropy: bytes) -> str:
    """A key from 32 random bytes: `zhk_` and 43 characters, shown once and stored only as `digest`."""
    return "zhk_" + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def digest(key: str) -> str:
    """What is stored and looked up instead of the key: finding it reveals nothing about near misses."""
    return hashlib.sha256(key.encode()).hexdigest()
