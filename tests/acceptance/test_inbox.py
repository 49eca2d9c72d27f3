"""Events that producers signal to their account's inbox."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from tests.acceptance import signalling
from tests.receiver import Mailbox
from tests.running import Account, House
from zonehook import producers, temporal
from zonehook.moments import timestamp

GOOD: dict[str, Any] = {"type": "domain.create", "data": {"domain": "example.com"}}


@pytest_asyncio.fixture
async def client(house: House) -> Client:
    return await temporal.connect(house.credentials["temporal_address"])


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


async def test_a_signalled_event_for_later(account: Account, client: Client) -> None:
    """A producer that signals schedules events, too."""
    later = datetime.now(UTC) + timedelta(days=1)
    await producers.publish(client, account.id, type="domain.create", data={}, deliver_at=later)

    [found] = await signalling.events(account, 1)

    assert (found["status"], found["deliver_at"]) == ("scheduled", timestamp(later))


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
        await signalling.signal(client, f"inbox/{account.id}", GOOD)
    await signalling.events(account, 2)


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
        ((_raw(b""),), "the body is empty"),
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
        await signalling.signal(client, inbox, *arguments, given=["what a producer gives is not read"])
        latest = (await _refused(client, inbox, number))[0]
        assert re.search(reason, latest["reason"]), (reason, latest)
        assert len(latest["excerpt"]) <= 300
        assert secret not in str(latest)
    await signalling.signal(client, inbox, GOOD, name="pubilsh")
    assert "there is no signal pubilsh" in (await _refused(client, inbox, len(cases) + 1))[0]["reason"]

    event_id = await producers.publish(client, account.id, type="account.update", data={"account": {"id": 1}})
    await signalling.events(account, 1)
    assert (await account.call("GET", f"/v1/events/{event_id}", status=200))["type"] == "account.update"
    assert await _counted(account) - counted >= len(cases) + 1
    handle = client.get_workflow_handle(inbox)
    shown: WorkflowMetadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    details = shown.current_details
    assert f"{len(cases) + 1} were refused; the last of those:" in details
    assert "there is no signal pubilsh" in details
    assert secret not in details
    assert await signalling.failed_tasks(client, inbox) == []


@pytest.mark.parametrize(
    ("inbox", "says"), [("inbox/999999", "there is no account 999999"), ("inbox/abc", "such as inbox/1")]
)
async def test_an_inbox_of_nobody_ends(client: Client, inbox: str, says: str) -> None:
    """A signal to the inbox of an account that there is not ends it with a sentence, instead of waiting for ever."""
    await signalling.signal(client, inbox, GOOD)

    with pytest.raises(WorkflowFailureError) as ended:
        await client.get_workflow_handle(inbox).result()

    assert isinstance(ended.value.cause, ApplicationError)
    assert says in ended.value.cause.message
    assert (await _refused(client, inbox, 1))[0]["excerpt"].startswith("type 'domain.create'")


async def test_a_cancelled_inbox_takes_what_has_come(account: Account, client: Client) -> None:
    """Temporal's cancel closes an inbox after its last signal; the next signal opens another one."""
    inbox = client.get_workflow_handle(f"inbox/{account.id}")
    for _ in range(8):
        await signalling.signal(client, inbox.id, GOOD)
    await inbox.cancel()

    assert await inbox.result() == "cancelled; 8 signals had come, 0 were refused"
    await signalling.signal(client, inbox.id, GOOD)
    await signalling.events(account, 9)


async def _counted(account: Account) -> float:
    answer = await account.client.get("/metrics")
    found = re.search(r"^zonehook_signals_refused_total (\S+)$", answer.text, re.MULTILINE)
    assert found is not None
    return float(found[1])
