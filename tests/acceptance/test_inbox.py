"""Events that producers signal to their account's inbox."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from tests.receiver import Mailbox
from tests.running import ROOT, Account, House, free_port, running
from zonehook import producers, temporal

_PATIENCE = 240.0
_HALF = 2500
_DOCS = ROOT / "docs" / "producers.md"
GOOD: dict[str, Any] = {"type": "domain.create", "data": {"domain": "example.com"}}


@pytest_asyncio.fixture
async def client(house: House) -> Client:
    return await temporal.connect(house.credentials["temporal_address"])


async def _signal(
    client: Client, inbox: str, *arguments: Any, name: str = "publish", given: Sequence[Any] = ()
) -> None:
    await client.start_workflow(
        "Inbox", args=given, id=inbox, task_queue="zonehook", start_signal=name, start_signal_args=arguments
    )


def _raw(text: bytes, **metadata: bytes) -> RawValue:
    return RawValue(Payload(metadata={"encoding": b"json/plain"} | metadata, data=text))


async def _refused(client: Client, inbox: str, count: int) -> list[Any]:
    """What the inbox says that it refused, once it is so many."""
    async with asyncio.timeout(30):
        while True:
            found: list[Any] = await client.get_workflow_handle(inbox).query("refused")
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)  # a query tells how things stand, not when they change


async def _failed_tasks(client: Client, inbox: str) -> list[str]:
    """Causes of failed workflow tasks, but for the one of Temporal's own protocol that lets no signal slip by."""
    history = await client.get_workflow_handle(inbox).fetch_history()
    causes = [
        each.workflow_task_failed_event_attributes.cause
        for each in history.events
        if each.HasField("workflow_task_failed_event_attributes")
    ]
    named = [WorkflowTaskFailedCause.Name(cause) for cause in causes]
    return [name for name in named if name != "WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND"]


async def test_a_signalled_event_is_delivered(account: Account, mailbox: Mailbox, client: Client) -> None:
    """What a producer signals arrives, signed, and `data` byte for byte as it was written."""
    await account.register(mailbox.url)
    data = '{"domain":  "exämple.com", "ttl": 1.0, "big": 1e2, "a": 12345678901234567890}'

    event_id = await producers.publish(client, account.id, type="domain.create", data=data, subject="example.com")
    [delivery] = await account.settled(event_id)
    [received] = await mailbox.wait_for(1)

    assert delivery["status"] == "delivered"
    assert data.encode() in received.body
    assert (await account.call("GET", f"/v1/events/{event_id}", status=200))["subject"] == "example.com"


async def test_an_id_is_once_only_by_whatever_way(account: Account, mailbox: Mailbox, client: Client) -> None:
    """The same id signalled twice and posted is one event; with other content a signal is refused, as a POST is."""
    await account.register(mailbox.url)
    for _ in range(2):
        signalled = await producers.publish(client, account.id, id="mine-1", type="domain.create", data=GOOD["data"])
    await account.settled(signalled)

    posted = await account.publish(data=GOOD["data"], id="mine-1")
    await producers.publish(client, account.id, id="mine-1", type="domain.delete", data=GOOD["data"])
    [refused] = await _refused(client, f"inbox/{account.id}", 1)

    assert posted["id"] == signalled
    assert "this id was used before" in refused["reason"]
    assert "'mine-1'" in refused["excerpt"]
    assert len(await account.deliveries()) == 1


async def test_signals_without_an_id_are_events_of_their_own(account: Account, client: Client) -> None:
    """Two signals that say the same, without an id, are two events."""
    for _ in range(2):
        await _signal(client, f"inbox/{account.id}", GOOD)
    await _events(account, 2)


