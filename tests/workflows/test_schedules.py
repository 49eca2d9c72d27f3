"""Whole schedules, hours of them in a moment: the real workflows and activities on a Temporal that skips the waits.

Nothing is fake but the time. Temporal keeps a virtual clock for every workflow; inside an activity our clock is that
of the attempt.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

import worker
from tests import samples
from tests.receiver import Receiver, Reply
from zonehook import clock, devserver, messages
from zonehook.archive import Archive
from zonehook.dialects import connect_domain
from zonehook.enforcement import Enforcement
from zonehook.intake import Intake
from zonehook.net.sender import Answer, Sender
from zonehook.offers import Offered
from zonehook.registration import Registration
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.settings import Settings
from zonehook.store import migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery, DeliveryFilter, RecordedAttempt
from zonehook.tenants import Tenants
from zonehook.verdicts import SendError

_PATIENCE = 60.0
_SECOND = timedelta(seconds=1)
_WINDOW = timedelta(hours=2)
_ahead: ContextVar[timedelta] = ContextVar("_ahead", default=timedelta(0))

# Every setting is another than by default but the time scale, which is there to multiply the schedules, and the lane,
# which is the usual one first
UNUSUAL = {
    "ZONEHOOK_FAIR_USE_ENDPOINTS": "7",
    "ZONEHOOK_FAIR_USE_CREDITS": "70",
    "ZONEHOOK_SOURCE_RANGES": "127.0.0.0/8",
    "ZONEHOOK_SOURCE_ADDRESS": "127.0.0.1",
    "ZONEHOOK_HOST": "127.0.0.2",
    "ZONEHOOK_PORT": "18080",
    "ZONEHOOK_TEMPORAL_PORT": "17233",
    "ZONEHOOK_TEMPORAL_UI_PORT": "18233",
    "ZONEHOOK_TEMPORAL_METRICS_PORT": "19233",
    "ZONEHOOK_TEMPORAL_HTTP_PORT": "17243",
    "ZONEHOOK_ALLOWED_TARGETS": "127.0.0.0/8",
    "ZONEHOOK_RATE_LIMIT": "100",
    "ZONEHOOK_RECOVERY_RATE": "3",
    "ZONEHOOK_WORKFLOW_SANDBOX": "1",
    "ZONEHOOK_LOG_LEVEL": "ERROR",
    "ZONEHOOK_METRICS_PORT": "19464",
    "ZONEHOOK_EMBEDDED_WORKER": "0",
    "ZONEHOOK_WORKER_PROCESSES": "2",
    "ZONEHOOK_HOST_OFFLINE_SECONDS": "60",
    "ZONEHOOK_ALERT_WINDOW": "30",
    "ZONEHOOK_ALERT_SAMPLE": "5",
    "ZONEHOOK_ALERT_REQUESTS": "50",
}
MINUTE = 60.0
DOUBLING = [14.0, 28.0, 56.0, 112.0, 224.0, 448.0, 896.0, 1792.0, 3584.0]
WAITS = {
    "dnsimple": DOUBLING,
    "dnsimple-legacy": DOUBLING,
    "connect-domain": [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE],
    "novadns": [30.0, 60.0, 120.0],
    "captaindns": [10.0, MINUTE, 10 * MINUTE, 60 * MINUTE, 360 * MINUTE],
}


class VirtualTime(ClientInterceptor, WorkerInterceptor):
    """Sets our clock, for the time of an activity, to when Temporal says that this attempt of it was due."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _VirtualActivity(super().intercept_activity(next))


class _VirtualActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        _ahead.set(activity.info().current_attempt_scheduled_time - datetime.now(UTC))
        return await super().execute_activity(input)


def _now() -> datetime:
    return datetime.now(UTC) + _ahead.get()


@dataclass
class Course:
    """All that happened to one delivery: `seen` is how its account saw it while each attempt was under way."""

    attempts: list[RecordedAttempt]
    end: Delivery
    posts: int
    seen: list[Delivery] = field(default_factory=list)

    @property
    def starts(self) -> list[timedelta]:
        """When each attempt began, from the first one on."""
        return [each.started_at - self.attempts[0].started_at for each in self.attempts]

    @property
    def waits(self) -> list[timedelta]:
        """From the end of an attempt to the beginning of the next."""
        return [
            later.started_at - earlier.started_at - timedelta(milliseconds=earlier.duration_ms)
            for earlier, later in pairwise(self.attempts)
        ]


