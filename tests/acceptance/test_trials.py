"""Samples, sent on demand to one endpoint."""

import json

import pytest

from tests import samples
from tests.acceptance import vendors
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House
from zonehook import dialects

DIALECTS = dialects.NAMES


async def _test(account: Account, endpoint_id: str, status: int = 202, **body: object) -> dict[str, object]:
    path = f"/v1/webhook-endpoints/{endpoint_id}/test"
    answer: dict[str, object] = await account.call("POST", path, body=body or None, status=status)
    return answer


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_sample_of_each_dialect(house: House, mailbox: Mailbox, dialect: str) -> None:
    """A test without a type delivers the first type's documented sample, signed, and marked as a test everywhere."""
    account = await house.new_account()
    wanted = samples.endpoint(dialect, mailbox.url)
    endpoint = await account.register(**wanted)

    started = await _test(account, endpoint["id"])
    [delivered] = await account.settled(str(started["event_id"]))
    [received] = await mailbox.wait_for(1)

    catalogue = dialects.named(dialect).catalogue
    first = (wanted["events"] or list(catalogue or ["endpoint.test"]))[0]
    assert (started["test"], started["type"], started["id"]) == (True, first, delivered["id"])
    assert (delivered["status"], delivered["test"]) == ("delivered", True)
    assert received.headers["zonehook-test"] == "true"
    assert list(json.loads(received.body)) == vendors.KEYS[dialect]
    secret = wanted.get("secret") or endpoint["signing_secret"]
    assert not secret or vendors.is_genuine(dialect, secret, received)
    shown = (await account.delivery(str(started["id"])))["request"]
    assert (shown["headers"]["zonehook-test"], shown["body"].encode()) == ("true", received.body)


async def test_a_registered_types_sample(account: Account, receiver: Receiver) -> None:
    """A standard endpoint is tried with the sample that the account registered for the type, as it was written: the
    named type, the first it subscribes to by name, or the first that fits; without one with Zonehook's own.
    """
    written = '{"host": "a.example",  "n": 1.0}'
    content = '{"name": "server.moved", "schema": {"required": ["host"]}, "sample": ' + written + "}"
    assert (await account.client.post("/v1/event-types", content=content)).status_code == 201
    await account.call("POST", "/v1/event-types", body={"name": "server.gone"}, status=201)
    cases: list[tuple[list[str], str | None, str, str | None]] = [
        ([], None, "server.moved", written),
        (["server.*"], None, "server.moved", written),
        (["server.gone", "server.moved"], None, "server.gone", None),
        (["zone.*"], None, "endpoint.test", None),
        (["zone.*"], "server.moved", "server.moved", written),
        ([], "server.lost", "server.lost", None),
    ]

    for events, wanted, type_, data in cases:
        box = receiver.mailbox()
        endpoint = await account.register(box.url, events=events)
        assert (await _test(account, endpoint["id"], type=wanted))["type"] == type_
        [received] = await box.wait_for(1)
        sent = received.body.decode()
        assert f'"data":{data}' in sent if data else "This is a test from Zonehook." in sent


async def test_goes_to_that_endpoint_alone(account: Account, receiver: Receiver) -> None:
    """Only the tried one of two endpoints gets its sample, and that although it does not subscribe to the type."""
    tried, other = receiver.mailbox(), receiver.mailbox()
    endpoint = await account.register(tried.url, events=["zone.create"])
    await account.register(other.url)

    started = await _test(account, endpoint["id"], type="domain.create")
    [delivered] = await account.settled(str(started["event_id"]))
    await account.publish("zone.delete")
    await other.wait_for(1)

    assert (delivered["type"], delivered["status"]) == ("domain.create", "delivered")
    assert [len(box.received) for box in (tried, other)] == [1, 1]
    assert "zonehook-test" not in other.received[0].headers


async def test_is_retried_as_any_other(account: Account, mailbox: Mailbox) -> None:
    """A sample that is refused is tried again with the same bytes, and counted in the endpoint's health meanwhile."""
    endpoint = await account.register(mailbox.url)
    mailbox.replies.append(Reply(503))

    started = await _test(account, endpoint["id"])
    [delivered] = await account.settled(str(started["event_id"]))

    assert (delivered["status"], delivered["attempts"]) == ("delivered", 2)
    first, second = mailbox.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


async def test_refusals(house: House, account: Account, mailbox: Mailbox) -> None:
    """An unknown type, an unknown or foreign endpoint, and one that takes nothing are refused, and nothing is sent."""
    stranger = await house.new_account()
    endpoint = await account.register(mailbox.url, dialect="novadns", events=["host.created"])

    unknown = await _test(account, endpoint["id"], status=400, type="host.create")
    misspelt = await _test(account, endpoint["id"], status=400, typ="host.created")
    await _test(stranger, endpoint["id"], status=404)
    await account.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/disable", status=200)
    disabled = await _test(account, endpoint["id"], status=409)

    [detail] = unknown["error"]["details"]  # type: ignore[index]
    assert detail == {"field": "type", "message": "novadns has no event type host.create; did you mean host.created?"}
    assert misspelt["error"]["details"][0]["field"] == "typ"  # type: ignore[index]
    assert disabled["error"]["code"] == "endpoint_inactive"  # type: ignore[index]
    assert "enable it first" in disabled["error"]["message"]  # type: ignore[index]
    assert (mailbox.received, await account.deliveries()) == ([], [])
