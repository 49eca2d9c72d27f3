"""The attempt itself: what is our fault is never charged to the endpoint."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.delivering import Delivering
from tests.receiver import Mailbox, Reply
from tests.store import given
from zonehook import addresses, clock
from zonehook.archive import Archive
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.messages import DeliveryEnd, DeliveryOrder, Sent
from zonehook.net.sender import Sender
from zonehook.net.turns import TooManyAtOnce
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor


class Attempting:
    """The activity, run as Temporal would, and what it sent to Temporal meanwhile."""

    def __init__(self, ledger: Ledger, sender: Sender) -> None:
        self._delivering = Delivering(ledger, sender)
        self.kept: list[Any] = []

    async def run(self, order: DeliveryOrder) -> DeliveryEnd:
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: self.kept.append(details[0])
        return await environment.run(self._delivering.deliver, order)


@pytest_asyncio.fixture
async def sender(trusting: dict[str, str]) -> AsyncIterator[Sender]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", trusting["SSL_CERT_FILE"])
        sender = Sender(addresses.parse_networks("127.0.0.0/8"))
    yield sender
    await sender.close()


@pytest.fixture
def attempting(ledger: Ledger, sender: Sender) -> Attempting:
    return Attempting(ledger, sender)


async def _order(registry: Registry, fanout: Fanout, account_id: int, mailbox: Mailbox) -> DeliveryOrder:
    registry._checks._targets = addresses.parse_networks("127.0.0.0/8")
    await registry.register(Actor(account_id), Registration(mailbox.url, [], "standard"))
    return await given.order(fanout, account_id)


def _sent(**more: Any) -> Sent:
    return replace(given.sent(1), started_at=clock.now(), **more)


async def test_an_attempt_kept_through_an_outage_is_written_and_not_made_again(
    attempting: Attempting, registry: Registry, fanout: Fanout, archive: Archive, account_id: int, mailbox: Mailbox
) -> None:
    """What Temporal kept while the database was away is recorded; the receiver is not asked again before it is due."""
    order = await _order(registry, fanout, account_id, mailbox)
    order = replace(order, unrecorded=_sent())

    with pytest.raises(ApplicationError, match=r"attempt 1 to 127\.0\.0\.1 got status 503") as failure:
        await attempting.run(order)

    assert failure.value.next_retry_delay is not None
    assert timedelta(seconds=13) < failure.value.next_retry_delay < timedelta(seconds=16)
    assert len(await archive.attempts(account_id, order.delivery_id)) == 1
    assert mailbox.received == []


async def test_after_an_outage_the_schedule_goes_on(
    attempting: Attempting, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, mailbox: Mailbox
) -> None:
    """An attempt that was kept and is written down stands in nobody's way: when the next one is due, it is made."""
    order = await _order(registry, fanout, account_id, mailbox)
    earlier = replace(_sent(), started_at=clock.now() - timedelta(minutes=1))
    await ledger.record(order, await ledger.duty(order), earlier)
    mailbox.otherwise = Reply(200)

    end = await attempting.run(replace(order, unrecorded=earlier))

    assert (end.status, end.attempts, len(mailbox.received)) == ("delivered", 2, 1)


async def test_a_fault_of_ours_after_the_post(
    attempting: Attempting,
    registry: Registry,
    fanout: Fanout,
    ledger: Ledger,
    account_id: int,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When something of ours breaks after the POST, its outcome is kept, and nothing of the error's text leaves."""
    order = await _order(registry, fanout, account_id, mailbox)

    async def broken(*_: Any) -> None:
        raise RuntimeError("INSERT INTO attempts … with a secret")

    monkeypatch.setattr(ledger, "record", broken)
    with pytest.raises(ApplicationError, match=r"a fault of ours \(RuntimeError\)") as failure:
        await attempting.run(order)

    assert failure.value.next_retry_delay is not None
    assert timedelta(seconds=29) < failure.value.next_retry_delay <= timedelta(seconds=30)
    assert "secret" not in str(failure.value)
    assert [each.status_code for each in attempting.kept] == [200]
    assert len(mailbox.received) == 1


async def test_a_run_that_a_replay_replaced_makes_no_attempt(
    attempting: Attempting, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, mailbox: Mailbox
) -> None:
    """Once a replay has begun, the run before it asks the receiver nothing more."""
    order = await _order(registry, fanout, account_id, mailbox)
    await ledger.reopen(replace(order, run=1))

    end = await attempting.run(order)

    assert (end.status, end.reason, mailbox.received) == ("cancelled", "a replay took its place", [])


async def test_an_attempt_that_finds_no_place_is_not_sent_past_its_window(
    attempting: Attempting,
    sender: Sender,
    registry: Registry,
    fanout: Fanout,
    ledger: Ledger,
    account_id: int,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sent away for a quarter of an hour with a minute of its window left, it comes again within that minute."""
    order = await _order(registry, fanout, account_id, mailbox)
    earlier = replace(_sent(), started_at=clock.now() - timedelta(seconds=7200 - 60))
    await ledger.record(order, await ledger.duty(order), earlier)

    async def busy(*_: Any) -> None:
        raise TooManyAtOnce("127.0.0.1", 900)

    monkeypatch.setattr(sender, "post", busy)
    with pytest.raises(ApplicationError, match="as many attempts to") as failure:
        await attempting.run(order)

    assert failure.value.next_retry_delay is not None
    assert timedelta(seconds=30) < failure.value.next_retry_delay < timedelta(seconds=60)
