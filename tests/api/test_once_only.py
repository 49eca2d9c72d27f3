"""The same id or Idempotency-Key is one event: however often, however many at once, however much later."""

import asyncio
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.api import shapes
from tests.api.waiting import recorded
from tests.receiver import Mailbox
from tests.running import Account, House

EVENTS = "/v1/events"
EVENT = {"type": "domain.create", "data": {"domain": "example.com", "n": 1}}


@pytest.mark.rows("ALL-07")
@pytest.mark.parametrize(
    "key", ["k", "an order 42/7", "ключ-日本", "evt_" + "0" * 26, "../../1", pytest.param("x" * 255, id="longest")]
)
async def test_the_same_id_is_one_event(account: Account, mailbox: Mailbox, key: str) -> None:
    """A repeated id answers the first event's id and time as a duplicate, and delivers nothing more."""
    await account.register(mailbox.url)

    first = await account.publish(id=key)
    at_once = await account.publish(id=key)
    await account.settled(first["id"])
    later = await account.publish(id=key)

    shapes.check(later, shapes.ACCEPTED)
    assert first["duplicate"] is False
    assert at_once == later == first | {"duplicate": True}
    assert len(await account.deliveries()) == len(mailbox.received) == 1


@pytest.mark.rows("ALL-07")
async def test_the_header_does_the_same(account: Account) -> None:
    """An Idempotency-Key makes once-only as an id does; the two are one name, sent in either place or both."""
    keyed = {"Idempotency-Key": "k-1"}

    first = await account.call("POST", EVENTS, body=EVENT, headers=keyed, status=202)
    again = await account.call("POST", EVENTS, body=EVENT, headers=keyed, status=202)
    as_id = await account.call("POST", EVENTS, body=EVENT | {"id": "k-1"}, status=202)
    both = await account.call("POST", EVENTS, body=EVENT | {"id": "k-1"}, headers=keyed, status=202)
    other = await account.call("POST", EVENTS, body=EVENT, headers={"Idempotency-Key": "k-2"}, status=202)

    assert again == as_id == both == first | {"duplicate": True}
    assert (other["id"] != first["id"], other["duplicate"]) == (True, False)


async def test_without_either_each_is_new(account: Account) -> None:
    """Without an id and a header, equal requests are different events."""
    made = [await account.publish() for _ in range(3)]

    assert len({each["id"] for each in made}) == 3
    assert {each["duplicate"] for each in made} == {False}


async def test_two_names_are_refused(account: Account) -> None:
    """An id and an Idempotency-Key that differ are refused."""
    answer = await account.client.post(EVENTS, json=EVENT | {"id": "a"}, headers={"Idempotency-Key": "b"})

    shapes.refusal(answer, 400, "id")


@pytest.mark.parametrize("key", [b"", b"\xe9", "é".encode(), pytest.param(b"x" * 256, id="256 characters")])
async def test_a_header_that_is_no_key(account: Account, key: bytes) -> None:
    """An Idempotency-Key has 1 to 255 printable ASCII characters; another is refused."""
    answer = await account.client.post(EVENTS, json=EVENT, headers=[(b"idempotency-key", key)])

    shapes.refusal(answer, 400, "Idempotency-Key")


@pytest.mark.rows("ALL-07")
async def test_the_same_content_written_otherwise(account: Account) -> None:
    """Other white space, key order or escapes are the same content: a duplicate."""
    written = [
        '{"id":"k","type":"domain.create","subject":"é","actor":{"a":1,"b":[{}]},"data":{"x":{"p":1,"q":"é"},"y":2}}',
        '{"data":{"y":2,"x":{"q":"\\u00e9","p":1}},"actor":{"b":[{}],"a":1},"subject":"\\u00e9",'
        '"type":"domain.create","id":"k"}',
        ' {\n "id" : "k", "type":"domain.create", "subject":"é",\t"actor":{ "a":1,"b":[ { } ] },\r\n'
        ' "data":{"x":{"p":1,"q":"é"}, "y":2} } ',
    ]

    answers = [(await account.client.post(EVENTS, content=text.encode())).json() for text in written]

    assert answers[1] == answers[2] == answers[0] | {"duplicate": True}


