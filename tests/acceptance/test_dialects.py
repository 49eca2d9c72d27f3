"""Six dialects in one process: each endpoint keeps its own rules, bytes and signatures, whoever else is served."""

import asyncio
import dataclasses
import itertools
import json
import re
import time
import uuid
from datetime import datetime
from typing import Any

import pytest

from tests import samples
from tests.acceptance import steering, vendors
from tests.acceptance.vendors import DIALECTS
from tests.receiver import Mailbox, Received, Receiver, Reply
from tests.running import Account, House

WAITS = {
    "standard": (14, 28), "dnsimple": (14, 28), "dnsimple-legacy": (14, 28), "connect-domain": (60, 120),
    "novadns": (30, 60), "captaindns": (10, 60),
}  # fmt: skip
# Endpoints of which dialects know the type of a dialect's event, beside the standard ones, which know all
LISTENING = {
    "dnsimple": {"dnsimple", "dnsimple-legacy"}, "dnsimple-legacy": {"dnsimple", "dnsimple-legacy"},
    "connect-domain": {"connect-domain"}, "novadns": {"novadns"}, "captaindns": {"captaindns"},
}  # fmt: skip
USER = {"id": "1120", "entity": "user", "pretty": "jo.doe@example.com"}
A_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.mark.rows("ALL-04", "CAP-01", "DN2-20", "NOV-02")
async def test_six_accounts_side_by_side(house: House, receiver: Receiver) -> None:
    """Six accounts of six dialects: each delivery starts at once, has its dialect's body, headers and signature, and a
    201 confirms it but for DNSimple, which tries again.
    """
    accounts = {dialect: await house.new_account(dialect) for dialect in DIALECTS}
    boxes = {dialect: receiver.mailbox() for dialect in DIALECTS}
    secrets = {dialect: await _register(accounts[dialect], dialect, box) for dialect, box in boxes.items()}
    for box in boxes.values():
        box.replies.append(Reply(201))

    published, ends = {}, {}
    for dialect, account in accounts.items():
        published[dialect] = time.time()
        event = await account.publish(**_event(dialect))
        [ends[dialect]] = await account.settled(event["id"])

    for dialect, box in boxes.items():
        assert box.received[0].at - published[dialect] < 5
        assert ends[dialect]["status"] == "delivered"
        assert ends[dialect]["attempts"] == len(box.received) == (2 if dialect.startswith("dnsimple") else 1)
        for received in box.received:
            _is_of(dialect, secrets[dialect], received)


@pytest.mark.rows("ALL-04")
@pytest.mark.parametrize(
    ("owner", "dialect"),
    [*(("standard", dialect) for dialect in LISTENING), *((owner, owner) for owner in DIALECTS if owner != "standard")],
)
async def test_one_account_with_six_endpoints(house: House, receiver: Receiver, owner: str, dialect: str) -> None:
    """Whatever an account's dialect is, of its endpoints those get an event whose own dialect knows its type, each in
    its own words, and what confirms it is the endpoint's dialect's.
    """
    account = await house.new_account(owner)
    boxes = {name: receiver.mailbox() for name in DIALECTS}
    secrets = {name: await _register(account, name, box) for name, box in boxes.items()}
    listening = {"standard", *LISTENING[dialect]}
    for box in boxes.values():
        box.replies.append(Reply(201))

    event = await account.publish(**_event(dialect))
    found = await account.settled(event["id"], count=len(listening))

    assert {each["status"] for each in found} == {"delivered"}
    assert {name for name, box in boxes.items() if box.received} == listening
    for name in listening:
        assert len(boxes[name].received) == (2 if name.startswith("dnsimple") else 1)
        for received in boxes[name].received:
            _is_of(name, secrets[name], received)


