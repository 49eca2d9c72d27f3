"""The database: SQLite or PostgreSQL behind `read` and `write` (`…_at_once`). Being away is one error: Unavailable."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from zonehook import metrics
from zonehook.errors import Unavailable

P = ParamSpec("P")
Found = TypeVar("Found")
_LOCK_WAIT_SECONDS = 2
_POOL_WAIT_SECONDS = 5
_CONNECTIONS = 8
_HERE = "here"  # on the event loop's own thread
_CHECKPOINT_PAGES = 1000  # SQLite's own default
_CHECKPOINT_AFTER = 100  # writes of attempts fill nearly so many pages of the log
# A PostgreSQL that has gone without a word must not keep a thread: libpq's seconds to connect, milliseconds until what
# was sent is acknowledged, a silent connection given up after 5 + 3 * 2 seconds; and limits PostgreSQL itself keeps
_PATIENCE = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "options": "-c statement_timeout=10s -c lock_timeout=5s",
}
_log = logging.getLogger(__name__)


class Database:
    """One per process. Close it before the loop ends.

    Statements run in threads of their own, a whole transaction in one go: handing each statement over by itself, as
    asynchronous drivers for SQLite do, costs three times the CPU. On SQLite a short visit can be made without a thread.
    """

    def __init__(self, url: str) -> None:
        is_sqlite = url.startswith("sqlite")
        make = _sqlite if is_sqlite else _postgresql
        self.is_shared = not is_sqlite  # other machines' processes may use it, too
        self._reading, self._writing = make(url, reading=True), make(url, reading=False)
        self._readers = _Threads("reading", _CONNECTIONS)
        # SQLite lets one writer in at a time and makes the others poll; a single thread takes turns, cheaper and fair.
        self._writers = _Threads("writing", 1 if is_sqlite else _CONNECTIONS)
        _count(self._reading, "read")
        _count(self._writing, "write")
        event.listen(self._writing, "commit", lambda _connection: metrics.transaction())
        self._here = _Here(url, self._writing) if is_sqlite else None

    async def read(self, ask: Callable[Concatenate[Connection, P], Found], *args: P.args, **kwargs: P.kwargs) -> Found:
        """What `ask` finds, given a connection for statements that change nothing. Raises Unavailable."""

        def in_a_thread() -> Found:
            with self._reading.connect() as connection:
                return ask(connection, *args, **kwargs)

        with _as_unavailable():
            return await self._readers.run(in_a_thread)

    async def write(
        self, change: Callable[Concatenate[Connection, P], Found], *args: P.args, **kwargs: P.kwargs
    ) -> Found:
        """What `change` returns, which is given one transaction: committed whole when it returns, or not at all.

        Whoever gives up waiting for it does not stop it. Raises Unavailable.
        """
        with _as_unavailable():
            await self._writers.take()
            return await self._write_in_a_thread(lambda connection: change(connection, *args, **kwargs))

    async def read_at_once(
        self, ask: Callable[Concatenate[Connection, P], Found], *args: P.args, **kwargs: P.kwargs
    ) -> Found:
        """As `read`, for a row or two by their keys, which SQLite finds sooner than a thread hears of it. A database
        that is locked is left to a thread, and so is PostgreSQL.
        """
        if self._here is not None:
            with _as_unavailable(), _unless_locked(), self._here.reading.connect() as connection:
                return ask(connection, *args, **kwargs)
        return await self.read(ask, *args, **kwargs)

    async def write_at_once(
        self, change: Callable[Concatenate[Connection, P], Found], *args: P.args, **kwargs: P.kwargs
    ) -> Found:
        """As `write`, for a change of a row or two, which may be tried twice."""
        here = self._here
        if here is None or not here.takes_next_write():
            return await self.write(change, *args, **kwargs)
        with _as_unavailable(), contextlib.ExitStack() as turn:
            await self._writers.take()
            turn.callback(self._writers.give_back)
            with _unless_locked(), here.writing.begin() as connection:
                return change(connection, *args, **kwargs)
            turn.pop_all()  # a thread waits in this place
            return await self._write_in_a_thread(lambda connection: change(connection, *args, **kwargs))

    @contextlib.asynccontextmanager
    async def references_unchecked(self) -> AsyncIterator[None]:
        """For changing tables: SQLite does it by making a table anew, and drops no table that others refer to."""
        await self._check_references("OFF")
        try:
            yield
        finally:
            await self._check_references("ON")

    async def close(self) -> None:
        """Awaits what is under way, but no database that does not answer."""
        await self._readers.close()
        await self._writers.close()
        self._reading.dispose()
        self._writing.dispose()
        if self._here is not None:
            self._here.reading.dispose()
            self._here = None  # whoever comes now is told so by the threads

    async def _write_in_a_thread(self, change: Callable[[Connection], Found]) -> Found:
        """By one that was taken."""

        def in_a_thread() -> Found:
            with self._writing.begin() as connection:
                return change(connection)

        return await self._writers.run_taken(in_a_thread)

    async def _check_references(self, wanted: str) -> None:
        def set_pragma() -> None:
            with self._writing.connect() as only:  # whoever writes next has it, too
                only.connection.cursor().execute(f"PRAGMA foreign_keys={wanted}")

        if self._writing.dialect.name == "sqlite":
            with _as_unavailable():
                await self._writers.run(set_pragma)


class _Here:
    """SQLite on the event loop's own thread. `writing` is the connection of the thread that writes, while that is free.

    What is written here checkpoints nothing: that awaits the disk. The thread does, and gets two writes in so many, the
    first two among them: one opens the connection or checkpoints, the other begins the log anew.
    """

    def __init__(self, url: str, writing: Engine) -> None:
        self.reading = _sqlite(url, reading=True, connections=1, lock_wait=0)
        self.writing = writing.execution_options(**{_HERE: True})
        self._writes = 0
        _count(self.reading, "read")

    def takes_next_write(self) -> bool:
        place, self._writes = self._writes % _CHECKPOINT_AFTER, self._writes + 1
        return place > 1


class _Threads:
    """As many as there are connections. Nobody waits for one longer than a pool of connections would let him."""

    def __init__(self, name: str, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, name)
        self._free = asyncio.Semaphore(count)

    async def take(self) -> None:
        """One of them, which is to be given back. Raises TimeoutError when none is free for too long."""
        async with asyncio.timeout(_POOL_WAIT_SECONDS if self._free.locked() else None):
            await self._free.acquire()

    def give_back(self) -> None:
        self._free.release()

    async def run(self, call: Callable[[], Found]) -> Found:
        """What `call` returns. Raises TimeoutError when none of them is free for too long."""
        await self.take()
        return await self.run_taken(call)

    async def run_taken(self, call: Callable[[], Found]) -> Found:
        """The same by one that was taken; it gives itself back."""
        loop = asyncio.get_running_loop()
        done = self._executor.submit(call)
        # Not when its waiter goes: until the database answers, or the system gives up, the thread is not free
        done.add_done_callback(lambda _: loop.call_soon_threadsafe(self.give_back))
        return await asyncio.wrap_future(done)

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._executor.shutdown), _POOL_WAIT_SECONDS)


_AWAY = (OperationalError, sqlite3.OperationalError)  # SQLite's own too: a transaction is begun past SQLAlchemy


@contextlib.contextmanager
def _unless_locked() -> Iterator[None]:
    """Goes on where somebody else has locked SQLite."""
    try:
        yield
    except _AWAY as problem:
        original = problem.orig if isinstance(problem, DBAPIError) else problem
        if getattr(original, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise


@contextlib.contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except (*_AWAY, InterfaceError, PoolTimeout, OSError) as problem:
        _log.warning("the database cannot be reached: %s", _cause(problem))
        raise Unavailable("database_unavailable", "the database cannot be reached just now") from None
    except DBAPIError as problem:
        if not problem.connection_invalidated:
            raise
        raise Unavailable("database_unavailable", "the connection to the database was lost") from None


def _count(engine: Engine, kind: str) -> None:
    def note(*_told: object) -> None:
        metrics.statement(kind)

    event.listen(engine, "before_cursor_execute", note)


def _cause(problem: Exception) -> str:
    """The driver's first line: what SQLAlchemy adds to it quotes the statement and its values."""
    original = problem.orig if isinstance(problem, DBAPIError) else problem
    return str(original).partition("\n")[0]


