"""The encryption key is rotated while others seal and open, is killed at any moment, and is run again."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, select

from tests.store import given
from zonehook.errors import Conflict, Invalid, Unavailable
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.reencryption import Reencryption
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import cipher as ciphers
from zonehook.store import endpoints, sealed
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.tables import endpoints as table

SECRET = "whsec_" + "A" * 32
ROWS = 120  # more than two transactions' worth
COLUMNS = ("secret", "previous_secret", "headers")


class Killed(BaseException):
    """What a process does not survive."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with its first key."""
    ciphers.keys_under(tmp_path)
    return tmp_path


@pytest.fixture
def registry(database: Database, home: Path) -> Registry:
    """The desk of a process that was started before any rotation."""
    return Registry(database, ciphers.following((), home), ())


@pytest.fixture
def ledger(database: Database, home: Path) -> Ledger:
    """The same of a worker's."""
    return Ledger(database, ciphers.following((), home), time_scale=1)


@pytest_asyncio.fixture
async def elsewhere(url: str, database: Database) -> AsyncIterator[Database]:
    """The same database as another process has it."""
    another = Database(url)
    yield another
    await another.close()


def _all_sealed(conn: Connection) -> list[bytes]:
    rows = conn.execute(select(*(table.c[name] for name in COLUMNS))).all()
    return [value for row in rows for value in row if value is not None]


async def _open_all(database: Database, home: Path) -> int:
    """How many sealed values there are, each of which the only key left opens."""
    [only] = ciphers.known_keys(home)
    opening = Cipher([only])
    return len([opening.open(each) for each in await database.read(_all_sealed)])


async def _rows(database: Database, registry: Registry, account_id: int) -> None:
    """Endpoints with a secret, custom headers and, one in two, a secret of before; one in three is deleted."""
    for number in range(ROWS):
        endpoint_id = await given.endpoint(registry, account_id, headers={"X-Token": f"token {number}"})
        if number % 2:
            await registry.rotate_secret(Actor(account_id), endpoint_id)
        if not number % 3:
            await registry.delete(Actor(account_id), endpoint_id)


async def test_everything_is_sealed_anew(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, home: Path, account_id: int
) -> None:
    """Every sealed column of every row, deleted endpoints' too, opens with the new key alone; the old one is gone; and
    processes that were started before open and seal.
    """
    await _rows(database, registry, account_id)
    kept = await given.endpoint(registry, account_id, secret=SECRET, headers={"X-Token": "mine"})
    [before] = ciphers.known_keys(home)
    told: list[tuple[int, int]] = []

    done = await Reencryption(database, (), home).rotate(lambda *now: told.append(now))

    assert done == ROWS + 1
    assert told[-1] == (done, done)
    assert before not in ciphers.known_keys(home)
    assert await _open_all(database, home) == 2 * (ROWS + 1) + ROWS // 2
    orders = (await fanout.open(given.event(account_id))).orders
    [order] = [each for each in orders if each.endpoint_id == kept]
    duty = await ledger.duty(order)
    assert (duty.secrets, duty.headers) == ((SECRET,), {"X-Token": "mine"})
    rotated = await registry.rotate_secret(Actor(account_id), kept)
    assert await registry.reveal_secret(Actor(account_id), kept) == rotated
    await _open_all(database, home)


async def test_again_and_again(database: Database, registry: Registry, home: Path, account_id: int) -> None:
    """A process that slept through three rotations still opens what it meets and seals with the key of the day."""
    endpoint_id = await given.endpoint(registry, account_id, secret=SECRET)
    for _ in range(3):
        await Reencryption(database, (), home).rotate()
    assert await registry.reveal_secret(Actor(account_id), endpoint_id) == SECRET
    await given.endpoint(registry, account_id)
    assert await _open_all(database, home) == 4


KILLS: dict[str, tuple[object, str, int]] = {
    "before the file": (ciphers, "write_keys", 0),
    "after the file": (sealed, "retire", 0),
    "after retiring": (sealed, "count", 0),
    "in the first transaction": (sealed, "_fresh", 10),
    "between two": (sealed, "reseal_some", 1),
    "before the end": (ciphers, "write_keys", 1),
}


