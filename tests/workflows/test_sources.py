"""What sources do by themselves, months of it in a moment: the real workflow on a Temporal that skips the waits."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import worker
from tests.workflows import test_schedules
from tests.workflows.test_inbox import Desk, reset
from workflows.source import Source
from zonehook import clock, devserver, messages, temporal
from zonehook.errors import Unavailable
from zonehook.facts import Facts
from zonehook.intake import Intake
from zonehook.messages import AcceptedEvent, Offer
from zonehook.moments import timestamp
from zonehook.settings import Settings
from zonehook.sources.messages import OPEN_SOURCE, SourceOrder, SourceTerms
from zonehook.store import events as stored
from zonehook.store import migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.events import EventFilter
from zonehook.tenants import Tenants

_PATIENCE = 60.0
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
skipping = test_schedules.skipping


@dataclass
class Months:
    """A Zonehook without its worker, which comes when there is something to do."""

    client: Client
    database: Database
    settings: Settings

    async def account(self, dialect: str) -> int:
        account, _ = await Tenants(self.database).open_account("someone", dialect, "unlimited")
        return account.id

    async def tell(self, workflow_id: str, *facts: tuple[str, dict[str, Any]]) -> WorkflowHandle[Any, Any]:
        for signal, fact in facts:
            await self.client.start_workflow(
                "Source", id=workflow_id, task_queue="zonehook", start_signal=signal, start_signal_args=[fact]
            )
        return self.client.get_workflow_handle(workflow_id)

    def working(self) -> Any:
        return worker.working(self.client, self.database, Cipher(self.settings.encryption_keys), self.settings)

    async def events(self, account_id: int, count: int) -> Sequence[AcceptedEvent]:
        """The account's, in the order in which they happened, once there are so many, and no more."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                found = (await self.database.read(stored.page, account_id, EventFilter(), 200, None)).data
                if len(found) >= count:
                    assert len(found) == count
                    return sorted(found, key=_happened)
                await asyncio.sleep(0.02)  # the records tell how things stand, not when they change


def _happened(event: AcceptedEvent) -> datetime:
    assert event.occurred_at is not None
    return event.occurred_at


@pytest_asyncio.fixture(scope="module")
async def months(skipping: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Months]:
    home = tmp_path_factory.mktemp("months")
    settings = Settings(
        home=home, workflow_sandbox=True, encryption_keys=(Fernet.generate_key().decode(),),
        database_url=f"sqlite:///{home / 'months.db'}",
    )  # fmt: skip
    database = Database(settings.database)
    await migrate.upgrade(database)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "now", test_schedules._now)
        yield Months(skipping, database, settings)
    await database.close()


@dataclass
class SourceDesk(Desk):
    """Takes every event, of an account that may have all sources."""

    @activity.defn(name=OPEN_SOURCE)
    async def open_source(self, order: SourceOrder) -> SourceTerms:
        return SourceTerms()

    def events(self) -> list[Any]:
        """In the order in which they were offered."""
        return [json.loads(offer.document) for order in self.orders for offer in order.offers]

    def working(self, client: Client, queue: str) -> Worker:
        activities: list[Callable[..., Any]] = [self.publish, self.note_refused, self.open_source]
        return Worker(client, task_queue=queue, workflows=[Source], activities=activities)


async def _signal(
    client: Client, queue: str, workflow_id: str, *facts: tuple[str, dict[str, Any]]
) -> WorkflowHandle[Any, Any]:
    """As a producer does: the source begins with the first."""
    for signal, fact in facts:
        await client.start_workflow(
            "Source", id=workflow_id, task_queue=queue, start_signal=signal, start_signal_args=[fact]
        )
    return client.get_workflow_handle(workflow_id)


def _key(now: datetime, days: int) -> tuple[str, dict[str, Any]]:
    return "created", {"key_prefix": "cdns_1", "expires_at": (now + days * DAY).isoformat(), "at": now.isoformat()}


@pytest.mark.rows("CAP-10")
@pytest.mark.parametrize("days", [90, 1200])
async def test_a_key_is_warned_of(months: Months, days: int) -> None:
    """Exactly thirty days before it expires, though that is years away; a week after that, its source ends."""
    account, now = await months.account("captaindns"), datetime.now(UTC)
    source = await months.tell(f"api-key/{account}/key_1", _key(now, days))
    async with months.working():
        assert (await source.result())["told"] == "over: 1 facts came, 1 events followed, 0 were refused"
        [warning] = await months.events(account, 1)
        history = await source.fetch_history()

    assert (warning.type, _happened(warning) - now) == ("api_key.expires_soon", (days - 30) * DAY)
    assert '"days_left": 30' in warning.data
    assert round((history.events[-1].event_time.ToDatetime(UTC) - now) / DAY) == days + 7