@pytest.mark.rows("ALL-04")
@pytest.mark.parametrize(
    ("event", "skipping"),
    [
        ({"type_": "domain.create", "data": {"domain": {"id": 1, "account_id": "1385"}}}, LISTENING["dnsimple"]),
        ({"type_": "ssl.issued", "data": {"hostname": "a.example"}}, {"connect-domain"}),
        ({"type_": "host.ip_updated", "data": {"host": "a.example", "ipv4": "::1"}}, {"novadns"}),
    ],
)
async def test_of_six_endpoints_some_are_skipped(
    account: Account, receiver: Receiver, event: dict[str, Any], skipping: set[str]
) -> None:
    """Of a standard account's endpoints those that know a type and cannot be written to are skipped, and no others."""
    boxes = {name: receiver.mailbox() for name in DIALECTS}
    for name, box in boxes.items():
        await _register(account, name, box)

    published = await account.publish(**event)
    found = await account.settled(published["id"], count=1 + len(skipping))

    reasons = [each["reason"] for each in found if each["status"] == "skipped"]
    assert sorted(each["status"] for each in found) == ["delivered"] + ["skipped"] * len(skipping)
    assert {re.findall(r"cannot be written for a (\S+) endpoint: ", each)[0] for each in reasons} == skipping
    assert {name for name, box in boxes.items() if box.received} == {"standard"}


@pytest.mark.rows("ALL-04")
async def test_each_keeps_its_time_limit(account: Account, receiver: Receiver) -> None:
    """While six answers are held back, Connect Domain's attempt alone is given up after 5 s and made again."""
    release = asyncio.Event()
    boxes = {name: receiver.mailbox() for name in DIALECTS}
    for name, box in boxes.items():
        box.replies.extend([Reply(200, hold=release)] * (4 if name == "standard" else 1))
        await _register(account, name, box)
    listening = {"connect-domain": 2, "dnsimple": 3, "novadns": 2, "captaindns": 2}
    events = {dialect: await account.publish(**_event(dialect)) for dialect in listening}

    # In the fast lane the second attempt comes after all first ones of the event, so it is not what is waited for
    await account.attempted(1, event_id=events["connect-domain"]["id"])
    release.set()
    settled = [await account.settled(events[dialect]["id"], count) for dialect, count in listening.items()]

    found = list(itertools.chain(*settled))
    assert {each["status"] for each in found} == {"delivered"}
    assert {name: len(box.received) for name, box in boxes.items()} == {
        "standard": 4, "dnsimple": 1, "dnsimple-legacy": 1, "connect-domain": 2, "novadns": 1, "captaindns": 1,
    }  # fmt: skip
    [slow] = [each for each in found if each["attempts"] == 2]
    given_up, _ = await account.attempts(slow["id"])
    assert (given_up["status_code"], given_up["error"]) == (None, "timeout")
    assert 5000 <= given_up["duration_ms"] < 9000


@pytest.mark.rows("ALL-04")
async def test_each_keeps_its_schedule(patient_house: House, receiver: Receiver) -> None:
    """After a first and a second failure each of six dialects waits as long as its own schedule says."""
    waited = await asyncio.gather(*(_two_waits(patient_house, name, receiver.mailbox()) for name in DIALECTS))

    for name, waits in zip(DIALECTS, waited, strict=True):
        for wait, planned in zip(waits, WAITS[name], strict=True):
            jitter = 1.8 if name == "standard" else 0
            assert planned - 1.5 <= wait <= planned + jitter + 1.5, name  # the API shows whole seconds


@pytest.mark.parametrize(
    ("dialect", "event", "reason"),
    [
        ("dnsimple", {"type_": "domain.create", "data": {"domain": "example.com"}}, "data.domain"),
        ("dnsimple-legacy", {"type_": "domain.create", "data": {"domain": {"id": "1"}}}, "data.domain.id"),
        ("connect-domain", {"type_": "ssl.issued", "data": {"hostname": "a.example"}}, "subject"),
        ("novadns", {"type_": "host.ip_updated", "data": {"host": "a.example", "ttl": 60}}, "no place for it"),
    ],
)
async def test_what_cannot_be_written(
    account: Account, receiver: Receiver, dialect: str, event: dict[str, Any], reason: str
) -> None:
    """An event that lacks what an endpoint's dialect needs is listed as skipped with the reason, and stays unsent."""
    box, plain = receiver.mailbox(), receiver.mailbox()
    await _register(account, dialect, box)
    await account.register(plain.url)

    published = await account.publish(**event)
    found = {each["status"]: each for each in await account.settled(published["id"], count=2)}
    skipped = found["skipped"]
    refused = await account.call("POST", steering.path("replay", skipped["id"]), status=409)

    assert "delivered" in found
    assert skipped["reason"].startswith(f"the event cannot be written for a {dialect} endpoint: ")
    assert reason in skipped["reason"]
    assert (refused["error"]["code"], skipped["reason"] in refused["error"]["message"]) == ("nothing_to_send", True)
    assert (len(plain.received), box.received) == (1, [])