@pytest.mark.parametrize(
    "other",
    [
        {"type": "domain.delete"},
        {"data": {"domain": "example.com", "n": 2}},
        {"data": {"domain": "example.com", "n": "1"}},
        {"data": {"domain": "example.com", "n": ["number", "1"]}},
        {"data": {"domain": "example.com", "n": [1]}},
        {"data": {"domain": "example.com"}},
        {"subject": "example.com"},
        {"actor": {}},
        {"occurred_at": "2026-07-02T12:00:00Z"},
    ],
)
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
async def test_other_content_is_a_conflict(account: Account, other: dict[str, Any], waits: bool) -> None:
    """A known id with any other content is a 409, at once and later, and changes nothing."""
    first = await account.call("POST", EVENTS, body=EVENT | {"id": "k"}, status=202)
    if waits:
        await recorded(account, 1)

    answer = await account.client.post(EVENTS, json=EVENT | {"id": "k"} | other)
    shown = await account.call("GET", f"{EVENTS}/{first['id']}", status=200)

    assert shapes.refusal(answer, 409)["code"] == "idempotency_conflict"
    assert (shown["type"], shown["data"]) == (EVENT["type"], EVENT["data"])


async def test_the_same_moment_in_another_zone(account: Account) -> None:
    """A time of occurrence written in another zone is the same content."""
    times = ["2026-07-02T12:00:00Z", "2026-07-02T14:00:00+02:00", "2026-07-02T12:00:00.000Z"]

    answers = [await account.client.post(EVENTS, json=EVENT | {"id": "k", "occurred_at": each}) for each in times]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True, True]


@pytest.mark.rows("ALL-07")
async def test_fifty_at_once_are_one(account: Account, mailbox: Mailbox) -> None:
    """Of fifty equal requests at once each gets the same id, and exactly one is told that it was the first."""
    await account.register(mailbox.url)

    answers = await asyncio.gather(*(account.publish(id="k") for _ in range(50)))
    await account.settled(answers[0]["id"])

    assert len({(each["id"], each["accepted_at"]) for each in answers}) == 1
    assert [each["duplicate"] for each in answers].count(False) == 1
    assert len((await account.call("GET", EVENTS, status=200))["data"]) == 1
    assert len(await account.deliveries()) == len(mailbox.received) == 1


@pytest.mark.rows("ALL-07")
async def test_an_id_belongs_to_its_account(house: House) -> None:
    """The same id in two accounts is two events."""
    one, other = await house.new_account(), await house.new_account()

    first, second = await one.publish(id="k"), await other.publish(id="k")

    assert (first["duplicate"], second["duplicate"]) == (False, False)
    assert first["id"] != second["id"]


@pytest.mark.rows("ALL-07")
async def test_known_longer_than_temporal_remembers(house: House, account: Account, mailbox: Mailbox) -> None:
    """When Temporal's retention has removed the event, its id is still known: the first one's answer, no delivery."""
    await account.register(mailbox.url)
    first = await account.publish(id="k")
    await account.settled(first["id"])
    await _forget(house.credentials["temporal_address"], f"event/{account.id}/{first['id']}")

    again = await account.publish(id="k")
    conflict = await account.client.post(EVENTS, json=EVENT | {"id": "k"})
    event = await account.call("GET", f"{EVENTS}/{first['id']}", status=200)

    assert again == first | {"duplicate": True}
    shapes.refusal(conflict, 409)
    assert len(event["deliveries"]) == len(mailbox.received) == 1


async def _forget(address: str, workflow_id: str) -> None:
    """What Temporal does by itself when a workflow's retention is over."""
    client = await Client.connect(address)
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
    await client.workflow_service.delete_workflow_execution(request)
    async with asyncio.timeout(120):
        while await _is_known(client, workflow_id):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # Temporal deletes in the background and tells nobody


async def _is_known(client: Client, workflow_id: str) -> bool:
    try:
        await client.get_workflow_handle(workflow_id).describe()
    except RPCError as problem:
        if problem.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
