"""The time and the dice: the only place that reads either, so that everything else takes them as arguments."""

import secrets
from datetime import UTC, datetime

from zonehook import ids, keys


def now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


def at(seconds: float) -> datetime:
    """The time so many seconds after the beginning of 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def new_id(prefix: str) -> str:
    """A fresh time-ordered id."""
    return ids.time_ordered(prefix, now(), secrets.token_bytes(ids.ENTROPY_BYTES))


def new_api_key() -> str:
    """A fresh API key."""
    return keys.api_key(secrets.token_bytes(keys.ENTROPY_BYTES))