@pytest.mark.rows(
    "DN2-06", "DN2-08", "DN2-09", "DN2-11", "DN2-12", "DN2-13", "DN2-14", "DN2-15", "DN2-16", "DN2-17", "DN2-19"
)
async def test_a_dnsimple_delivery(house: House, receiver: Receiver) -> None:
    """DNSimple's body has exactly its six keys, and one identifier for all attempts to an endpoint and no other."""
    account = await house.new_account("dnsimple")
    boxes = [receiver.mailbox(), receiver.mailbox()]
    for box in boxes:
        box.refuse(1, status=201)
        await _register(account, "dnsimple", box)

    event = await account.publish(**_event("dnsimple"))
    found = await account.settled(event["id"], count=2)
    await account.call("POST", steering.path("replay", found[0]["id"]), status=202)
    await account.settled(event["id"], count=2)

    bodies = [json.loads(each.body) for box in boxes for each in box.received]
    assert len(bodies) == 5
    for body in bodies:
        assert list(body) == vendors.KEYS["dnsimple"]
        assert (body["name"], body["api_version"]) == ("domain.create", "v2")
        assert set(body["data"]["domain"]) == {
            "id", "account_id", "registrant_id", "name", "unicode_name", "state", "auto_renew", "private_whois",
            "expires_at", "created_at", "updated_at",
        }  # fmt: skip
        assert body["data"] == samples.event("dnsimple")["data"]
        assert body["account"] == {"id": account.id, "identifier": "a test's own", "display": "a test's own"}
        assert body["actor"] == {"id": "system", "entity": "dnsimple", "pretty": "support@dnsimple.com"}
        assert str(uuid.UUID(body["request_identifier"])) == body["request_identifier"]
    identifiers = [{json.loads(each.body)["request_identifier"] for each in box.received} for box in boxes]
    assert [len(each) for each in identifiers] == [1, 1]
    assert identifiers[0] != identifiers[1]


@pytest.mark.rows("DN2-10", "DN2-17", "DN2-18", "DN2-19", "DN3-03", "DN3-04", "DN3-05")
@pytest.mark.parametrize("actor", [USER, None])
@pytest.mark.parametrize("dialect", ["dnsimple", "dnsimple-legacy"])
async def test_who_did_it(house: House, mailbox: Mailbox, dialect: str, actor: dict[str, str] | None) -> None:
    """The new and the old body name a state after the action, and who acted: a user, or the system by itself."""
    account = await house.new_account(dialect)
    await _register(account, dialect, mailbox)

    await account.publish(**_event(dialect, "domain.register:started"), actor=actor)
    [received] = await mailbox.wait_for(1)

    body = json.loads(received.body)
    assert list(body) == vendors.KEYS[dialect]
    assert body["name" if dialect == "dnsimple" else "action"] == "domain.register:started"
    assert body["actor"] == (actor or {"id": "system", "entity": "dnsimple", "pretty": "support@dnsimple.com"})
    assert body["api_version"] == "v2"
    assert body["data"] == samples.event(dialect, "domain.register:started")["data"]
    assert uuid.UUID(body["request_identifier"]).version == 4


@pytest.mark.rows("CD-21", "CD-22", "CD-23", "CD-24")
async def test_a_connect_domain_delivery(house: House, mailbox: Mailbox) -> None:
    """Connect Domain's body has four keys, the connection as jobId, and one sent_at for all attempts, each signed."""
    account = await house.new_account("connect-domain")
    secret = await _register(account, "connect-domain", mailbox)
    mailbox.refuse(2)
    published = time.time()

    event = await account.publish(**_event("connect-domain"))
    [delivered] = await account.settled(event["id"])

    assert (delivered["attempts"], len({each.body for each in mailbox.received})) == (3, 1)
    body = json.loads(mailbox.received[0].body)
    assert list(body) == ["type", "jobId", "data", "sent_at"]
    assert (body["type"], body["jobId"]) == ("ssl.issued", samples.CONNECTION)
    assert A_TIME.fullmatch(body["sent_at"])
    assert published - 1 <= _seconds(body["sent_at"]) <= mailbox.received[0].at
    for received in mailbox.received:
        assert vendors.is_genuine("connect-domain", secret, received)
        assert abs(int(received.headers["x-cd-timestamp"]) - received.at) < 5


