"""A database for every test, on SQLite and on PostgreSQL, and the desks that keep it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from tests.store import postgres as cluster
from zonehook import clock
from zonehook.archive import Archive
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.registry import Registry
from zonehook.store import accounts, migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL with an empty database."""
    folder = cluster.programs()
    if folder is None:
        pytest.skip("no PostgreSQL on this machine; install it (Debian: apt-get install postgresql) to run this test")
    with cluster.running(folder) as address:
        yield f"postgresql://{address}/postgres"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'zonehook.db'}"
    address: str = request.getfixturevalue("postgres")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return address.replace("://", "+psycopg://")


@pytest_asyncio.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """An empty database with all tables."""
    database = Database(url)
    await migrate.upgrade(database)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def cipher() -> Cipher:
    return Cipher([Fernet.generate_key().decode()])


@pytest_asyncio.fixture
async def account_id(database: Database) -> int:
    """The account that a test is about."""
    return await _new_account(database)


@pytest_asyncio.fixture
async def stranger_id(database: Database) -> int:
    """Another account in the same database."""
    return await _new_account(database)


@pytest.fixture
def registry(database: Database, cipher: Cipher) -> Registry:
    return Registry(database, cipher, ())


@pytest.fixture
def fanout(database: Database) -> Fanout:
    """Fan-out with the schedules of production."""
    return Fanout(database, time_scale=1, is_fast=False)


@pytest.fixture
def ledger(database: Database, cipher: Cipher) -> Ledger:
    """The ledger; what is tested here never speaks to Temporal."""
    return Ledger(database, cipher, time_scale=1)


@pytest.fixture
def archive(database: Database, cipher: Cipher) -> Archive:
    return Archive(database, cipher)


async def _new_account(database: Database) -> int:
    account = await database.write(accounts.add, "someone", "standard", "unlimited", clock.now())
    return account.id
