"""The parts on their own: PostgreSQL for the records, a Temporal server of somebody else's, a worker process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance import steering
from tests.receiver import Mailbox, Reply
from tests.running import ROOT, House, free_port, running
from tests.store import given
from tests.store import postgres as cluster
from zonehook import addresses, messages
from zonehook.archive import Archive
from zonehook.devserver import DevServer, Ports
from zonehook.enforcement import Enforcement
from zonehook.intake import Intake
from zonehook.offers import Offered
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import cipher, migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.deliveries import DeliveryFilter
from zonehook.tenants import Tenants


class Wire:
    """A TCP proxy to the database that can be cut."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._database = port
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()

    async def join(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Ends every connection and refuses new ones."""
        if self._server is not None:
            self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_database, to_database = await asyncio.open_connection("127.0.0.1", self._database)
        for source, target in ((reader, to_database), (from_database, writer)):
            pipe = asyncio.create_task(_pipe(source, target))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.transport.abort()


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    """The way to a real PostgreSQL."""
    folder = cluster.programs()
    if folder is None:
        pytest.skip("no PostgreSQL on this machine; install it (Debian: apt-get install postgresql) to run this test")
    with cluster.running(folder) as address:
        wire = Wire(int(address.rpartition(":")[2]))
        await wire.join()
        yield wire
        await wire.cut()


async def test_postgresql_away_costs_no_attempt(
    wire: Wire, tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox
) -> None:
    """On PostgreSQL a delivery works; 20 s without the database in the middle of it cost no attempt."""
    url = f"postgresql://zonehook@127.0.0.1:{wire.port}/postgres"
    async with running(tmp_path, trusting | {"ZONEHOOK_DATABASE_URL": url}) as house:
        account = house.account()
        endpoint = await account.register(mailbox.url)
        release = asyncio.Event()
        mailbox.replies.append(Reply(200, hold=release))
        event = await account.publish()
        await mailbox.wait_for(1)

        await wire.cut()
        release.set()
        refused = await account.client.get("/v1/webhook-deliveries")
        await asyncio.sleep(20)  # being away is what is tested
        await wire.join()
        [delivery] = await account.settled(event["id"])

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["error"]["code"] == "database_unavailable"
        assert (delivery["status"], delivery["attempts"], len(mailbox.received)) == ("delivered", 1, 1)
        shown = await account.call("GET", f"/v1/webhook-endpoints/{endpoint['id']}", status=200)
        assert shown["consecutive_failures"] == 0


async def test_ctrl_c_while_postgresql_is_away(
    wire: Wire, tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox
) -> None:
    """An event whose deliveries cannot be opened keeps nobody from stopping, and is delivered after the next start."""
    url = f"postgresql://zonehook@127.0.0.1:{wire.port}/postgres"
    async with running(tmp_path, trusting | {"ZONEHOOK_DATABASE_URL": url}) as house:
        account = house.account()
        await account.register(mailbox.url)
        client = await steering.temporal_of(house)

        await wire.cut()
        event = given.event(account.id)
        workflow_id = messages.event_workflow_id(account.id, event.id)
        await client.start_workflow("Event", event, id=workflow_id, task_queue=messages.TASK_QUEUE)
        await asyncio.sleep(6)  # being away is what is tested
        status, printed = await house.stop()
        await wire.join()
        await house.start()
        [delivery] = await account.settled(event.id)

    assert status == 0, printed
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)


async def test_a_temporal_of_somebody_elses(tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox) -> None:
    """With TEMPORAL_ADDRESS set, Zonehook starts no Temporal of its own and delivers through that one."""
    server = DevServer(_folder(tmp_path / "temporal"), Ports(free_port(), free_port()))
    async with server.running():
        house = House(tmp_path / "home", trusting | {"TEMPORAL_ADDRESS": server.address})
        try:
            await house.start()
            account = house.account()
            await account.register(mailbox.url)
            event = await account.publish()
            [delivery] = await account.settled(event["id"])
        finally:
            await house.end()

    assert delivery["status"] == "delivered"
    assert house.credentials["temporal_address"] == server.address
    assert not (tmp_path / "home" / "temporal.db").exists()


async def test_a_worker_of_its_own(tmp_path: Path, trusting: dict[str, str], mailbox: Mailbox) -> None:
    """A worker process alone delivers what others accept, finishes what is under way, and stops with status 0."""
    server = DevServer(_folder(tmp_path / "temporal"), Ports(free_port(), free_port()))
    async with server.running() as client, contextlib.AsyncExitStack() as stack:
        path = _folder(tmp_path / "home")
        database = Database(f"sqlite:///{path / 'zonehook.db'}")
        stack.push_async_callback(database.close)
        await migrate.upgrade(database)
        account = (await Tenants(database).first_start()).account
        sealing = Cipher(cipher.keys_under(path))
        settings = {"ZONEHOOK_HOME": str(path), "TEMPORAL_ADDRESS": server.address}
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", cwd=ROOT,
            env={**os.environ, **trusting, **settings, "ZONEHOOK_ALLOWED_TARGETS": "127.0.0.0/8"},
        )  # fmt: skip

        registry = Registry(database, sealing, addresses.parse_networks("127.0.0.0/8"))
        await registry.register(Actor(account.id), Registration(mailbox.url, [], "standard"))
        release = asyncio.Event()
        mailbox.replies.append(Reply(200, hold=release))
        intake = Intake(database, client, Enforcement(database), starts_eagerly=False)
        await intake.accept(account.id, account.dialect, Offered("domain.create", "{}"))
        await mailbox.wait_for(1)
        worker.send_signal(signal.SIGTERM)
        release.set()
        status = await asyncio.wait_for(worker.wait(), 60)

        archive = Archive(database, sealing)
        [delivery] = (await archive.page(account.id, DeliveryFilter(), 50, None)).data
        assert (status, delivery.status, delivery.attempts) == (0, "delivered", 1)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
