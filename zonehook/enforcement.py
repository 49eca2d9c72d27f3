"""Holds documents against the schemas of event types. No account's keep another's, or the API, waiting for long."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakValueDictionary

from zonehook import schemas
from zonehook.errors import Detail
from zonehook.schemas import Schema
from zonehook.store import event_types
from zonehook.store.database import Database
from zonehook.store.event_types import Entry

Found = TypeVar("Found")
_KEPT = 500  # compiled schemas
_THREADS = 2


class Enforcement:
    """One per process. What a document may cost is bounded (zonehook/schemas). That much is done in a thread, and for
    one document of an account at a time, so that others find a thread free.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(_THREADS, "schemas")
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._compiled: OrderedDict[tuple[int, str, int], Schema | None] = OrderedDict()

    async def problems_of_event(self, account_id: int, type_: str, data: str, version: int | None) -> list[Detail]:
        """Where the data of an event does not fit its type's schema, by path. `version` is that of the account's
        catalogue as it stands (0: it has none, and nothing is looked up); None: look that up, too. Raises Unavailable.
        """
        if version is None:
            version = await self._database.read(event_types.version, account_id)
        schema = await self._schema(account_id, type_, version) if version else None
        return [] if schema is None else await self._in_turn(account_id, lambda: schema.problems(data))

    async def problems_of_type(self, account_id: int, wanted: Entry) -> list[Detail]:
        """What is wrong with a type's schema, or else where its own sample does not fit that."""
        return await self._in_turn(account_id, lambda: _problems_of_type(wanted))

    async def _schema(self, account_id: int, name: str, version: int) -> Schema | None:
        """Never an older one than of that version: every change of a catalogue makes it another."""
        key = (account_id, name, version)
        if key not in self._compiled:
            entry = await self._database.read(event_types.get, account_id, name)
            self._compiled[key] = Schema(entry.schema) if entry is not None and entry.schema is not None else None
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]

    async def _in_turn(self, account_id: int, look: Callable[[], Found]) -> Found:
        turn = self._turns.setdefault(account_id, asyncio.Lock())
        async with turn:
            return await asyncio.get_running_loop().run_in_executor(self._threads, look)


def _problems_of_type(wanted: Entry) -> list[Detail]:
    if wanted.schema is None:
        return []
    found = schemas.problems_of(wanted.schema)
    if not found and wanted.sample is not None:
        found = Schema(wanted.schema).problems(wanted.sample, called="sample")
    return found
