"""The dialects by name. Adding a vendor is one new module here and its golden wire files."""

from datetime import datetime

from zonehook import __version__, signatures
from zonehook.dialects import standard
from zonehook.dialects.dialect import Dialect

_DIALECTS = {dialect.name: dialect for dialect in (standard.DIALECT,)}
NAMES = tuple(sorted(_DIALECTS))


def named(name: str) -> Dialect:
    """The dialect of this name. Raises KeyError for one there is not."""
    return _DIALECTS[name]


def headers(secrets: tuple[str, ...], delivery_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of one attempt, signed at that moment with each of the secrets."""
    return {
        "content-type": "application/json",
        "user-agent": f"Zonehook/{__version__}",
        **signatures.headers(secrets, delivery_id, at, body),
    }


__all__ = ["NAMES", "Dialect", "headers", "named"]
