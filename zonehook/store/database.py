"""The database: SQLite or PostgreSQL behind two verbs, `read` and `write`. Being away is one error: Unavailable."""

import asyncio
import contextlib
import logging
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
    asynchronous drivers for SQLite do, costs three times the CPU.
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

        def in_a_thread() -> Found:
            with self._writing.begin() as connection:
                return change(connection, *args, **kwargs)

        with _as_unavailable():
            return await self._writers.run(in_a_thread)

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

    async def _check_references(self, wanted: str) -> None:
        def set_pragma() -> None:
            with self._writing.connect() as only:  # whoever writes next has it, too
                only.connection.cursor().execute(f"PRAGMA foreign_keys={wanted}")

        if self._writing.dialect.name == "sqlite":
            with _as_unavailable():
                await self._writers.run(set_pragma)


class _Threads:
    """As many as there are connections. Nobody waits for one longer than a pool of connections would let him."""

    def __init__(self, name: str, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, name)
        self._free = asyncio.Semaphore(count)

    async def run(self, call: Callable[[], Found]) -> Found:
        """What `call` returns. Raises TimeoutError when none of them is free for too long."""
        async with asyncio.timeout(_POOL_WAIT_SECONDS):
            await self._free.acquire()
        loop = asyncio.get_running_loop()
        done = self._executor.submit(call)
        # Not when its waiter goes: until the database answers, or the system gives up, the thread is not free
        done.add_done_callback(lambda _: loop.call_soon_threadsafe(self._free.release))
        return await asyncio.wrap_future(done)

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._executor.shutdown), _POOL_WAIT_SECONDS)


@contextlib.contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, OSError) as problem:
        _log.warning("the database cannot be reached: %s", _cause(problem))
        raise Unavailable("database_unavailable", "the database cannot be reached just now") from None
    except DBAPIError as problem:
        if not problem.connection_invalidated:
            raise
        raise Unavailable("database_unavailable", "the connection to the database was lost") from None


def _count(engine: Engine, kind: str) -> None:
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            metrics.statement(kind)

    event.listen(engine, "before_cursor_execute", note)


def _cause(problem: Exception) -> str:
    """The driver's first line: what SQLAlchemy adds to it quotes the statement and its values."""
    original = problem.orig if isinstance(problem, DBAPIError) else problem
    return str(original).partition("\n")[0]


def _sqlite(url: str, reading: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=_CONNECTIONS if reading else 1,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,  # they hold customers' data, and errors are logged
        connect_args={"timeout": _LOCK_WAIT_SECONDS, "isolation_level": None, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    if not reading:
        event.listen(engine, "begin", _begin_immediately)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediately(connection: Connection) -> None:
    # A transaction that begins by reading cannot wait for its turn to write: SQLite fails it at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


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