@dataclass
class Hours:
    """A Zonehook for which hours pass at once."""

    client: Client
    database: Database
    cipher: Cipher
    receiver: Receiver
    settings: Settings

    def __post_init__(self) -> None:
        self.archive = Archive(self.database, self.cipher)

    async def refused(self, dialect: str) -> Course:
        """The course of a delivery to a receiver that always answers 503."""
        account, _ = await Tenants(self.database).open_account("someone", dialect, "unlimited")
        mailbox = self.receiver.mailbox()
        seen: list[Delivery] = []

        async def refuse(writer: asyncio.StreamWriter) -> None:
            seen.append(await self._only_delivery(account.id))
            writer.write(b"HTTP/1.1 503 Whatever\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()

        mailbox.otherwise = Reply(raw=refuse)
        registry = Registry(self.database, self.cipher, self.settings.targets)
        await registry.register(Actor(account.id), Registration(**samples.endpoint(dialect, mailbox.url)))
        async with asyncio.timeout(_PATIENCE):
            await self._carry_out(account.id, dialect)
        end = await self._only_delivery(account.id)
        return Course(await self.archive.attempts(account.id, end.id), end, len(mailbox.received), seen)

    async def _carry_out(self, account_id: int, dialect: str) -> None:
        """Publishes an event and returns when its delivery's workflow has ended."""
        published = samples.event(dialect)
        offered = Offered(**published | {"data": msgspec.json.encode(published["data"]).decode()})
        intake = Intake(self.database, self.client, Enforcement(self.database), starts_eagerly=False)
        accepted = await intake.accept(account_id, dialect, offered)
        await self.client.get_workflow_handle(f"event/{account_id}/{accepted.id}").result()
        delivery = await self._only_delivery(account_id)
        with contextlib.suppress(WorkflowFailureError):  # how a delivery that failed ends
            await self.client.get_workflow_handle(f"delivery/{delivery.id}").result()

    async def scheduled(self, ahead: timedelta) -> tuple[timedelta, Delivery]:
        """How late by Temporal's clock an event was let go, and its delivery to a receiver that confirms."""
        account, _ = await Tenants(self.database).open_account("someone", "standard", "unlimited")
        registry = Registry(self.database, self.cipher, self.settings.targets)
        registration = Registration(url=self.receiver.mailbox().url, events=[], dialect="standard")
        await registry.register(Actor(account.id), registration)
        due = datetime.now(UTC) + ahead
        intake = Intake(self.database, self.client, Enforcement(self.database), starts_eagerly=False)
        offered = Offered(type="domain.create", data="{}", deliver_at=due)
        accepted = await intake.accept(account.id, "standard", offered)
        async with asyncio.timeout(_PATIENCE):
            event = self.client.get_workflow_handle(f"event/{account.id}/{accepted.id}")
            await event.result()
            delivery = await self._only_delivery(account.id)
            with contextlib.suppress(RPCError):  # in the fast lane it has no workflow of its own
                await self.client.get_workflow_handle(f"delivery/{delivery.id}").result()
        times = [each.event_time.ToDatetime(UTC) async for each in event.fetch_history_events()]
        woken = next(later for earlier, later in pairwise(times) if later - earlier > _SECOND)
        return woken - due, await self._only_delivery(account.id)

    async def _only_delivery(self, account_id: int) -> Delivery:
        (only,) = (await self.archive.page(account_id, DeliveryFilter(), 2, None)).data
        return only


@pytest_asyncio.fixture(scope="session")
async def skipping() -> AsyncIterator[Client]:
    """A client of a Temporal server that skips the time in which nothing is under way."""
    options = [
        *devserver._DYNAMIC_CONFIG,
        "frontend.WorkflowTimeSkippingEnabled=true",
        "history.timerProcessorMaxPollRPS=1000",  # 20 by default, and each wait that is skipped takes several
    ]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        data_converter=pydantic_data_converter,
        interceptors=[VirtualTime()],
        search_attributes=[SearchAttributeKey.for_keyword(name) for name in messages.SEARCH_ATTRIBUTES],
        dev_server_existing_path=devserver._binary(),
        dev_server_log_level="error",
        dev_server_extra_args=[word for option in options for word in ("--dynamic-config-value", option)],
        dev_server_startup_timeout=timedelta(seconds=_PATIENCE),
    ) as environment:
        yield environment.client


