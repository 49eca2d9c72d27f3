"""Composition root of the embedded default: Temporal, API and worker in one process. `zonehook up` runs it."""

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from temporalio.client import Client

import worker
from api.app import create_app
from api.doors import Desks
from zonehook import __version__, addresses, home, temporal
from zonehook.announcer import Announcer
from zonehook.archive import Archive
from zonehook.batches import Batches
from zonehook.catalogues import Catalogues
from zonehook.credits import Credits
from zonehook.devserver import DevServer, Ports
from zonehook.enforcement import Enforcement
from zonehook.errors import Invalid, Unauthorized, ZonehookError
from zonehook.facts import Facts
from zonehook.fanout import Fanout
from zonehook.intake import Intake
from zonehook.interventions import Interventions
from zonehook.keyring import Keyring
from zonehook.ledger import Ledger
from zonehook.members import Members
from zonehook.outcomes import Outcomes
from zonehook.ratelimits import RateLimits
from zonehook.recoveries import Recoveries
from zonehook.registry import Registry
from zonehook.roles import Action
from zonehook.scheduling import Scheduling
from zonehook.settings import Settings
from zonehook.store import cipher, migrate
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.tenants import Tenants
from zonehook.trials import Trials

_LOOPBACK = addresses.parse_networks("127.0.0.0/8, ::1/128")
_STOPPING_SECONDS = 45  # the worker's grace, the API's and Temporal's
_log = logging.getLogger("zonehook")


def main() -> None:
    """Runs until SIGINT or SIGTERM. Exits with 1 and one sentence when it cannot start."""
    began = time.monotonic()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    code = 0
    try:
        settings = Settings.read()
        worker.log_as(settings)
        if settings.allowed_targets is None:
            settings = settings.model_copy(update={"allowed_targets": _LOOPBACK})
        worker.raise_file_limit()
        with home.occupied(settings.home):
            uvloop.run(_up(settings, began))
    except ZonehookError as problem:
        print(f"zonehook: {problem.message}", file=sys.stderr)  # noqa: T201 (for a person)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # temporalio's runtime sometimes aborts in the interpreter's own way out


async def _up(settings: Settings, began: float) -> None:
    _warn(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, _stop_or_leave, stop, settings)
    async with contextlib.AsyncExitStack() as stack:
        sealing = cipher.following(settings.encryption_keys, settings.home, may_make=True)
        listening = stack.enter_context(_bound(settings.host, settings.port, "ZONEHOOK_PORT"))
        database = Database(settings.database)
        stack.push_async_callback(database.close)
        client = await stack.enter_async_context(_temporal(settings))
        await migrate.upgrade(database)
        desks, announcer = _desks(settings, sealing, database, client)
        stack.push_async_callback(desks.credits.close)
        if settings.embedded_worker:
            work = worker.working(client, database, sealing, settings, announcer.wake, desks.credits)
            await stack.enter_async_context(work)
        await stack.enter_async_context(announcer.running())
        await stack.enter_async_context(_serving(desks, settings, listening))
        credentials = await _credentials(settings, desks.tenants)
        worker.settle()
        _greet(settings, credentials, time.monotonic() - began)
        await stop.wait()
        _say("\nStopping: attempts under way are finished first; press Ctrl-C again to leave at once.")
        asyncio.get_running_loop().call_later(_STOPPING_SECONDS, _leave, settings)
    _say("Stopped. Everything is kept in " + str(settings.home))


def _desks(settings: Settings, sealing: Cipher, database: Database, client: Client) -> tuple[Desks, Announcer]:
    """Those the doors lead to, and the one that works by itself."""
    enforcement = Enforcement(database)
    credits = Credits(database, settings.fair_use_credits)
    intake = Intake(database, client, enforcement, settings.embedded_worker, credits.spend)
    announcer = Announcer(database, intake)
    registry = Registry(database, sealing, settings.targets, settings.fair_use_endpoints, announcer.wake)
    fanout = Fanout(database, settings.time_scale, settings.fast_lane)
    catalogues = Catalogues(database, enforcement)
    desks = Desks(
        tenants=Tenants(database),
        members=Members(database),
        keyring=Keyring(database),
        registry=registry,
        intake=intake,
        facts=Facts(database, client, settings.source_terms),
        outcomes=Outcomes(database, intake),
        batches=Batches(database, client, intake, settings.embedded_worker, credits.spend),
        scheduling=Scheduling(database, client, intake),
        catalogues=catalogues,
        trials=Trials(database, registry, catalogues, intake, fanout),
        archive=Archive(database, sealing),
        interventions=Interventions(Ledger(database, sealing, settings.time_scale, announcer.wake), client),
        recoveries=Recoveries(database, client),
        credits=credits,
        database=database,
        client=client,
        source_ranges=settings.source_ranges,
    )
    return desks, announcer