@pytest.mark.rows("NOV-28", "NOV-29", "NOV-30", "NOV-31", "NOV-32", "NOV-33", "NOV-34", "NOV-35", "NOV-36")
@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("host.ip_updated", {"host": "büro.example.net", "ipv4": "203.0.113.42", "ipv6": "2001:db8::1"}),
        ("host.ip_updated", {"host": "日本.example.net", "ipv4": "203.0.113.42"}),
        ("host.created", {"host": "home.example.net"}),
        ("host.status_changed", {"host": "home.example.net", "ipv6": "2001:db8::1", "status": "online"}),
    ],
)
async def test_a_novadns_delivery(house: House, mailbox: Mailbox, type_: str, data: dict[str, str]) -> None:
    """NovaDNS's body is flat with null for what does not apply, its time is the event's on every attempt, and the
    signature is the bare hex over the bytes sent.
    """
    account = await house.new_account("novadns")
    secret = await _register(account, "novadns", mailbox, events=["host.*"])
    mailbox.refuse(1)

    event = await account.publish(type_, data, occurred_at="2026-07-02T14:00:00.9+02:00")
    await account.settled(event["id"])

    absent = {"ipv4": None, "ipv6": None}
    for received in mailbox.received:
        assert received.headers["content-type"] == "application/json"
        assert json.loads(received.body) == {"event": type_, "timestamp": "2026-07-02T12:00:00Z"} | absent | data
        assert data["host"].encode() in received.body
        assert re.fullmatch("[0-9a-f]{64}", received.headers["x-novadns-signature"])
        assert vendors.is_genuine("novadns", secret, received)
    assert len({each.body for each in mailbox.received}) == 1
    assert len(mailbox.received) == 2


@pytest.mark.rows("CAP-02", "NOV-35", "CD-21")
@pytest.mark.parametrize("dialect", ["standard", "connect-domain", "novadns", "captaindns"])
async def test_a_signature_is_of_these_bytes_and_this_secret(house: House, mailbox: Mailbox, dialect: str) -> None:
    """A receiver with the endpoint's secret takes a delivery; with another, or with a byte changed, it does not."""
    account = await house.new_account(dialect)
    secret = await _register(account, dialect, mailbox)
    await account.publish(**_event(dialect))
    [received] = await mailbox.wait_for(1)
    changed = dataclasses.replace(received, body=received.body.replace(b"e", b"a", 1))
    other = "whsec_" + "A" * 32

    for verify in (vendors.is_standard, lambda *given: vendors.is_genuine(dialect, *given)):
        assert verify(secret, received)
        assert not verify(secret, changed)
        assert not verify(other, received)


@pytest.mark.parametrize("dialect", ["dnsimple", "captaindns"])
async def test_without_a_secret_nothing_is_signed(house: House, mailbox: Mailbox, dialect: str) -> None:
    """Where nobody gave a secret, a delivery carries its id and no signature."""
    account = await house.new_account(dialect)
    wanted = {"url": mailbox.url, "events": [] if dialect == "dnsimple" else [samples.ONE_TYPE[dialect]]}
    endpoint = await account.call("POST", "/v1/webhook-endpoints", body=wanted, status=201)

    event = await account.publish(**_event(dialect))
    [delivery] = await account.settled(event["id"])

    [received] = mailbox.received
    assert endpoint["signing_secret"] is None
    assert vendors.headers_of(received) == {"webhook-id"}
    assert received.headers["webhook-id"] == delivery["id"]