@pytest.fixture(scope="module", params=["0", "1"], ids=["default lane", "fast lane"])
def settings(
    request: pytest.FixtureRequest, trusting: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """As read from an environment in which nothing is as usual, but for the lane."""
    home = tmp_path_factory.mktemp("hours")
    own = {
        "ZONEHOOK_HOME": str(home),
        "ZONEHOOK_FAST_LANE": request.param,
        "ZONEHOOK_DATABASE_URL": f"sqlite:///{home / 'unusual.db'}",
        "ZONEHOOK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (UNUSUAL | own | trusting).items():
            environment.setenv(name, value)
        yield Settings.read()


@pytest_asyncio.fixture(scope="module")
async def hours(skipping: Client, settings: Settings, receiver: Receiver) -> AsyncIterator[Hours]:
    """The worker as it is, on that server, with the schedules of production."""
    database, cipher = Database(settings.database), Cipher(settings.encryption_keys)
    await migrate.upgrade(database)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "now", _now)
        async with worker.working(skipping, database, cipher, settings):
            yield Hours(skipping, database, cipher, receiver, settings)
    await database.close()


def _gave_up(course: Course, attempts: int) -> None:
    """Asserts that every allowed attempt was made and recorded, and that none is to come."""
    assert [each.number for each in course.attempts] == list(range(1, attempts + 1))
    assert (course.end.attempts, course.posts) == (attempts, attempts)
    assert (course.end.status, course.end.next_retry_at) == ("failed", None)


def _told_when(course: Course) -> None:
    """Asserts that each attempt began in the second for which the list had announced it."""
    assert (course.seen[0].status, course.seen[0].next_retry_at) == ("pending", None)
    assert [each.attempts for each in course.seen] == list(range(len(course.attempts)))
    for seen, attempt in zip(course.seen[1:], course.attempts[1:], strict=True):
        assert seen.status == "retrying"
        assert seen.next_retry_at is not None
        assert abs(seen.next_retry_at - attempt.started_at) <= _SECOND


def _waits_follow(waits: Sequence[timedelta], planned: Sequence[float], jitter: float = 0.0) -> None:
    """Asserts that no wait is shorter than planned, nor longer but by the jitter and what a machine needs."""
    for wait, seconds in zip(waits, planned, strict=True):
        assert timedelta(seconds=seconds) <= wait <= timedelta(seconds=seconds * (1 + jitter)) + 2 * _SECOND


@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param("dnsimple", marks=pytest.mark.rows("DN2-36", "DN2-37", "DN2-38")),
        "dnsimple-legacy",
        pytest.param("connect-domain", marks=pytest.mark.rows("CD-29", "CD-31")),
        pytest.param("novadns", marks=pytest.mark.rows("NOV-06", "NOV-07", "NOV-08")),
        pytest.param("captaindns", marks=pytest.mark.rows("CAP-03")),
    ],
)
@pytest.mark.rows("CD-33", "ALL-12")
async def test_whole_schedule(hours: Hours, dialect: str) -> None:
    """A receiver that always refuses gets every attempt at its time, as told beforehand, and then none any more."""
    planned = WAITS[dialect]

    course = await hours.refused(dialect)

    _gave_up(course, attempts=len(planned) + 1)
    assert course.end.reason == f"the last of {len(planned) + 1} attempts got status 503"
    _waits_follow(course.waits, planned)
    _told_when(course)
    if planned is DOUBLING:
        assert course.starts[-1] <= _WINDOW


@pytest.mark.rows("ALL-12")
async def test_the_open_dialect_spreads_its_attempts(hours: Hours) -> None:
    """The standard schedule is ten attempts within two hours, each wait longer by a tenth at most."""
    course = await hours.refused("standard")

    _gave_up(course, attempts=10)
    _waits_follow(course.waits, DOUBLING, jitter=0.1)
    assert course.starts[-1] <= _WINDOW
    _told_when(course)


@pytest.mark.rows("DN2-35", "DN2-37", "CD-33")
async def test_slow_attempts_stay_within_the_window(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten attempts that take their whole ten seconds each: the last is drawn forward so that none leaves the window."""
    post = Sender.post

    async def after_ten_seconds(sender: Sender, *request: Any) -> Answer:
        answer = await post(sender, *request)
        return Answer(answer.started_at, 10_000, error=SendError.TIMEOUT)

    monkeypatch.setattr(Sender, "post", after_ten_seconds)
    course = await hours.refused("dnsimple")

    _gave_up(course, attempts=10)
    assert course.end.reason == "the last of 10 attempts got no answer (timeout)"
    _waits_follow(course.waits[:-1], DOUBLING[:-1])
    assert _WINDOW - timedelta(seconds=60) <= course.starts[-1] <= _WINDOW
    _told_when(course)


@pytest.mark.rows("DN2-39")
async def test_no_setting_changes_the_policy(hours: Hours) -> None:
    """Where every setting but the time scale is another than by default, the lane in turn, DNSimple's schedule is the
    same.
    """
    settings, usual = vars(hours.settings), Settings.model_fields
    unchanged = {name for name in usual if settings[name] == usual[name].default}
    assert unchanged - {"fast_lane"} == {"time_scale"}

    course = await hours.refused("dnsimple")

    _gave_up(course, attempts=10)
    _waits_follow(course.waits, DOUBLING)


async def test_an_event_for_the_day_after_next_season(hours: Hours) -> None:
    """An event that was scheduled ninety days ahead is delivered in its second, and not before."""
    late, delivery = await hours.scheduled(timedelta(days=90))

    assert delivery.status == "delivered"
    assert -_SECOND / 100 < late <= 2 * _SECOND


@pytest.mark.rows("CD-29", "CD-30")
def test_connect_domain_waits_an_hour_at_the_most() -> None:
    """The minutes after each failed attempt double to 32; from the seventh on they would be sixty, however many."""
    assert [connect_domain.wait_minutes(failed) for failed in range(1, 7)] == [1, 2, 4, 8, 16, 32]
    assert {connect_domain.wait_minutes(failed) for failed in range(7, 500)} == {60}
