"""Encryption at rest for signing secrets and custom headers. The first key encrypts; every key still decrypts."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from zonehook.errors import Invalid

_FILE = "encryption.keys"


class Cipher:
    """Encrypts texts and maps of texts. Raises Invalid for keys that are none."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise Invalid.field(
                "ZONEHOOK_ENCRYPTION_KEYS",
                "ZONEHOOK_ENCRYPTION_KEYS: each key is the URL-safe base64 of 32 bytes; the first one encrypts",
            ) from None

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises Invalid when none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise Invalid(
                "encryption_key_missing",
                "a stored secret was encrypted with a key that is not in ZONEHOOK_ENCRYPTION_KEYS",
            ) from None

    def seal_map(self, texts: dict[str, str]) -> bytes:
        return self.seal(json.dumps(texts))

    def open_map(self, sealed: bytes) -> dict[str, str]:
        texts: dict[str, str] = json.loads(self.open(sealed))
        return texts


def keys_under(home: Path) -> tuple[str, ...]:
    """The keys kept in the home's `encryption.keys`, one a line; made on the first start, readable by its owner."""
    path = home / _FILE
    if not path.exists():
        fresh = home / f"{_FILE}.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
        fresh.replace(path)  # whole or not at all: an empty file would be no key for ever
    return known_keys(home)


def known_keys(home: Path) -> tuple[str, ...]:
    """The same, for a process that must not make its own: what it sealed nobody else could open. Raises Invalid."""
    try:
        return tuple((home / _FILE).read_text().split())
    except OSError as problem:
        raise Invalid.field(
            "ZONEHOOK_ENCRYPTION_KEYS",
            f"cannot read {home / _FILE} ({problem.strerror}); set ZONEHOOK_ENCRYPTION_KEYS to the keys the API has",
        ) from None