def _sqlite(url: str, reading: bool, connections: int = _CONNECTIONS, lock_wait: float | None = None) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections if reading else 1,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,  # they hold customers' data, and errors are logged
        connect_args={
            "timeout": _LOCK_WAIT_SECONDS if lock_wait is None else lock_wait,
            "isolation_level": None,
            "check_same_thread": False,
        },
    )
    event.listen(engine, "connect", _prepare_sqlite)
    if not reading:
        event.listen(engine, "begin", _begin_immediately)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    with contextlib.closing(connection.cursor()) as cursor:  # `journal_mode` may meet a lock, too
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")


def _begin_immediately(connection: Connection) -> None:
    # A transaction that begins by reading cannot wait for its turn to write: SQLite fails it at once. Said to the
    # driver itself, which takes half as long.
    is_here = connection.get_execution_options().get(_HERE, False)
    # Closed whatever happens: one that is left to the garbage collector stops whichever thread that runs in, a
    # workflow's too, for as long as the connection waits for a lock
    with contextlib.closing(connection.connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA busy_timeout={0 if is_here else round(_LOCK_WAIT_SECONDS * 1000)}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={0 if is_here else _CHECKPOINT_PAGES}")
        cursor.execute("BEGIN IMMEDIATE")


def _postgresql(url: str, reading: bool) -> Engine:
    return create_engine(
        url,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT" if reading else "READ COMMITTED",
        connect_args=_PATIENCE,
    )
