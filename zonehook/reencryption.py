"""The desk for encryption keys: a new one takes the place of all others, while everybody works on.

The order is the whole point, and what a kill at any moment leaves can be gone on with:

1. the new key is added last to the key file: who meets something sealed with it reads the file again, and can open it;
2. the others are retired, in the database: from that commit on nobody, whatever keys it holds, seals with one of them;
3. everything is sealed anew in small transactions;
4. the others are dropped from the file.
"""

import asyncio
import fcntl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Table

from zonehook import clock
from zonehook.errors import Conflict, Invalid, Unavailable
from zonehook.store import cipher, sealed
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database

_AT_ONCE = 50  # rows a transaction: others want to write, too
_PAUSE_SECONDS = 0.01
_TRIES = 10  # of one transaction, where the database is busy
Tell = Callable[[int, int], None]
Found = TypeVar("Found")


class Reencryption:
    """`given` are the keys of ZONEHOOK_ENCRYPTION_KEYS; without any, those in the home's file are used and changed."""

    def __init__(self, database: Database, given: Sequence[str], home: Path) -> None:
        self._database = database
        self._given = tuple(given)
        self._home = home

    async def rotate(self, tell: Tell = lambda _done, _all: None) -> int:
        """Seals everything with a new key: one it makes, or the first of those given. Returns how many rows there were;
        `tell` hears of the progress. Raises Invalid, Conflict when another rotation runs, Unavailable.
        """
        if not await self._database.read(sealed.is_ready):
            raise Conflict("not_migrated", "the database is of an earlier version; start this one first: make run")
        if self._given:
            return await self._to_the_first(self._given, tell)
        with _alone(self._home):
            keys = await self._with_a_new_one()
            done = await self._to_the_first((keys[-1], *keys[:-1]), tell)
            cipher.write_keys(self._home, keys[-1:])
            return done

    async def _with_a_new_one(self) -> tuple[str, ...]:
        """The file's keys, the new one last; that of an earlier rotation which was killed after it had begun."""
        keys = cipher.known_keys(self._home)
        Cipher(keys)  # a line that is no key must not be dropped with the old ones
        retired = await self._database.read(sealed.known_retired)
        ids = [cipher.key_id(key) for key in keys]
        if retired.isdisjoint(ids) or ids[-1] in retired:
            keys = (*keys, cipher.new_key())
            cipher.write_keys(self._home, keys)
        return keys

    async def _to_the_first(self, keys: Sequence[str], tell: Tell) -> int:
        newest, *others = keys
        if not others:
            raise Invalid.field(
                "ZONEHOOK_ENCRYPTION_KEYS",
                "ZONEHOOK_ENCRYPTION_KEYS has one key; put a new one before it, for every process, and run this again",
            )
        opening = Cipher(keys)
        target = Fernet(newest)
        if cipher.key_id(newest) in await self._database.read(sealed.known_retired):
            raise Invalid.field(
                "ZONEHOOK_ENCRYPTION_KEYS", "the first of ZONEHOOK_ENCRYPTION_KEYS was retired; put a new key first"
            )

        def reseal(value: bytes) -> bytes | None:
            try:
                target.decrypt(value)
            except InvalidToken:
                return target.encrypt(opening.open(value).encode())
            return None

        ids = [cipher.key_id(each) for each in others]
        await _patiently(lambda: self._database.write(sealed.retire, ids, clock.now()))
        return await self._walk(reseal, tell)

    async def _walk(self, reseal: sealed.Reseal, tell: Tell) -> int:
        done, total = 0, await self._database.read(sealed.count)
        for table in sealed.tables():
            after = ""
            while found := await self._some(table, after, reseal):
                after, count = found
                done += count
                tell(done, max(done, total))
                await asyncio.sleep(_PAUSE_SECONDS)
        return done

    async def _some(self, table: Table, after: str, reseal: sealed.Reseal) -> tuple[str, int] | None:
        return await _patiently(lambda: self._database.write(sealed.reseal_some, table, after, _AT_ONCE, reseal))


async def _patiently(write: Callable[[], Awaitable[Found]]) -> Found:
    """Raises Unavailable when the database stays busy."""
    for _ in range(_TRIES - 1):
        try:
            return await write()
        except Unavailable:
            await asyncio.sleep(_PAUSE_SECONDS)
    return await write()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Raises Conflict while another process rotates the keys of this home, Invalid where there is no home."""
    cipher.known_keys(home)
    with (home / "encryption.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it however the process ends
        except OSError:
            raise Conflict("rotation_under_way", "another rotation is under way; wait for its end") from None
        yield
