"""What each dialect refuses, of events and of endpoints: 400, the field to blame, and nothing stored."""

import base64
from typing import Any

import pytest

from tests import samples
from tests.acceptance import vendors
from tests.acceptance.vendors import DIALECTS
from tests.api import shapes
from tests.receiver import Mailbox
from tests.running import House

ACTOR = {"id": "1120", "entity": "user", "pretty": "jo.doe@example.com"}
DOMAIN = {"domain": {"id": 1, "name": "example.com"}}
NOVA = {"host": "home.example.net", "ipv4": "203.0.113.42", "ipv6": None}
CONNECTED = {"hostname": "www.example.com"}
OF_IT = "data.domain."
ENDPOINTS = "/v1/webhook-endpoints"


@pytest.mark.rows("CD-08", "DN2-26")
@pytest.mark.parametrize(
    ("dialect", "event", "field"),
    [
        ("dnsimple", {"type": "domain.create", "data": {}}, "data.domain"),
        ("dnsimple", {"type": "domain.create", "data": {"domain": "example.com"}}, "data.domain"),
        ("dnsimple", {"type": "domain.create", "data": {"domain": {"name": "example.com"}}}, "data.domain.id"),
        ("dnsimple", {"type": "domain.create", "data": {"domain": {"id": "1"}}}, "data.domain.id"),
        ("dnsimple", {"type": "domain.create", "data": {"domain": None}}, "data.domain"),
        ("dnsimple", {"type": "domain.create", "data": {"domain": {"id": None}}}, "data.domain.id"),
        (
            "dnsimple",
            {"type": "domain.create", "data": {"domain": {"id": 1, "account_id": "1385"}}},
            f"{OF_IT}account_id",
        ),
        (
            "dnsimple",
            {"type": "domain.create", "data": {"domain": {"id": 1, "account_id": 1385.5}}},
            f"{OF_IT}account_id",
        ),
        (
            "dnsimple",
            {"type": "domain.create", "data": {"domain": {"id": 1, "auto_renew": "no"}}},
            f"{OF_IT}auto_renew",
        ),
        ("dnsimple", {"type": "domain.create", "data": {"domain": {"id": 1, "name": 7}}}, f"{OF_IT}name"),
        ("dnsimple", {"type": "account.update", "data": {"account": {"id": "1385"}}}, "data.account.id"),
        ("dnsimple", {"type": "domain.create", "data": DOMAIN, "actor": ACTOR | {"id": 1120}}, "actor.id"),
        ("dnsimple", {"type": "domain.create", "data": DOMAIN, "actor": {"id": "1", "entity": "user"}}, "actor.pretty"),
        ("dnsimple", {"type": "domain.create", "data": DOMAIN, "actor": ACTOR | {"entity": "bot"}}, "actor.entity"),
        ("dnsimple", {"type": "domain.create", "data": DOMAIN, "actor": ACTOR | {"name": "Jo"}}, "actor.name"),
        ("dnsimple", {"type": "domain.created", "data": DOMAIN}, "type"),
        ("dnsimple-legacy", {"type": "domain.create", "data": {}}, "data.domain"),
        (
            "dnsimple-legacy",
            {"type": "zone_record.create", "data": {"zone_record": {"id": 1, "regions": "global"}}},
            "data.zone_record.regions",
        ),
        ("dnsimple-legacy", {"type": "domain.create", "data": DOMAIN, "actor": ACTOR | {"id": 1}}, "actor.id"),
        ("connect-domain", {"type": "ssl.issued", "data": CONNECTED}, "subject"),
        ("connect-domain", {"type": "ssl.issued", "data": CONNECTED, "subject": "job 7"}, "subject"),
        ("connect-domain", {"type": "ssl.issued", "data": {}, "subject": samples.CONNECTION}, "data.hostname"),
        (
            "connect-domain",
            {"type": "domain.added", "data": CONNECTED, "subject": samples.CONNECTION},
            "data.setup_type",
        ),
        ("connect-domain", {"type": "domain.create", "data": CONNECTED, "subject": samples.CONNECTION}, "type"),
        ("novadns", {"type": "host.ip_updated", "data": NOVA | {"ttl": 60}}, "data.ttl"),
        ("novadns", {"type": "host.ip_updated", "data": NOVA | {"ipv4": 3405803818}}, "data.ipv4"),
        ("novadns", {"type": "host.ip_updated", "data": {"ipv4": "203.0.113.42"}}, "data.host"),
        ("novadns", {"type": "host.status_changed", "data": NOVA}, "data.status"),
        ("novadns", {"type": "host.status_changed", "data": NOVA | {"status": "asleep"}}, "data.status"),
        ("novadns", {"type": "host.moved", "data": NOVA}, "type"),
        ("captaindns", {"type": "api_key.deleted", "data": {}}, "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_event_that_lacks_something(
    house: House, mailbox: Mailbox, dialect: str, event: dict[str, Any], field: str
) -> None:
    """An event that the receivers of its account's dialect could not read is refused, and nobody hears of it."""
    account = await house.new_account(dialect)
    await account.call("POST", ENDPOINTS, body=samples.endpoint(dialect, mailbox.url), status=201)

    shapes.refusal(await account.client.post("/v1/events", json=event), 400, field)

    for path in ("/v1/events", "/v1/webhook-deliveries"):
        listed = (await account.call("GET", path, status=200))["data"]
        assert [each for each in listed if each["type"] != "webhook.create"] == []  # Zonehook's own, of the endpoint
    assert mailbox.received == []


@pytest.mark.parametrize(
    "domain",
    [
        {"id": 1},
        {"id": 1, "account_id": None, "name": None, "auto_renew": None},
        {"id": 1, "registrant_id": 58421, "expires_at": "2027-06-02T12:00:00Z"},
        {"id": 1, "account_id": 1385, "expires_on": "2027-06-02", "labels": {"account_id": "1385"}},
    ],
)
async def test_an_event_that_receivers_can_read(house: House, domain: dict[str, Any]) -> None:
    """Of a DNSimple object all but the id may be missing or null, and members of a producer's own are free."""
    account = await house.new_account("dnsimple")

    published = await account.publish("domain.create", {"domain": domain})

    found = await account.call("GET", f"/v1/events/{published['id']}", status=200)
    assert found["data"] == {"domain": domain}


@pytest.mark.rows("DN2-26")
@pytest.mark.parametrize(
    ("dialect", "type_", "meant"),
    [
        ("dnsimple", "domain.creat", "domain.create"),
        ("dnsimple", "domain.register:start", "domain.register:started"),
        ("connect-domain", "ssl.issue", "ssl.issued"),
        ("novadns", "host.ip_update", "host.ip_updated"),
        ("captaindns", "apikey.revoked", "api_key.revoked"),
    ],
)
async def test_a_type_that_is_nearly_right(house: House, dialect: str, type_: str, meant: str) -> None:
    """A type that a dialect does not have is refused with the one that was probably meant, published or subscribed."""
    account = await house.new_account(dialect)
    event = samples.event(dialect) | {"type": type_}
    endpoint = samples.endpoint(dialect, "https://127.0.0.1:9/") | {"events": [type_]}

    said = [shapes.refusal(await account.client.post("/v1/events", json=event), 400, "type")]
    if dialect != "dnsimple":  # its endpoints choose no types
        said.append(shapes.refusal(await account.client.post(ENDPOINTS, json=endpoint), 400, "events.0"))

    assert {each["message"] for each in said} == {f"{dialect} has no event type {type_}; did you mean {meant}?"}


@pytest.mark.rows("CD-06", "CD-08", "NOV-16", "NOV-17")
@pytest.mark.parametrize(
    ("dialect", "events", "field"),
    [
        ("standard", [], None),
        ("standard", ["any.thing_at_all"], None),
        ("dnsimple", [], None),
        ("dnsimple", ["domain.create"], "events"),
        ("dnsimple-legacy", ["domain.create"], "events"),
        ("connect-domain", [], None),
        ("connect-domain", ["ssl.issued", "domain.*"], None),
        ("connect-domain", ["ssl.issued", "zone.create"], "events.1"),
        ("connect-domain", ["zone.*"], "events.0"),
        ("novadns", [], "events"),
        ("novadns", ["host.created", "host.deleted"], None),
        ("novadns", ["host.created", "host.moved"], "events.1"),
        ("captaindns", [], "events"),
        ("captaindns", ["api_key.*"], None),
        ("captaindns", ["api_key.deleted"], "events.0"),
    ],
)
async def test_which_types_an_endpoint_may_choose(
    house: House, dialect: str, events: list[str], field: str | None
) -> None:
    """A dialect decides whether its endpoints choose types and which there are, when one is made and when changed."""
    account = await house.new_account(dialect)
    good = samples.endpoint(dialect, "https://127.0.0.1:9/")
    made = await account.call("POST", ENDPOINTS, body=good, status=201)

    another = await account.client.post(ENDPOINTS, json=good | {"events": events})
    changed = await account.client.patch(f"{ENDPOINTS}/{made['id']}", json={"events": events})

    listed = (await account.call("GET", ENDPOINTS, status=200))["data"]
    if field is None:
        assert another.json()["events"] == changed.json()["events"] == events
        assert len(listed) == 2
    else:
        shapes.refusal(another, 400, field)
        shapes.refusal(changed, 400, field)
        assert [each["events"] for each in listed] == [good["events"]]


@pytest.mark.rows("CAP-27")
@pytest.mark.parametrize("secret", ["x" * 16, "~" * 256, "a secret, with punctuation!", "whsec_" + "A" * 43 + "="])
async def test_a_secret_of_the_users_own(house: House, mailbox: Mailbox, secret: str) -> None:
    """A CaptainDNS user defines the secret: 16 to 256 printable ASCII characters, and deliveries are signed with it."""
    account = await house.new_account("captaindns")
    wanted = samples.endpoint("captaindns", mailbox.url) | {"secret": secret}
    endpoint = await account.call("POST", ENDPOINTS, body=wanted, status=201)

    event = samples.event("captaindns")
    await account.publish(event["type"], event["data"])
    [received] = await mailbox.wait_for(1)

    assert endpoint["signing_secret"] == secret
    assert vendors.is_genuine("captaindns", secret, received)
    assert vendors.is_standard(secret, received)


@pytest.mark.parametrize(
    ("dialect", "secret"),
    [
        *(("captaindns", secret) for secret in ("", "x" * 15, "x" * 257, "ein Geheimnis für uns", "x" * 15 + "\t")),
        *(("captaindns", secret) for secret in (" " + "x" * 16, "x" * 16 + "\n", " " * 16)),
        *((dialect, "just sixteen chars") for dialect in DIALECTS if dialect != "captaindns"),
    ],
)
async def test_a_secret_that_cannot_sign(house: House, dialect: str, secret: str) -> None:
    """A secret that receivers' libraries would not take alike is refused; other dialects take whsec_ secrets alone."""
    account = await house.new_account(dialect)
    wanted = samples.endpoint(dialect, "https://127.0.0.1:9/") | {"secret": secret}

    shapes.refusal(await account.client.post(ENDPOINTS, json=wanted), 400, "secret")

    assert (await account.call("GET", ENDPOINTS, status=200))["data"] == []


@pytest.mark.rows("NOV-18")
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_makes_the_secret(house: House, dialect: str) -> None:
    """Where nobody brings a secret, one is made and shown, but for DNSimple and CaptainDNS, which then sign nothing."""
    account = await house.new_account(dialect)
    wanted = samples.endpoint(dialect, "https://127.0.0.1:9/") | {"secret": None}

    made = [await account.call("POST", ENDPOINTS, body=wanted, status=201) for _ in range(2)]

    secrets = {each["signing_secret"] for each in made}
    if dialect.startswith("dnsimple") or dialect == "captaindns":
        assert secrets == {None}
    else:
        assert len(secrets) == 2
        assert all(len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) >= 32 for secret in secrets)


async def test_a_header_given_twice(house: House) -> None:
    """Custom headers whose names differ in case alone are refused, and nothing is stored."""
    account = await house.new_account()
    wanted = {"url": "https://127.0.0.1:9/", "headers": {"X-Token": "a", "X-Other": "b", "x-token": "c"}}

    error = shapes.refusal(await account.client.post(ENDPOINTS, json=wanted), 400, "headers.x-token")

    assert "twice" in error["message"]
    assert (await account.call("GET", ENDPOINTS, status=200))["data"] == []