@pytest.mark.rows("NOV-43", "NOV-44")
@pytest.mark.parametrize("dialect", ["novadns", "connect-domain", "captaindns"])
async def test_a_new_secret_signs_alone(patient_house: House, mailbox: Mailbox, dialect: str) -> None:
    """After a rotation the next attempt, a retry of an older event too, is signed with the new secret and no other."""
    account = await patient_house.new_account(dialect)
    old, new = await _rotated_between_attempts(account, dialect, mailbox)

    before, *after = mailbox.received
    assert vendors.is_genuine(dialect, old, before)
    assert before.body == after[0].body
    assert before.headers["webhook-id"] == after[0].headers["webhook-id"] != after[1].headers["webhook-id"]
    for received in after:
        assert vendors.is_genuine(dialect, new, received)
        assert vendors.is_standard(new, received)
        assert not vendors.is_genuine(dialect, old, received)
        assert not vendors.is_standard(old, received)


@pytest.mark.parametrize("dialect", ["standard", "dnsimple"])
async def test_a_new_secret_signs_beside_the_old(patient_house: House, mailbox: Mailbox, dialect: str) -> None:
    """After a rotation both secrets sign, on a retry of an older event too, so that receivers change over in time."""
    account = await patient_house.new_account(dialect)
    old, new = await _rotated_between_attempts(account, dialect, mailbox, secret="whsec_" + "A" * 32)

    before, *after = mailbox.received
    assert vendors.is_standard(old, before)
    assert not vendors.is_standard(new, before)
    for received in after:
        assert vendors.is_standard(new, received)
        assert vendors.is_standard(old, received)
        assert len(received.headers["webhook-signature"].split(" ")) == 2


async def _register(account: Account, dialect: str, mailbox: Mailbox, **more: Any) -> str:
    """The secret of a new endpoint, the empty one where there is none."""
    wanted = samples.endpoint(dialect, mailbox.url) | more
    endpoint = await account.call("POST", "/v1/webhook-endpoints", body=wanted, status=201)
    return endpoint["signing_secret"] or ""


async def _rotated_between_attempts(account: Account, dialect: str, mailbox: Mailbox, **more: Any) -> tuple[str, str]:
    """An event is refused, the secret rotated, the event tried again, and another one comes: old and new secret."""
    wanted = samples.endpoint(dialect, mailbox.url) | more
    endpoint = await account.call("POST", "/v1/webhook-endpoints", body=wanted, status=201)
    mailbox.refuse(1)
    older = await account.publish(**_event(dialect))
    [waiting] = await account.settled(older["id"], statuses=("retrying",))
    path = f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret"
    rotated = await account.call("POST", path, status=200)
    await account.call("POST", steering.path("retry-now", waiting["id"]), status=202)
    await mailbox.wait_for(2)
    await account.publish(**_event(dialect))
    await mailbox.wait_for(3)
    return endpoint["signing_secret"], rotated["signing_secret"]


def _is_of(dialect: str, secret: str, received: Received) -> None:
    """Keys, headers and signatures are the dialect's, and no others."""
    assert list(json.loads(received.body)) == vendors.KEYS[dialect]
    assert vendors.headers_of(received) == vendors.HEADERS[dialect]
    assert received.headers["content-type"] == "application/json"
    if secret:
        assert vendors.is_genuine(dialect, secret, received)
        assert vendors.is_standard(secret, received)


async def _two_waits(house: House, dialect: str, mailbox: Mailbox) -> list[float]:
    """How long a delivery is to wait after its first attempt and after its second, each of which failed."""
    account = await house.new_account(dialect)
    await _register(account, dialect, mailbox)
    mailbox.refuse(2)
    event = await account.publish(**_event(dialect))
    waits = []
    for made in (1, 2):
        waiting = await _retrying(account, event["id"], made)
        last = (await account.attempts(waiting["id"]))[-1]
        ended = _seconds(last["started_at"]) + last["duration_ms"] / 1000
        waits.append(_seconds(waiting["next_retry_at"]) - ended)
        await account.call("POST", steering.path("retry-now", waiting["id"]), status=202)
    return waits


async def _retrying(account: Account, event_id: str, made: int) -> Any:
    """The event's one delivery when it waits and has so many attempts behind it."""
    for _ in itertools.count():
        [found] = await account.settled(event_id, statuses=("retrying",))
        if found["attempts"] == made:
            return found
        await asyncio.sleep(0.05)  # the API tells how things stand, not when they change


def _event(dialect: str, type_: str | None = None) -> dict[str, Any]:
    """What `publish` takes."""
    event = samples.event(dialect, type_)
    return {"type_": event.pop("type"), **event}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