@pytest.mark.parametrize("moment", KILLS)
async def test_killed_and_run_again(
    database: Database,
    registry: Registry,
    home: Path,
    account_id: int,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Wherever it is killed everything can be opened and sealed, by old processes and new; run again, it comes to its
    end.
    """
    await _rows(database, registry, account_id)
    kept = await given.endpoint(registry, account_id, secret=SECRET)
    place, name, calls = KILLS[moment]
    with monkeypatch.context() as patched:
        patched.setattr(place, name, _killing(getattr(place, name), calls))
        with pytest.raises(Killed):
            await Reencryption(database, (), home).rotate()

    started_since = Registry(database, ciphers.following((), home), ())
    for desk in (registry, started_since):
        assert await desk.reveal_secret(Actor(account_id), kept) == SECRET
        await given.endpoint(desk, account_id)
    await Reencryption(database, (), home).rotate()

    assert await _open_all(database, home) == 2 * (ROWS + 3) + ROWS // 2
    for desk in (registry, started_since):
        assert await desk.reveal_secret(Actor(account_id), kept) == SECRET


def _killing(call: Callable[..., Any], after: int) -> Callable[..., Any]:
    """The same, so often; then never again."""
    left = after

    def called(*args: Any) -> Any:
        nonlocal left
        if left <= 0:
            raise Killed
        left -= 1
        return call(*args)

    return called


async def test_a_key_is_not_retired_under_a_transaction_that_seals(
    database: Database, elsewhere: Database, registry: Registry, home: Path, account_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What another process had sealed with the old key, and commits in the middle of a rotation, is sealed anew."""
    has_sealed, may_commit = threading.Event(), threading.Event()
    add = endpoints.add

    def add_late(*args: Any) -> Any:
        added = add(*args)
        has_sealed.set()
        may_commit.wait(10)
        return added

    monkeypatch.setattr(endpoints, "add", add_late)
    registering = asyncio.create_task(given.endpoint(registry, account_id, secret=SECRET))
    await asyncio.to_thread(has_sealed.wait, 10)
    rotating = asyncio.create_task(Reencryption(elsewhere, (), home).rotate())
    async with asyncio.timeout(10):
        while len(ciphers.known_keys(home)) < 2:  # noqa: ASYNC110 (a file tells nobody)
            await asyncio.sleep(0.01)
    await asyncio.wait({rotating}, timeout=0.3)
    was_waiting = not rotating.done()
    may_commit.set()
    endpoint_id = await registering
    await rotating

    assert was_waiting
    assert await _open_all(database, home) == 2
    assert await registry.reveal_secret(Actor(account_id), endpoint_id) == SECRET


async def test_nobody_seals_with_a_retired_key(database: Database, account_id: int) -> None:
    """A process that has no other key than a retired one refuses to write, in a sentence, and writes nothing."""
    old, new = ciphers.new_key(), ciphers.new_key()
    behind = Registry(database, Cipher([old]), ())
    endpoint_id = await given.endpoint(behind, account_id, secret=SECRET)
    assert await Reencryption(database, (new, old), Path("nowhere")).rotate() == 1

    with pytest.raises(Unavailable, match="ZONEHOOK_ENCRYPTION_KEYS") as caught:
        await given.endpoint(behind, account_id)
    assert caught.value.code == "encryption_key_retired"
    with pytest.raises(Unavailable):
        await behind.rotate_secret(Actor(account_id), endpoint_id)
    with pytest.raises(Unavailable):
        await behind.change(Actor(account_id), endpoint_id, {"headers": {"X-Token": "hunter2"}})
    up_to_date = Registry(database, Cipher([old, new]), ())
    assert await up_to_date.reveal_secret(Actor(account_id), endpoint_id) == SECRET
    await given.endpoint(up_to_date, account_id)
    assert len([Cipher([new]).open(each) for each in await database.read(_all_sealed)]) == 4


@pytest.mark.parametrize("place", [0, 1])
async def test_keys_of_the_environment(database: Database, account_id: int, place: int) -> None:
    """With keys given, one alone is refused, and so is going back to one that was retired; both name the setting."""
    old, new = ciphers.new_key(), ciphers.new_key()
    await given.endpoint(Registry(database, Cipher([old]), ()), account_id)
    await Reencryption(database, (new, old), Path("nowhere")).rotate()
    keys = [(new,), (old, new)][place]
    with pytest.raises(Invalid, match="ZONEHOOK_ENCRYPTION_KEYS"):
        await Reencryption(database, keys, Path("nowhere")).rotate()


async def test_one_rotation_at_a_time(database: Database, registry: Registry, home: Path, account_id: int) -> None:
    """A second one is refused while the first goes on, and changes nothing."""
    await given.endpoint(registry, account_id)
    first = asyncio.create_task(Reencryption(database, (), home).rotate())
    async with asyncio.timeout(10):
        while len(ciphers.known_keys(home)) < 2:  # noqa: ASYNC110 (a file tells nobody)
            await asyncio.sleep(0)
    with pytest.raises(Conflict) as caught:
        await Reencryption(database, (), home).rotate()
    await first
    assert caught.value.code == "rotation_under_way"
    assert await _open_all(database, home) == 2


async def test_a_home_without_keys(database: Database, tmp_path: Path) -> None:
    """In a folder where no Zonehook was started nothing is made; a sentence says what is missing."""
    with pytest.raises(Invalid, match=r"cannot read .*encryption\.keys"):
        await Reencryption(database, (), tmp_path).rotate()
    assert not (tmp_path / "encryption.keys").exists()
