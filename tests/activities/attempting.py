"""One attempt as a worker makes it: the activity with its desks over a SQLite file, and all that came of it."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.delivering import Delivering
from tests import samples
from tests.store import given
from zonehook import addresses, clock, messages
from zonehook.archive import Archive
from zonehook.endpoints import Endpoint
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.messages import DeliveryEnd, DeliveryOrder
from zonehook.net.sender import Sender
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import accounts, migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery, RecordedAttempt

LOOPBACK = addresses.parse_networks("127.0.0.0/8")


@dataclass(frozen=True)
class Outcome:
    """What Temporal was told, the end or how long to wait, and what the records say."""

    told: DeliveryEnd | timedelta
    delivery: Delivery
    attempts: list[RecordedAttempt]
    endpoint: Endpoint

    def verdict(self) -> str:
        """The delivery's status: the same in the records and for Temporal."""
        said = "retrying" if isinstance(self.told, timedelta) else self.told.status
        assert said == self.delivery.status
        return said


class Attempting:
    """Makes deliveries, and attempts of them."""

    def __init__(self, database: Database, sender: Sender) -> None:
        cipher = Cipher([Fernet.generate_key().decode()])
        self._database = database
        self._registry = Registry(database, cipher, LOOPBACK)
        self._fanout = Fanout(database, time_scale=1, is_fast=False)
        self._archive = Archive(database, cipher)
        self._delivering = Delivering(Ledger(database, cipher, time_scale=1), sender)

    async def order(self, dialect: str, url: str) -> DeliveryOrder:
        """A delivery to an endpoint of this dialect, in an account of its own, with the dialect's own policy."""
        account = await self._database.write(accounts.add, "someone", dialect, "unlimited", clock.now())
        await self._registry.register(Actor(account.id), Registration(**samples.endpoint(dialect, url)))
        published = samples.event(dialect)
        event = given.event(account.id, **published | {"data": json.dumps(published["data"])})
        (order,) = (await self._fanout.open(event)).orders
        return order

    async def attempt(self, order: DeliveryOrder) -> Outcome:
        """Does what Temporal does when the delivery's turn has come."""
        try:
            told: DeliveryEnd | timedelta = await ActivityEnvironment().run(self._delivering.deliver, order)
        except ApplicationError as again:
            told = _wait(again)
        return Outcome(
            told,
            await self._archive.get(order.account_id, order.delivery_id),
            await self._archive.attempts(order.account_id, order.delivery_id),
            await self._registry.get(order.account_id, order.endpoint_id),
        )


def _wait(again: ApplicationError) -> timedelta:
    assert again.type in (messages.ATTEMPT_FAILED, messages.NOT_YET)
    assert again.next_retry_delay is not None
    return again.next_retry_delay


@contextlib.asynccontextmanager
async def attempting(folder: Path, sender: Sender) -> AsyncIterator[Attempting]:
    """With an empty database in this folder."""
    database = Database(f"sqlite:///{folder / 'zonehook.db'}")
    await migrate.upgrade(database)
    yield Attempting(database, sender)
    await sender.close()
    await database.close()
