"""The database: SQLite or PostgreSQL behind two verbs, `read` and `write`. Being away is one error: Unavailable."""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator

from sqlalchemy import AsyncAdaptedQueuePool, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from zonehook import metrics
from zonehook.errors import Unavailable

_LOCK_WAIT_SECONDS = 2
_POOL_WAIT_SECONDS = 5
_CONNECTIONS = 8
_log = logging.getLogger(__name__)


class Database:
    """One per process. Close it before the loop ends."""

    def __init__(self, url: str) -> None:
        make = _sqlite if url.startswith("sqlite") else _postgresql
        self._reading = make(url, reading=True)
        self._writing = make(url, reading=False)
        _count(self._reading, "read")
        _count(self._writing, "write")
        event.listen(self._writing.sync_engine, "commit", lambda _connection: metrics.transaction())

    @property
    def engine(self) -> AsyncEngine:
        """The engine that writes, for migrations."""
        return self._writing

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for statements that change nothing. Raises Unavailable."""
        with _as_unavailable():
            async with self._reading.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed whole when the block ends, or not at all. Raises Unavailable."""
        with _as_unavailable():
            async with self._writing.begin() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def references_unchecked(self) -> AsyncIterator[None]:
        """For changing tables: SQLite does it by making a table anew, and drops no table that others refer to."""
        await self._check_references("OFF")
        try:
            yield
        finally:
            await self._check_references("ON")

    async def close(self) -> None:
        await self._reading.dispose()
        await self._writing.dispose()

    async def _check_references(self, wanted: str) -> None:
        def set_pragma(connection: Connection) -> None:
            cursor = connection.connection.cursor()
            cursor.execute(f"PRAGMA foreign_keys={wanted}")
            cursor.close()

        if self._writing.dialect.name == "sqlite":
            with _as_unavailable():
                async with self._writing.connect() as only:  # a pool of one: who writes next has it, too
                    await only.run_sync(set_pragma)


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


def _count(engine: AsyncEngine, kind: str) -> None:
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            metrics.statement(kind)

    event.listen(engine.sync_engine, "before_cursor_execute", note)


def _cause(problem: Exception) -> str:
    """The driver's first line: what SQLAlchemy adds to it quotes the statement and its values."""
    original = problem.orig if isinstance(problem, DBAPIError) else problem
    return str(original).partition("\n")[0]


def _sqlite(url: str, reading: bool) -> AsyncEngine:
    # SQLite lets one writer in at a time and makes the others poll; a pool of one takes turns, cheaper and fair.
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=_CONNECTIONS if reading else 1,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,  # they hold customers' data, and errors are logged
        connect_args={"timeout": _LOCK_WAIT_SECONDS, "isolation_level": None},
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    if not reading:
        event.listen(engine.sync_engine, "begin", _begin_immediately)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediately(connection: Connection) -> None:
    # A transaction that begins by reading cannot wait for its turn to write: SQLite fails it at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: str, reading: bool) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=_CONNECTIONS,
        max_overflow=_CONNECTIONS,
        pool_pre_ping=True,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT" if reading else "READ COMMITTED",
        connect_args={"connect_timeout": 5},
    )
