"""Composition root of the worker: the only place where workflows meet activities.

`zonehook worker` runs it against the Temporal server and the database that the settings name.
"""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import uvloop
from temporalio.client import Client
from temporalio.worker import (
    FixedSizeSlotSupplier,
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerTuner,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.awaiting import Awaiting
from activities.delivering import Delivering
from activities.intervening import Intervening
from activities.opening import Opening
from activities.publishing import Publishing
from activities.recovering import Recovering
from activities.rescheduling import Rescheduling
from activities.sourcing import Sourcing
from workflows.batch import Batch
from workflows.delivery import Delivery
from workflows.event import Event
from workflows.inbox import Inbox
from workflows.operator import Operator
from workflows.outcome import AwaitedOutcome
from workflows.recovery import Recovery
from workflows.source import Source
from zonehook import announcer, messages, metrics, temporal
from zonehook.announcer import Announcer
from zonehook.credits import Credits
from zonehook.enforcement import Enforcement
from zonehook.errors import ZonehookError
from zonehook.facts import Facts
from zonehook.fanout import Fanout
from zonehook.intake import Intake
from zonehook.interventions import Interventions
from zonehook.ledger import Ledger
from zonehook.net.sender import Sender
from zonehook.outcomes import Outcomes
from zonehook.recoveries import Recoveries
from zonehook.redelivery import Redelivery
from zonehook.scheduling import Scheduling
from zonehook.settings import Settings
from zonehook.slots import WorkflowSlots
from zonehook.store import cipher
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database

_CONCURRENT_ATTEMPTS = 1000  # five times what a host may hold (zonehook/net/turns.py)
_CONCURRENT_FIRST_ATTEMPTS = 400
# Each may hold all first attempts of an event. What is more waits at Temporal: taken all at once, a flood of events
# would keep every one of them from being done in time, and what is not done in time is done again.
_WORKFLOW_TASKS = 100
_NEW_WORKFLOW_TASKS = 4  # 5.9 writes a delivery at fan-out 10; with 8 up to 6.8, without a limit 7.7 (decision 23)
_WORKFLOW_THREADS = 8  # they share one Python; with as many as tasks they would mostly wait for each other
_CACHED_WORKFLOWS = 20_000  # each that waits keeps some 50 kB; one that is not there is replayed when its attempt ends
_STUCK_SECONDS = 60  # longer than any pause of ours, a busy machine's among them
_OPEN_FILES = 8192
_COLLECTED_AFTER = 5000, 10, 10  # new objects, and collections of the next younger ones (decision 26)
_GRACE = timedelta(seconds=25)  # more than one attempt takes, so that stopping interrupts none
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEEPER = "ZONEHOOK_KEEPER"  # tells a worker process whose it is
_BEGUN_SECONDS = 10  # who lived so long could start
_log = logging.getLogger("zonehook")


def main() -> None:
    """Works until SIGINT or SIGTERM. Exits with 1 and one sentence when it cannot start."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    code = 0
    try:
        raise_file_limit()
        settings = Settings.read()
        log_as(settings)
        if settings.worker_processes > 1:
            code = asyncio.run(_in_processes(settings))
        else:
            uvloop.run(_work(settings))
    except ZonehookError as problem:
        print(f"zonehook: {problem.message}", file=sys.stderr)  # noqa: T201 (for a person)
        code = 1
    sys.stderr.flush()
    os._exit(code)  # temporalio's runtime sometimes aborts in the interpreter's own way out


def log_as(settings: Settings) -> None:
    """Libraries tell no more than INFO: at DEBUG they write down what they bind and send."""
    logging.getLogger().setLevel(settings.log_level)
    if settings.log_level == "DEBUG":
        for name in ("sqlalchemy", "psycopg", "httpcore", "temporalio", "asyncio"):
            logging.getLogger(name).setLevel(logging.INFO)


def raise_file_limit() -> None:
    """Every attempt under way is an open file; the usual soft limit (256 on macOS) is for programs of another kind."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def settle() -> None:
    """For a process that is ready: what is loaded by now stays, so the garbage collector does not look through it again
    and again, a tenth of a second each time in which nothing else happens.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


async def _in_processes(settings: Settings) -> int:
    """As many workers as set, each a process with a Temporal runtime of its own: one Python runs on one core.

    Returns the exit status.
    """
    stop, begun = asyncio.Event(), asyncio.Event()
    for number in _STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    codes = await asyncio.gather(*(_keep(settings, number, stop, begun) for number in range(settings.worker_processes)))
    return max(codes)


async def _keep(settings: Settings, number: int, stop: asyncio.Event, begun: asyncio.Event) -> int:
    """One of them, started again whenever it ends; but one that cannot start, before any has `begun`, stops all."""
    port = settings.metrics_port and settings.metrics_port + number
    own = {"ZONEHOOK_WORKER_PROCESSES": "1", "ZONEHOOK_METRICS_PORT": str(port), _KEEPER: str(os.getpid())}
    while not stop.is_set():
        # A session of its own: Ctrl-C is for us to pass on
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", env=os.environ | own, start_new_session=True
        )
        ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopping}, timeout=_BEGUN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done() and not stop.is_set():
            begun.set()
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set() and not ended.done():
            process.terminate()
        code = await ended
        if not stop.is_set() and code == 1 and not begun.is_set():
            stop.set()
            return code
        if not stop.is_set():
            _log.warning("worker process %s ended (%s); starting it again", number, code)
            await asyncio.sleep(1)
    return 0


async def _left_alone(keeper: int) -> None:
    """Returns when the process that keeps this one has gone: whoever comes in its place starts workers of its own."""
    while os.getppid() == keeper:  # noqa: ASYNC110
        await asyncio.sleep(1)  # nobody tells


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in _STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if keeper := os.environ.get(_KEEPER):
        kept = asyncio.create_task(_left_alone(int(keeper)))
        kept.add_done_callback(lambda _: stop.set())
    client = await temporal.connect()
    database = Database(settings.database)
    sealing = cipher.following(settings.encryption_keys, settings.home)
    if settings.metrics_port:
        metrics.serve(settings.host, settings.metrics_port)
    intake = Intake(database, client, Enforcement(database), starts_eagerly=True)
    announcing = Announcer(database, intake, announcer.OF_WORKER)
    async with announcing.running(), working(client, database, sealing, settings, announcing.wake):
        settle()
        await stop.wait()
    await database.close()


@contextlib.asynccontextmanager
async def working(
    client: Client,
    database: Database,
    sealing: Cipher,
    settings: Settings,
    wake: Callable[[], None] = lambda: None,
    credits: Credits | None = None,
) -> AsyncIterator[Worker]:
    """A worker while the block runs; attempts under way are finished before it returns. `wake` is its announcer's,
    `credits` are those of the API in the same process.
    """
    credits = credits or Credits(database)
    sender = Sender(settings.targets, sources=settings.source_address)
    ledger = Ledger(database, sealing, settings.time_scale, wake)
    intake = Intake(database, client, Enforcement(database), starts_eagerly=True, on_acceptance=credits.spend)
    worker = on(
        client,
        messages.TASK_QUEUE,
        workflows=[AwaitedOutcome, Batch, Delivery, Event, Inbox, Operator, Recovery, Source],
        activities=_activities(client, database, settings, sender, ledger, intake),
        is_sandboxed=settings.workflow_sandbox,
    )
    try:
        async with worker:
            await temporal.open_operators_desk(client)
            yield worker
    finally:
        await sender.close()
        await credits.close()


def _activities(
    client: Client, database: Database, settings: Settings, sender: Sender, ledger: Ledger, intake: Intake
) -> list[Callable[..., Awaitable[Any]]]:
    """All that is in activities/, at its desks."""
    delivering, publishing = Delivering(ledger, sender), Publishing(intake)
    interventions = Interventions(ledger, client)
    redelivery = Redelivery(database, interventions, settings.recovery_rate)
    recovering = Recovering(redelivery, Recoveries(database, client))
    return [
        Opening(Fanout(database, settings.time_scale, settings.fast_lane)).open_deliveries,
        delivering.deliver,
        delivering.deliver_at_once,
        delivering.cancel_delivery,
        delivering.hurry_delivery,
        Intervening(interventions).replay_delivery,
        publishing.publish,
        publishing.note_refused,
        publishing.start_events,
        Awaiting(Outcomes(database, intake)).await_outcome,
        Rescheduling(Scheduling(database, client, intake)).change_event,
        Sourcing(Facts(database, client, settings.source_terms)).open_source,
        recovering.look_at_recovery,
        recovering.send_missed_again,
        recovering.steer_recovery,
    ]


def on(
    client: Client,
    task_queue: str,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    is_sandboxed: bool,
) -> Worker:
    """A worker as all of ours are: what it takes on at a time, and in which order."""
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities,
        workflow_runner=_runner(is_sandboxed),
        tuner=WorkerTuner.create_composite(
            workflow_supplier=WorkflowSlots(_WORKFLOW_TASKS, _NEW_WORKFLOW_TASKS),
            activity_supplier=FixedSizeSlotSupplier(_CONCURRENT_ATTEMPTS),
            local_activity_supplier=FixedSizeSlotSupplier(_CONCURRENT_FIRST_ATTEMPTS),
            nexus_supplier=FixedSizeSlotSupplier(1),  # unused, and the SDK wants one
        ),
        workflow_task_executor=ThreadPoolExecutor(_WORKFLOW_THREADS, "workflows"),
        max_cached_workflows=_CACHED_WORKFLOWS,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=_GRACE,
    )
    # The SDK interrupts a workflow's code after two seconds and has no setting for that: attempts it had just made are
    # made again, and a workflow with thousands of signals to read stands still until the worker is started anew
    assert worker._workflow_worker is not None  # noqa: S101 (it has workflows)
    worker._workflow_worker._deadlock_timeout_seconds = _STUCK_SECONDS
    return worker


def _runner(is_sandboxed: bool) -> WorkflowRunner:
    if not is_sandboxed:  # 2 ms of CPU a workflow; the tests run with it
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("zonehook", "pydantic", "msgspec")
    )


if __name__ == "__main__":
    main()