@pytest.mark.rows("CAP-10")
async def test_a_timer_moves_with_the_expiry(months: Months) -> None:
    """A key whose expiry is moved, sooner or later, is warned of thirty days before the new one; one that does not
    expire any more, or is revoked, not at all.
    """
    account, now = await months.account("captaindns"), datetime.now(UTC)
    moved = [
        ("expiry_changed", {"expires_at": None if days is None else (now + days * DAY).isoformat()})
        for days in (400, 60, 120, None)
    ]
    keys = [f"api-key/{account}/{name}" for name in ("sooner", "later", "never", "revoked")]
    sooner = await months.tell(keys[0], _key(now, 90), moved[0], moved[1])
    later = await months.tell(keys[1], _key(now, 90), moved[1], moved[2])
    never = await months.tell(keys[2], _key(now, 90), moved[3])
    revoked = await months.tell(keys[3], _key(now, 90), ("revoked", {}))
    async with months.working():
        for each in (sooner, later, revoked):
            await each.result()
        found = await months.events(account, 3)
        assert (await never.query("state"))["due"] is None

    assert {each.subject: (each.type, round((_happened(each) - now) / DAY)) for each in found} == {
        "sooner": ("api_key.expires_soon", 30),
        "later": ("api_key.expires_soon", 90),
        "revoked": ("api_key.revoked", 0),
    }


@pytest.mark.rows("CAP-07")
async def test_a_rotated_key_ends_with_its_grace(months: Months) -> None:
    """It is not warned of any more, and its source ends a week after the grace does."""
    account, now = await months.account("captaindns"), datetime.now(UTC)
    grace = {"key_id": "key_2", "key_prefix": "cdns_2", "grace_ends_at": (now + 80 * DAY).isoformat()}
    source = await months.tell(f"api-key/{account}/key_1", _key(now, 90), ("rotated", grace))
    async with months.working():
        await source.result()
        [rotated] = await months.events(account, 1)
        history = await source.fetch_history()

    assert rotated.type == "api_key.rotated"
    assert history.events[-1].event_time.ToDatetime(UTC) - now >= 87 * DAY


@pytest.mark.rows("NOV-26", "NOV-27")
async def test_a_host_falls_silent(months: Months) -> None:
    """It is offline ten minutes after its last update, back with the next, and offline again ten minutes after that."""
    account, now = await months.account("novadns"), datetime.now(UTC)
    updates = [("updated", {"at": (now + after * MINUTE).isoformat()}) for after in (-30, -25, -16, 0)]
    created = ("created", {"host": "home.example.net", "at": (now - 31 * MINUTE).isoformat()})
    source = await months.tell(f"host/{account}/home-7", created, *updates)
    async with months.working():
        found = await months.events(account, 5)
        assert (await source.query("state"))["state"]["offline_at"] is None
        await source.signal("updated", {})
        again = (await months.events(account, 7))[5:]

    changes = [(each.type, '"online"' in each.data, round((_happened(each) - now) / MINUTE)) for each in found[1:]]
    status = "host.status_changed"
    assert changes == [(status, True, -30), (status, False, -6), (status, True, 0), (status, False, 10)]
    assert ['"online"' in each.data for each in again] == [True, False]
    assert round((_happened(again[1]) - _happened(again[0])) / MINUTE) == 10


async def test_usage_over_half_a_year(months: Months) -> None:
    """Each of six periods has each threshold once, however often its counts are told and whatever the others had."""
    account, now = await months.account("captaindns"), datetime.now(UTC)
    starts = [now - 31 * month * DAY for month in range(6, 0, -1)]
    facts = [
        {
            "period_start": start.isoformat(), "period_end": (start + 31 * DAY).isoformat(), "limit": 100,
            "consumed": consumed, "at": (start + day * DAY).isoformat(),
        }
        for start in starts for day, consumed in ((1, 85), (10, 85), (20, 130), (30, 130))
    ]  # fmt: skip
    async with months.working():
        source = await months.tell(f"usage/{account}/customer-7", *(("consumed", fact) for fact in facts))
        found = await months.events(account, 18)
        told = await source.query("state")

    reached = [json.loads(each.data) for each in found]
    assert [each["period_start"] for each in reached] == [timestamp(start) for start in starts for _ in range(3)]
    assert {tuple(sorted(each["threshold_percent"] for each in reached[n : n + 3])) for n in range(0, 18, 3)} == {
        (80, 100, 120)
    }
    assert [round((_happened(each) - now) / DAY) for each in found[::3]] == [
        1 - 31 * month for month in range(6, 0, -1)
    ]
    assert (told["facts"], told["refusals"]) == (24, 0)