async def test_an_invalid_signal_is_told_and_stops_nothing(house: House, client: Client) -> None:
    """Whatever is signalled, no workflow task fails; why it is no event can be read; and the next event is taken."""
    account = await house.new_account("dnsimple")
    inbox = f"inbox/{account.id}"
    counted = await _counted(account)
    secret = "the-secret-of-a-customer"
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((_raw(f'{{"data": "{secret}'.encode()),), "not well-formed JSON"),
        ((_raw(b'"\xff"'),), "not UTF-8"),
        ((_raw(b"{}", encoding=b"binary/encrypted"),), "json/plain; that of this one is binary/encrypted"),
        ((b"bytes",), "binary/plain"),
        ((RawValue(Payload(data=b"{}")),), "not named"),
        ((None,), "binary/null"),
        (([GOOD],), "not a JSON object"),
        ((_raw(b""),), "not well-formed JSON"),
        ((_raw(b'{"data": ' + b"[" * 100_000),), "malformed|nests|well-formed"),
        (({"data": {"password": secret}},), "type: this field is required"),
        (({"type": "domain.create"},), "data: this field is required"),
        ((GOOD | {"tpye": 1},), "tpye: this field is not known here"),
        ((GOOD | {"data": {"filler": "x" * 300_000}},), "an event has at most 262144 bytes"),
        (({"type": "no.such_type", "data": {}},), "no.such_type"),
        ((GOOD, GOOD), "takes one argument, the event; 2 came"),
        ((), "takes one argument, the event; 0 came"),
    ]
    for number, (arguments, reason) in enumerate(cases, start=1):
        await _signal(client, inbox, *arguments, given=["what a producer gives is not read"])
        latest = (await _refused(client, inbox, number))[0]
        assert re.search(reason, latest["reason"]), (reason, latest)
        assert len(latest["excerpt"]) <= 300
        assert secret not in str(latest)
    await _signal(client, inbox, GOOD, name="pubilsh")
    assert "there is no signal pubilsh" in (await _refused(client, inbox, len(cases) + 1))[0]["reason"]

    event_id = await producers.publish(client, account.id, type="account.update", data={"account": {"id": 1}})
    await _events(account, 1)
    assert (await account.call("GET", f"/v1/events/{event_id}", status=200))["type"] == "account.update"
    assert await _counted(account) - counted >= len(cases) + 1
    handle = client.get_workflow_handle(inbox)
    shown: WorkflowMetadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    details = shown.current_details
    assert f"{len(cases) + 1} were refused; the last of those:" in details
    assert "there is no signal pubilsh" in details
    assert secret not in details
    assert await _failed_tasks(client, inbox) == []


@pytest.mark.parametrize(
    ("inbox", "says"), [("inbox/999999", "there is no account 999999"), ("inbox/abc", "such as inbox/1")]
)
async def test_an_inbox_of_nobody_ends(client: Client, inbox: str, says: str) -> None:
    """A signal to the inbox of an account that there is not ends it with a sentence, instead of waiting for ever."""
    await _signal(client, inbox, GOOD)

    with pytest.raises(WorkflowFailureError) as ended:
        await client.get_workflow_handle(inbox).result()

    assert isinstance(ended.value.cause, ApplicationError)
    assert says in ended.value.cause.message
    assert (await _refused(client, inbox, 1))[0]["excerpt"].startswith("type 'domain.create'")


async def test_a_cancelled_inbox_takes_what_has_come(account: Account, client: Client) -> None:
    """Temporal's cancel closes an inbox after its last signal; the next signal opens another one."""
    inbox = client.get_workflow_handle(f"inbox/{account.id}")
    for _ in range(8):
        await _signal(client, inbox.id, GOOD)
    await inbox.cancel()

    assert await inbox.result() == "cancelled; 8 signals had come, 0 were refused"
    await _signal(client, inbox.id, GOOD)
    await _events(account, 9)


