"""A real Zonehook: the program that `make run` starts, in a home and on ports of its own."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.receiver import SIGNATURES

ROOT = Path(__file__).parent.parent
IS_FAST = os.environ.get("ZONEHOOK_FAST_LANE") == "1"  # scripts/check runs the engine's tests in either lane
_PATIENCE = 60.0
_PORTS_EACH = 1500
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# From anywhere in the range on: somebody else may run these tests on the same machine
_ports = itertools.islice(
    itertools.cycle(range(12_000 + _worker * _PORTS_EACH, 12_000 + (_worker + 1) * _PORTS_EACH)),
    random.randrange(_PORTS_EACH),
    None,
)


class Account:
    """A customer's account: the REST API with its key."""

    def __init__(self, client: httpx.AsyncClient, account_id: int) -> None:
        self.client = client
        self.id = account_id

    async def call(self, method: str, path: str, *, status: int, body: Any = None, **options: Any) -> Any:
        """The answer's JSON, its status having been as expected."""
        answer = await self.client.request(method, path, json=body, **options)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def register(self, url: str, **more: Any) -> Any:
        wanted = {"url": url, "events": []} | more
        endpoint = await self.call("POST", "/v1/webhook-endpoints", body=wanted, status=201)
        if endpoint["signing_secret"] is not None:  # some dialects sign nothing by themselves
            SIGNATURES.learn(url, endpoint["signing_secret"])
        return endpoint

    async def publish(self, type_: str = "domain.create", data: Any = None, **more: Any) -> Any:
        body = {"type": type_, "data": {"domain": "example.com"} if data is None else data} | more
        return await self.call("POST", "/v1/events", body=body, status=202)

    async def deliveries(self, **wanted: Any) -> list[Any]:
        found = await self.call("GET", "/v1/webhook-deliveries", params=wanted, status=200)
        listed: list[Any] = found["data"]
        return listed

    async def delivery(self, delivery_id: str) -> Any:
        return await self.call("GET", f"/v1/webhook-deliveries/{delivery_id}", status=200)

    async def attempts(self, delivery_id: str) -> list[Any]:
        found = await self.call("GET", f"/v1/webhook-deliveries/{delivery_id}/attempts", status=200)
        made: list[Any] = found["data"]
        return made

    async def settled(self, event_id: str, count: int = 1, statuses: tuple[str, ...] = ()) -> list[Any]:
        """The event's deliveries once there are `count` of them and each is in `statuses` (default: over)."""
        wanted = statuses or ("delivered", "failed", "cancelled", "skipped")
        async with asyncio.timeout(_PATIENCE):
            while True:
                found = await self.deliveries(event_id=event_id, limit=200)
                if len(found) == count and all(each["status"] in wanted for each in found):
                    return found
                await asyncio.sleep(0.02)  # the API tells how things stand, not when they change

    async def attempted(self, attempts: int, **wanted: Any) -> list[Any]:
        """The deliveries that are `wanted`, once so many attempts of them are recorded."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                found = await self.deliveries(limit=200, **wanted)
                if sum(each["attempts"] for each in found) >= attempts:
                    return found
                await asyncio.sleep(0.02)  # the API tells how things stand, not when they change


class House:
    """The process, and how to treat it well or badly."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        self.root = ROOT  # where its code is
        self.ports = [free_port() for _ in range(3)]
        names = ("ZONEHOOK_PORT", "ZONEHOOK_TEMPORAL_PORT", "ZONEHOOK_TEMPORAL_UI_PORT")
        ports = {name: str(port) for name, port in zip(names, self.ports, strict=True)}
        own = {"ZONEHOOK_HOME": str(home), "ZONEHOOK_WORKFLOW_SANDBOX": "1"}
        self.environment: dict[str, str] = {**os.environ, **own, **ports, **settings}
        self._process: asyncio.subprocess.Process | None = None
        self._clients: list[httpx.AsyncClient] = []
        self._printed: asyncio.Task[str] | None = None

    @property
    def credentials(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.home / "credentials.json").read_text())
        return read

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def start(self, **settings: str) -> str:
        """Starts it and returns what it printed until it was ready."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "standalone", cwd=self.root, env=self.environment | settings,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        printed = ""
        async with asyncio.timeout(_PATIENCE):
            while "See a signed delivery" not in printed:
                line = await self._stdout.readline()
                assert line, f"it ended instead of starting: {printed}"
                printed += line.decode()
        self._printed = asyncio.create_task(self._read_on())
        return printed

    async def kill(self) -> None:
        """kill -9, at this very moment."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> tuple[int, str]:
        """Ctrl-C. The exit status and what it printed meanwhile."""
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(_PATIENCE):
            assert self._printed is not None
            return await self.process.wait(), await self._printed

    async def end(self) -> None:
        """Leaves nothing running, whatever state it was left in."""
        for client in self._clients:
            await client.aclose()
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int((self.home / "temporal.pid").read_text()), signal.SIGKILL)

    def account(self) -> Account:
        """Account 1, as its credentials.json has it."""
        return Account(self._client(self.credentials["api_key"]), self.credentials["account_id"])

    async def new_account(self, dialect: str = "standard") -> Account:
        """An account that no other test knows."""
        operator = Account(self._client(self.credentials["operator_key"]), 0)
        made = await operator.call(
            "POST", "/v1/accounts", body={"name": "a test's own", "dialect": dialect}, status=201
        )
        return Account(self._client(made["api_key"]), made["id"])

    def with_key(self, key: str, account_id: int = 0) -> Account:
        """The REST API with any other key."""
        return Account(self._client(key), account_id)

    def known_account(self, authorization: str, account_id: int) -> Account:
        """One that was made before a restart: the value of its Authorization header, and its id."""
        return Account(self._client(authorization.removeprefix("Bearer ")), account_id)

    def operator(self) -> Account:
        return Account(self._client(self.credentials["operator_key"]), 0)

    async def _read_on(self) -> str:
        """All that it prints from now on: a full pipe would hold it up."""
        return (await self._stdout.read()).decode()

    @property
    def _stdout(self) -> asyncio.StreamReader:
        assert self.process.stdout is not None
        return self.process.stdout

    def _client(self, key: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.ports[0]}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_PATIENCE,
            trust_env=False,
            verify=False,  # plain http to loopback; making a TLS context for it takes 30 ms
        )
        self._clients.append(client)
        return client


def free_port() -> int:
    """A port of loopback that nobody listens on, and nobody is given either: below those that the system hands out, and
    each of the processes that run tests has its own.
    """
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port is left")


@contextlib.asynccontextmanager
async def running(home: Path, settings: Mapping[str, str]) -> AsyncIterator[House]:
    """A started Zonehook that is gone afterwards."""
    house = House(home, settings)
    try:
        await house.start()
        yield house
    finally:
        await house.end()