async def test_a_connection_over_half_a_year(months: Months) -> None:
    """Live, drifted after three months and live again after three more: a pair and a metering each time, then."""
    account, now = await months.account("connect-domain"), datetime.now(UTC)
    ago = [(now - days * DAY).isoformat() for days in (181, 180, 90, 1)]
    created = ("created", {"hostname": "app.customer.example", "setup_type": "manual", "at": ago[0]})
    looks = [
        ("checked", {"records": fine, "certificate": True, "at": at})
        for fine, at in zip((True, False, True), ago[1:], strict=True)
    ]
    async with months.working():
        source = await months.tell(f"connection/{account}/{uuid.uuid4()}", created, *looks, *looks)
        found = await months.events(account, 5)
        state = (await source.query("state"))["state"]

    pair = ["domain.flow.completed", "ssl.issued"]
    types = [each.type for each in found]
    assert [sorted(types[:2]), types[2], sorted(types[3:])] == [pair, "domain.drift", pair]
    assert [round((_happened(each) - now) / DAY) for each in found] == [-180, -180, -90, -1, -1]
    assert (state["status"], state["metered"]) == ("live", 2)


@pytest.mark.rows("NOV-26")
async def test_a_host_that_called_while_nobody_listened(months: Months) -> None:
    """A host whose call, without a time of its own, waited for the worker until after it was due to go offline, did not
    go offline: the worker was away, not the host.
    """
    account, now = await months.account("novadns"), datetime.now(UTC)
    past = [(now - after * MINUTE).isoformat() for after in (31, 30)]
    facts = [("created", {"host": "home.example.net", "at": past[0]}), ("updated", {"at": past[1]}), ("updated", {})]
    source = await months.tell(f"host/{account}/home-7", *facts, ("deleted", {}))
    async with months.working():
        await source.result()
        found = await months.events(account, 3)

    assert {each.type for each in found} == {"host.created", "host.status_changed", "host.deleted"}