@pytest_asyncio.fixture
async def own_house(tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own, to be killed, and whose Temporal can be reached over HTTP."""
    settings = {"ZONEHOOK_TEMPORAL_HTTP_PORT": str(free_port()), "ZONEHOOK_WORKFLOW_SANDBOX": "0"}
    async with running(tmp_path, trusting | settings) as house:
        yield house


@pytest.mark.rows("ALL-02")
async def test_5000_signals_and_a_kill(own_house: House) -> None:
    """Of 5,000 signals in a row none is lost and none is an event twice: over runs of the inbox, a kill -9 while it
    takes them, and all those with an id sent again.
    """
    account_id = own_house.credentials["account_id"]
    client = await temporal.connect(own_house.credentials["temporal_address"])
    sent = await _send(client, account_id, range(_HALF))
    await own_house.kill()
    before = _count(own_house)
    await own_house.start()
    client = await temporal.connect(own_house.credentials["temporal_address"])
    with_id = [number for number in sent if number % 2]
    assert await _send(client, account_id, with_id) == with_id
    sent += await _send(client, account_id, range(_HALF, 2 * _HALF))

    numbers = await _numbers(own_house, len(sent))

    assert 0 < before < _HALF
    assert len(sent) == 2 * _HALF
    assert sorted(numbers) == sorted(sent)
    inbox = f"inbox/{account_id}"
    first = (await client.get_workflow_handle(inbox).describe()).raw_description.workflow_execution_info
    assert first.first_run_id != first.execution.run_id
    assert await client.get_workflow_handle(inbox).query("refused") == []
    assert await _failed_tasks(client, inbox) == []


async def test_as_documented(own_house: House) -> None:
    """The commands of docs/producers.md for the `temporal` CLI and for curl, as they stand there, publish events."""
    account = own_house.account()
    here = {
        "7233": str(own_house.ports[1]),
        "7243": own_house.environment["ZONEHOOK_TEMPORAL_HTTP_PORT"],
        "temporal ": f"{Path(sys.executable).parent / 'temporal'} ",
    }
    commands = [each for each in re.findall(r"```sh\n(.*?)```", _DOCS.read_text(), re.DOTALL) if "inbox" in each]
    for command in commands:
        for documented, real in here.items():
            command = re.sub(rf"(?<![\w/]){documented}", real, command)
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-euc", command], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "not found" not in done.stdout.lower(), done.stdout

    found = await _events(account, 3)
    assert len(commands) >= 4
    assert {each["type"] for each in found} == {"domain.create"}
    kept = [json.dumps(each["data"]) for each in found]
    assert any("1.0" in each for each in kept), kept


async def _send(client: Client, account_id: int, numbers: Sequence[int]) -> list[int]:
    """Signals these, side by side, every other one with an id; those that were taken."""
    taken, left = [], iter(numbers)

    async def send_some() -> None:
        for number in left:
            event: dict[str, Any] = {"type": "domain.create", "data": {"n": number}}
            if number % 2:
                event["id"] = f"n-{number}"
            try:
                await _signal(client, f"inbox/{account_id}", event)
            except RPCError:  # not taken: nothing was promised
                continue
            taken.append(number)

    await asyncio.gather(*(send_some() for _ in range(32)))
    return sorted(taken)


def _count(house: House) -> int:
    return len(_written(house))


def _written(house: House) -> list[int]:
    with sqlite3.connect(f"file:{house.home}/zonehook.db?mode=ro", uri=True) as records:
        found = [json.loads(data)["n"] for (data,) in records.execute("SELECT data FROM events")]
    records.close()
    return found


async def _numbers(house: House, count: int) -> list[int]:
    """What the records have, once that is `count` and no more comes."""
    async with asyncio.timeout(_PATIENCE):
        while len(_written(house)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.5)  # the records tell how things stand, not when they change
    client = await temporal.connect(house.credentials["temporal_address"])
    inbox = client.get_workflow_handle(f"inbox/{house.credentials['account_id']}")
    await inbox.cancel()  # it ends when it has taken everything
    await inbox.result()
    async with asyncio.timeout(_PATIENCE):
        while (await client.count_workflows('WorkflowType = "Event" AND ExecutionStatus = "Running"')).count:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return _written(house)


async def _events(account: Account, count: int) -> list[Any]:
    """The account's events, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            found = await account.call("GET", "/v1/events", status=200)
            listed: list[Any] = found["data"]
            if len(listed) >= count:
                assert len(listed) == count
                return listed
            await asyncio.sleep(0.05)  # the API tells how things stand, not when they change


async def _counted(account: Account) -> float:
    answer = await account.client.get("/metrics")
    found = re.search(r"^zonehook_signals_refused_total (\S+)$", answer.text, re.MULTILINE)
    assert found is not None
    return float(found[1])