@contextlib.asynccontextmanager
async def _temporal(settings: Settings) -> AsyncIterator[Client]:
    """The Temporal that TEMPORAL_ADDRESS names, or one of our own."""
    if os.environ.get("TEMPORAL_ADDRESS"):
        client = await temporal.connect()
        await temporal.register_search_attributes(client)
        yield client
        return
    ports = Ports(
        settings.temporal_port, settings.temporal_ui_port, settings.temporal_metrics_port, settings.temporal_http_port
    )
    server = DevServer(settings.home, ports)
    await asyncio.to_thread(server.end_orphan)
    for port, variable in ((ports.grpc, "ZONEHOOK_TEMPORAL_PORT"), (ports.ui, "ZONEHOOK_TEMPORAL_UI_PORT")):
        with _bound("127.0.0.1", port, variable):
            pass
    _say("Starting Temporal …")
    async with server.running() as client:
        yield client


@contextlib.asynccontextmanager
async def _serving(desks: Desks, settings: Settings, listening: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        create_app(desks, RateLimits(desks.database), settings.rate_limit),
        log_level="warning",
        access_log=False,
        http="httptools",
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=60,  # the usual client keeps a connection for 5 s, and must not meet our closing it then
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # uvicorn has no event for it
    if serving.done():
        await serving
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are for the whole process, and ours


async def _credentials(settings: Settings, tenants: Tenants) -> dict[str, Any]:
    """The file of the last start brought up to date, with fresh keys where its own are not known any more."""
    known = home.read_credentials(settings.home) or {}
    try:
        caller = await tenants.caller(known.get("api_key"), Action.CHANGE_ENDPOINTS)
        keys = {"account_id": caller.account_id, "api_key": known["api_key"], "operator_key": known["operator_key"]}
        await tenants.operator(keys["operator_key"])
    except (Unauthorized, KeyError):
        fresh = await tenants.first_start()
        keys = {"account_id": fresh.account.id, "api_key": fresh.api_key, "operator_key": fresh.operator_key}
    own = f"127.0.0.1:{settings.temporal_port}"
    credentials = {
        "url": f"http://{settings.host}:{settings.port}",
        **keys,
        "temporal_address": os.environ.get("TEMPORAL_ADDRESS", own),
        "temporal_ui": f"http://127.0.0.1:{settings.temporal_ui_port}",
    }
    home.write_credentials(settings.home, credentials)
    return credentials


@contextlib.contextmanager
def _bound(host: str, port: int, variable: str) -> Iterator[socket.socket]:
    """A socket on this port. Raises Invalid naming the variable when the port is taken."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as problem:
            raise Invalid.field(
                variable,
                f"port {port} on {host} cannot be used ({problem.strerror}); set {variable} to a free one"
                + (", or ZONEHOOK_HOST to an address of this machine" if variable == "ZONEHOOK_PORT" else ""),
            ) from None
        yield bound


def _stop_or_leave(stop: asyncio.Event, settings: Settings) -> None:
    if stop.is_set():
        _leave(settings)
    stop.set()


def _leave(settings: Settings) -> None:
    DevServer(settings.home, Ports(0, 0)).end_orphan(waits=False)
    _say("Left at once: what was under way goes on after the next start.")
    os._exit(130)


def _warn(settings: Settings) -> None:
    if settings.time_scale != 1:
        _log.warning("ZONEHOOK_TIME_SCALE is %s: every retry delay and window is multiplied by it", settings.time_scale)


def _greet(settings: Settings, credentials: dict[str, Any], seconds: float) -> None:
    program = Path(sys.executable).parent / "zonehook"
    short = os.path.relpath(program) if program.is_relative_to(Path.cwd()) else str(program)
    prefix = "" if str(settings.home) == ".zonehook" else f"ZONEHOOK_HOME={shlex.quote(str(settings.home))} "
    targets = ", ".join(str(network) for network in settings.targets)
    lane = "\n  First attempts take the fast lane (ZONEHOOK_FAST_LANE)." if settings.fast_lane else ""
    _say(f"""
Zonehook {__version__} is ready, after {seconds:.1f} s. Ctrl-C stops it.

  API          {credentials["url"]}
  API docs     {credentials["url"]}/docs
  Temporal UI  {credentials["temporal_ui"]}
  API key      {credentials["api_key"]}
               of account {credentials["account_id"]}; also in {settings.home / home.CREDENTIALS}
  Deliveries go to public https addresses, and to {targets or "no others"} (ZONEHOOK_ALLOWED_TARGETS).{lane}

See a signed delivery and a retry. In a second terminal, a receiver that registers itself and refuses once:
  {prefix}{short} listen --fail 1
In a third, publish an event and look at its delivery:
  {prefix}{short} publish domain.create '{{"domain": "example.com"}}'
  {prefix}{short} deliveries
""")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (for a person)


if __name__ == "__main__":
    main()