async def test_answers_that_nobody_heard(months: Months, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events whose publishing is done again, since the worker had no answer the first time, are the same events."""
    accept_each, lost = Intake.accept_each, iter([True, True])

    async def accept(intake: Intake, account_id: int, offers: Sequence[Offer], version: int | None) -> list[str | None]:
        accepted = await accept_each(intake, account_id, offers, version)
        if next(lost, False):
            raise Unavailable("temporal_unavailable", "Temporal went away just then")
        return accepted

    monkeypatch.setattr(Intake, "accept_each", accept)
    account = await months.account("novadns")
    facts = [("created", {"host": "home.example.net"}), ("updated", {"ipv4": "192.0.2.1"}), ("deleted", {})]
    source = await months.tell(f"host/{account}/home-7", *facts)
    async with months.working():
        assert (await source.result())["told"] == "over: 3 facts came, 4 events followed, 0 were refused"
        found = await months.events(account, 4)

    assert next(lost, None) is None
    assert {each.type for each in found} == {
        "host.created", "host.ip_updated", "host.status_changed", "host.deleted",
    }  # fmt: skip


async def test_a_crowd_that_waited_for_a_worker(client: Client) -> None:
    """Of 2,500 changes that waited, more than one run takes, and of more bytes than Temporal carries to another, each
    is told once, and the state goes over to the next run.
    """
    queue, desk, now = str(uuid.uuid4()), SourceDesk(), datetime.now(UTC)
    told = [("created", {"host": "ü" * 253, "at": (now - MINUTE).isoformat()})]
    told += [("updated", {"ipv4": f"192.0.2.{number % 2}", "at": now.isoformat()}) for number in range(2500)]
    host = await _signal(client, queue, "host/1/crowd", *told)
    async with desk.working(client, queue):
        await desk.has(2502)
        state = await host.query("state")
        info = (await host.describe()).raw_description.workflow_execution_info
        await host.terminate()

    moved = [each["data"]["ipv4"] for each in desk.events() if each["type"] == "host.ip_updated"]
    assert moved == [f"192.0.2.{number % 2}" for number in range(2500)]
    assert (state["facts"], state["events"], state["refusals"], state["state"]["ipv4"]) == (2501, 2502, 0, "192.0.2.1")
    assert len({offer.key for offer in desk.offers}) == 2502
    assert info.first_run_id != info.execution.run_id


async def test_new_events_after_a_reset(client: Client) -> None:
    """An operator who resets a source to its beginning, and tells it something else, loses no event of either course:
    those that are the same have the same keys, and no two have the same key that are not.
    """
    queue, desk, now = str(uuid.uuid4()), SourceDesk(), datetime.now(UTC)
    created = ("created", {"host": "home.example.net", "at": now.isoformat()})
    moves = [("updated", {"ipv4": f"192.0.2.{number}", "at": now.isoformat()}) for number in range(2)]
    async with desk.working(client, queue):
        host = await _signal(client, queue, "host/1/reset", created)
        await desk.has(1)
        await host.signal(*moves[0])
        await desk.has(3)
        await reset(client, host.id, reapplying=False)
        await host.signal(*moves[1])
        await desk.has(6)
        await host.terminate()

    keys = [(offer.key, offer.document) for order in desk.orders for offer in order.offers]
    assert len({key for key, _ in keys}) == len(set(keys)) == 5
    assert max(len(key) for key, _ in keys) <= 255


@pytest.mark.parametrize("given", [{"state": "{}"}, {"state": None, "facts": 10**9}, "nonsense"])
async def test_started_with_an_input(client: Client, given: Any) -> None:
    """A producer who starts a source with an input of its own starts one that knows nothing yet, and takes facts."""
    queue, desk = str(uuid.uuid4()), SourceDesk()
    created = {"host": "home.example.net"}
    await client.start_workflow(
        "Source", given, id="host/1/given", task_queue=queue, start_signal="created", start_signal_args=[created]
    )
    async with desk.working(client, queue):
        await desk.has(1)
        told = await client.get_workflow_handle("host/1/given").query("state")
        await client.get_workflow_handle("host/1/given").terminate()

    assert (told["facts"], told["state"]["host"]) == (1, "home.example.net")


@workflow.defn(name="Source", sandboxed=False)
class Spoiled:
    """Leaves to the source that follows it what no source leaves."""

    @workflow.run
    async def run(self, queue: str) -> None:
        workflow.continue_as_new({"state": "{}"}, task_queue=queue)


async def test_a_state_that_nobody_can_read(client: Client) -> None:
    """A source whose last run left something unreadable fails with a sentence; it does not try for ever, or forget."""
    queue, desk = str(uuid.uuid4()), SourceDesk()
    async with Worker(client, task_queue="spoiled", workflows=[Spoiled]), desk.working(client, queue):
        host = await client.start_workflow("Source", queue, id="host/1/spoiled", task_queue="spoiled")
        with pytest.raises(WorkflowFailureError) as failure:
            await host.result()
    assert "what the last run left cannot be read" in str(failure.value.cause)


async def test_more_facts_than_temporal_holds(months: Months) -> None:
    """A fact that Temporal does not take, since as many wait as it holds of one thing, is to be told again later."""
    async with await WorkflowEnvironment.start_local(
        data_converter=temporal.DATA_CONVERTER,
        search_attributes=[SearchAttributeKey.for_keyword(name) for name in messages.SEARCH_ATTRIBUTES],
        dev_server_existing_path=devserver._binary(),
        dev_server_log_level="error",
        dev_server_extra_args=["--dynamic-config-value", "history.maximumSignalsPerExecution=3"],  # not 10,000
    ) as environment:
        facts = Facts(months.database, environment.client, SourceTerms())
        for _ in range(3):
            await facts.tell(1, "novadns", "host", "home-7", "updated", b"{}")
        with pytest.raises(Unavailable, match="tell it again later"):
            await facts.tell(1, "novadns", "host", "home-7", "updated", b"{}")
        await facts.tell(1, "novadns", "host", "home-8", "updated", b"{}")


async def test_a_cancelled_source_ends(months: Months) -> None:
    """A Cancel of Temporal's ends it, after all that it had heard."""
    account = await months.account("captaindns")
    source = await months.tell(f"api-key/{account}/key_1", ("created", {"key_prefix": "cdns_1"}))
    async with months.working():
        assert (await source.query("state"))["facts"] == 1
        await source.cancel()
        assert (await source.result())["told"] == "cancelled: 1 facts came, 0 events followed, 0 were refused"
