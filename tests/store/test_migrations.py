"""A database of an earlier version keeps what it has when it is brought up to date."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, insert, text
from sqlalchemy.exc import IntegrityError

from tests.store import given
from zonehook import keys
from zonehook.archive import Archive
from zonehook.keyring import Keyring
from zonehook.ledger import Ledger
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Action, Actor, Role
from zonehook.store import deliveries, migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.tenants import Tenants
from zonehook.verdicts import DeliveryStatus, End

SHARED = '{"name":"bücher.example"}'.encode()
BODIES = {"dlv_1": SHARED, "dlv_2": SHARED, "dlv_3": b"\x00 its own"}


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _write(conn: Connection, cipher: Cipher) -> None:
    """An event as 0002 wrote it: to three endpoints, two of which are sent the same bytes, after one failure each."""
    tables = MetaData()
    tables.reflect(conn)

    def add(table: str, **values: object) -> None:
        conn.execute(insert(tables.tables[table]).values(values))

    own = {"account_id": 1, "created_at": given.AT}
    add("accounts", id=1, name="someone", dialect="standard", plan="unlimited", created_at=given.AT)
    add(
        "api_keys", id="key_1", account_id=1, name="owner", scope="manage", digest=keys.digest("zhk_old"),
        created_at=given.AT,
    )  # fmt: skip
    add("events", id="evt_1", account_id=1, fingerprint="0" * 64, type="zone.create", data="{}", accepted_at=given.AT)
    bodies = {body: f"body_{place}" for place, body in enumerate(set(BODIES.values()))}
    for body, body_id in bodies.items():
        add("bodies", id=body_id, bytes=body)
    for place, (delivery_id, body) in enumerate(BODIES.items()):
        endpoint_id = delivery_id.replace("dlv", "ep")
        add(
            "endpoints", account_id=1, created_at=given.AT - timedelta(hours=place), id=endpoint_id,
            url=given.URL, events=[], dialect="standard", updated_at=given.AT,
            secret=cipher.seal("whsec_" + "A" * 32), headers=cipher.seal_map({}), consecutive_failures=1,
        )  # fmt: skip
        add(
            "deliveries", **own, id=delivery_id, event_id="evt_1", endpoint_id=endpoint_id, body_id=bodies[body],
            type="zone.create", status="retrying", attempts=1, run=0, attempts_before_run=0, next_retry_at=given.AT,
        )  # fmt: skip
        add(
            "attempts", id=f"att_{delivery_id}", account_id=1, delivery_id=delivery_id, number=1, trigger="schedule",
            started_at=given.AT, duration_ms=250, status_code=503,
        )  # fmt: skip


@pytest_asyncio.fixture
async def upgraded(url: str, cipher: Cipher) -> AsyncIterator[Database]:
    """What 0002 wrote, in the tables of today."""
    database = Database(url)
    async with database.references_unchecked():
        await database.write(_upgrade, "0002")
    await database.write(_write, cipher)
    await migrate.upgrade(database)
    yield database
    await database.close()


@pytest.mark.parametrize("delivery_id", BODIES)
async def test_a_delivery_of_before_goes_on(upgraded: Database, cipher: Cipher, delivery_id: str) -> None:
    """What waits for its second attempt is sent the same bytes, and the attempt is listed after the first."""
    ledger, archive = Ledger(upgraded, cipher, time_scale=1), Archive(upgraded, cipher)
    order = (await ledger.standing(1, delivery_id)).order

    duty = await ledger.duty(order)
    decision = await ledger.record(order, duty, given.sent(2, 200))

    assert duty.body == BODIES[delivery_id]
    assert decision == End(DeliveryStatus.DELIVERED)
    attempts = await archive.attempts(1, delivery_id)
    assert [(each.number, each.status_code) for each in attempts] == [(1, 503), (2, 200)]
    health = await archive.health(1, order.endpoint_id)
    assert (health.last_failure_at, health.last_error) == (given.AT, "status_503")  # attempts of before count, too


async def test_a_key_of_before_opens_its_account(upgraded: Database) -> None:
    """A key that was made before there were members acts as its account's owner, and can be rotated."""
    caller = await Tenants(upgraded).caller("zhk_old", Action.MANAGE_MEMBERS)
    _, key = await Keyring(upgraded).rotate(caller, caller.key_id or "", timedelta(hours=1))

    for each in ("zhk_old", key):
        assert (await Tenants(upgraded).caller(each, Action.MANAGE_MEMBERS)).role is Role.OWNER


async def test_references_still_hold(upgraded: Database) -> None:
    """Nothing refers to what is not there, and nothing that would is taken."""
    if upgraded._writing.dialect.name == "sqlite":
        assert await upgraded.read(lambda conn: conn.execute(text("PRAGMA foreign_key_check")).all()) == []
    orphan = {"id": "att_x", "account_id": 1, "delivery_id": "dlv_9", "number": 1, "trigger": "schedule"}
    with pytest.raises(IntegrityError):
        await upgraded.write(deliveries.add_attempt, orphan | {"started_at": given.AT, "duration_ms": 1})
    with pytest.raises(IntegrityError):
        await upgraded.write(lambda conn: conn.execute(text("UPDATE deliveries SET body_of = 'dlv_9'")))


async def test_endpoints_of_before_are_numbered(upgraded: Database, cipher: Cipher) -> None:
    """Endpoints that had no number get one each, in the order of their creation, and the next one the next."""
    registry = Registry(upgraded, cipher, ())
    new, _ = await registry.register(Actor(1), Registration(url=given.URL, events=[], dialect="standard"))

    numbers = await upgraded.read(
        lambda conn: {row.id: row.number for row in conn.execute(text("SELECT id, number FROM endpoints"))}
    )
    assert numbers == {"ep_3": 1, "ep_2": 2, "ep_1": 3, new.id: 4}
