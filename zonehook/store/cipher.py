"""Encryption at rest for signing secrets and custom headers. The first key that is not retired seals; every key opens.

Keys come and go while processes run: one that meets a value it cannot open, or whose keys are all retired, reads the
key file again. What it knew before it still opens: a value may have been read a moment before its key was dropped.
"""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from zonehook.errors import Invalid, Unavailable

_FILE = "encryption.keys"
_KEPT = 10_000  # values, two of an endpoint: they are needed again for its next delivery
_NOBODY: frozenset[str] = frozenset()


class Cipher:
    """Encrypts texts and maps of texts. `reread` gives the keys as they are now. Raises Invalid for malformed ones."""

    def __init__(self, keys: Sequence[str], reread: Callable[[], Sequence[str]] | None = None) -> None:
        self._reread = reread
        self._keys: dict[str, Fernet] = {}
        self._known = functools.lru_cache(_KEPT)(self._opened)  # 0.1 ms of what an attempt costs
        self._learn(keys)

    def seal(self, text: str, retired: frozenset[str] = _NOBODY) -> bytes:
        """Never with a key whose id is among `retired`. Raises Unavailable when there is no other."""
        return self._sealing(retired).encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises Invalid when none of the keys fits."""
        return self._known(sealed).decode()

    def seal_map(self, texts: dict[str, str], retired: frozenset[str] = _NOBODY) -> bytes:
        return self.seal(json.dumps(texts), retired)

    def open_map(self, sealed: bytes) -> dict[str, str]:
        texts: dict[str, str] = json.loads(self.open(sealed))
        return texts

    def _sealing(self, retired: frozenset[str]) -> Fernet:
        usable = [key for key_id, key in self._keys.items() if key_id not in retired]
        if not usable and self._reread:
            self._learn(self._reread())
            usable = [key for key_id, key in self._keys.items() if key_id not in retired]
        if not usable:
            raise Unavailable(
                "encryption_key_retired",
                "every encryption key of this process was retired; put the new one into ZONEHOOK_ENCRYPTION_KEYS",
            )
        return usable[0]

    def _opened(self, sealed: bytes) -> bytes:
        try:
            return self._all.decrypt(sealed)
        except InvalidToken:
            if self._reread:
                self._learn(self._reread())
        try:
            return self._all.decrypt(sealed)
        except InvalidToken:
            raise Invalid(
                "encryption_key_missing",
                "a stored secret was encrypted with a key that is not in ZONEHOOK_ENCRYPTION_KEYS",
            ) from None

    def _learn(self, keys: Sequence[str]) -> None:
        """Those that were known before come last."""
        try:
            given = {key_id(key): Fernet(key) for key in keys}
            known = given | {each: key for each, key in self._keys.items() if each not in given}
            self._all = MultiFernet(list(known.values()))
        except ValueError:
            raise Invalid.field(
                "ZONEHOOK_ENCRYPTION_KEYS",
                "ZONEHOOK_ENCRYPTION_KEYS: each key is the URL-safe base64 of 32 bytes; the first one encrypts",
            ) from None
        self._keys = known


def new_key() -> str:
    return Fernet.generate_key().decode()


def key_id(key: str) -> str:
    """What a key is called where the key itself must not stand."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def following(given: Sequence[str], home: Path, may_make: bool = False) -> Cipher:
    """A process's cipher: with the keys it was given, or else with those in the home's file, as that file changes.

    `may_make` makes the file where there is none. Raises Invalid.
    """
    if given:
        return Cipher(given)
    return Cipher(keys_under(home) if may_make else known_keys(home), lambda: known_keys(home))


def keys_under(home: Path) -> tuple[str, ...]:
    """The keys kept in the home's `encryption.keys`, one a line; made on the first start, readable by its owner."""
    if not (home / _FILE).exists():
        write_keys(home, (new_key(),))
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


def write_keys(home: Path, keys: Sequence[str]) -> None:
    """Replaces the file whole or not at all, and on the disk before anything is sealed with what it holds."""
    fresh = home / f"{_FILE}.{os.getpid()}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(f"{key}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(home / _FILE)
    folder = os.open(home, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
