"""What producers tell of connections, keys, usage and hosts, over REST, becomes the vendors' events, once each."""

import asyncio
import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.telling import CONNECTION, Thing, listed_events, thing
from tests.receiver import Mailbox
from tests.running import House

HOSTNAME: dict[str, Any] = {"hostname": "app.customer.example"}
LIVE_PAIR = [("domain.flow.completed", HOSTNAME), ("ssl.issued", HOSTNAME)]
FINE: dict[str, Any] = {"records": True, "certificate": True}
MONTH: dict[str, Any] = {"period_start": "2026-07-01T00:00:00Z", "period_end": "2026-08-01T00:00:00Z"}
NEW_KEY: dict[str, Any] = {
    "key_id": "key_7c41d2",
    "key_prefix": "cdns_live_7c41",
    "grace_ends_at": "2199-07-09T12:00:00Z",
}


async def _connection(house: House, **created: Any) -> Thing:
    connection = await thing(house, "connect-domain", "connection", CONNECTION)
    await connection.tell("created", **HOSTNAME, **created)
    return connection


@pytest.mark.rows("CD-10", "CD-12", "CD-13", "CD-14", "CD-15")
async def test_the_life_of_a_connection(house: House) -> None:
    """Each step of an automatic set-up fires its event with exactly the vendor's data, and leads to the state that the
    vendor names; live again after a drift, the pair comes again.
    """
    connection = await _connection(house, setup_type="automatic", written=True)
    seen = [("propagating", [("domain.added", {**HOSTNAME, "setup_type": "automatic"})])]
    assert [(await _status(connection), await connection.events())] == seen
    expected = seen[0][1]
    for name, fact, status, more in (
        ("verified", {}, "verified", [("domain.verified", HOSTNAME)]),
        ("checked", {"records": True, "certificate": False}, "verified", []),
        ("checked", FINE, "live", LIVE_PAIR),
        ("checked", {"records": False, "certificate": True}, "drifted", [("domain.drift", HOSTNAME)]),
        ("checked", FINE, "live", LIVE_PAIR),
    ):
        await connection.tell(name, **fact)
        expected = sorted([*expected, *more], key=lambda each: each[0])
        assert (await _status(connection), await connection.events()) == (status, expected)


@pytest.mark.rows("CD-11")
async def test_manual_set_ups_are_not_added(house: House) -> None:
    """Nor one whose records could not be written; both go on to be verified."""
    for created in ({"setup_type": "manual"}, {"setup_type": "automatic", "written": False}):
        connection = await _connection(house, **created)
        await connection.tell("verified")
        assert await connection.events() == [("domain.verified", HOSTNAME)]


@pytest.mark.rows("CD-16", "CD-17", "CD-18", "CD-19", "CD-20")
async def test_a_hundred_actors_at_once(house: House) -> None:
    """Fifty reports by the API and fifty by the worker at once make one pair and are metered once, for the first."""
    connection = await _connection(house, setup_type="manual")
    await asyncio.gather(
        *(connection.tell("checked", **FINE, by="api") for _ in range(50)),
        *(connection.signal("checked", {**FINE, "by": "worker"}) for _ in range(50)),
    )
    assert await connection.events() == LIVE_PAIR
    told = await connection.told()
    [metering] = told["state"]["meterings"]
    assert (told["facts"], told["state"]["metered"], metering["number"]) == (101, 1, 1)
    assert metering["by"] in ("api", "worker")


@pytest.mark.parametrize("winner", ["api", "worker"])
@pytest.mark.rows("CD-18", "CD-19", "CD-20")
async def test_whoever_is_first(house: House, winner: str) -> None:
    """The API's report or the worker's, the first one fires the pair and is metered, and the other one nothing."""
    connection = await _connection(house, setup_type="manual")
    for by in (winner, "worker" if winner == "api" else "api"):
        if by == "api":
            await connection.tell("checked", **FINE, by="api")
        else:
            await connection.signal("checked", {**FINE, "by": "worker"})
    assert await connection.events() == LIVE_PAIR
    assert [each["by"] for each in (await connection.told())["state"]["meterings"]] == [winner]


@pytest.mark.rows("CD-20")
async def test_meterings_stay_when_the_connection_is_gone(house: House) -> None:
    """How often it went live, and when, can be read after the connection was deleted: asked, and in the result."""
    connection = await _connection(house, setup_type="manual")
    await connection.tell("checked", **FINE, by="api")
    await connection.tell("deleted")
    result = await connection.workflow.result()
    told = await connection.told()

    assert (told["state"], told["ended"]) == (None, result["ended"])
    [ended] = result["ended"]
    assert (ended["metered"], [each["by"] for each in ended["meterings"]]) == (1, ["api"])


async def _status(connection: Thing) -> str:
    status: str = (await connection.told())["state"]["status"]
    return status


@pytest.mark.rows("CAP-06", "CAP-07", "CAP-08")
async def test_a_key_is_rotated(house: House) -> None:
    """Told twice, it fires once: the new key's id and prefix, the old one's id, and until when that is accepted, which
    is what the source says too; no key is in it.
    """
    key = await thing(house, "captaindns", "api-key", "key_19ab07")
    await key.tell("created", key_prefix="cdns_live_19ab")
    at = "2026-07-02T12:00:00Z"
    for _ in range(2):
        await key.tell("rotated", **NEW_KEY, at=at)
    assert await key.events() == [
        ("api_key.rotated", {**NEW_KEY, "old_key_id": "key_19ab07", "rotated_at": at}),
    ]
    assert (await key.told())["state"]["grace_ends_at"] == NEW_KEY["grace_ends_at"]


@pytest.mark.rows("CAP-09")
async def test_a_key_is_revoked(house: House) -> None:
    """It fires at once, also within a grace period, and nothing follows a key any more that is revoked."""
    key = await thing(house, "captaindns", "api-key", "key_19ab07")
    await key.tell("created", key_prefix="cdns_live_19ab", at="2026-07-01T12:00:00Z")
    await key.tell("rotated", **NEW_KEY)
    for _ in range(2):
        await key.tell("revoked", at="2026-07-02T12:00:00Z")
        await key.workflow.result()
    revoked = {"key_id": "key_19ab07", "key_prefix": "cdns_live_19ab", "revoked_at": "2026-07-02T12:00:00Z"}
    assert [each for each in await _all(key, 2) if each[0] == "api_key.revoked"] == [("api_key.revoked", revoked)]


@pytest.mark.rows("CAP-10")
async def test_a_key_that_expires_within_a_month(house: House) -> None:
    """One that is created so late fires at once, and once, however its expiry is moved."""
    key = await thing(house, "captaindns", "api-key", "key_19ab07")
    now = datetime.now(UTC)
    expiry = [(now + timedelta(days=days)).isoformat() for days in (10, 90, 5)]
    await key.tell("created", key_prefix="cdns_live_19ab", expires_at=expiry[0], at=now.isoformat())
    for each in expiry[1:]:
        await key.tell("expiry_changed", expires_at=each)
    [(type_, data)] = await key.events()
    assert (type_, data["key_id"], data["days_left"]) == ("api_key.expires_soon", "key_19ab07", 10)


@pytest.mark.rows("CAP-08")
async def test_no_key_is_taken(house: House) -> None:
    """A fact that carries a key is refused at the door: nothing of it comes to Temporal."""
    key = await thing(house, "captaindns", "api-key", "key_19ab07")
    await key.tell("created", key_prefix="cdns_live_19ab")
    for field in ("key", "secret", "plaintext"):
        refusal = await key.tell("rotated", status=400, **NEW_KEY, **{field: "cdns_live_the_whole_key"})
        assert refusal["error"]["details"][0]["field"] == field
    history = await key.workflow.fetch_history()
    assert "whole_key" not in history.to_json()
    assert (await key.told())["facts"] == 1


@pytest.mark.rows("CAP-11", "CAP-12", "CAP-13", "CAP-14")
async def test_thresholds(house: House) -> None:
    """Each is told when it is crossed, once in a period; one jump over three tells three; between two there is none."""
    usage = await thing(house, "captaindns", "usage", "customer-7")
    expected: list[int] = []
    for consumed, crossed in ((79, []), (80, [80]), (99, []), (110, [100]), (90, []), (110, []), (500, [120])):
        await usage.tell("consumed", **MONTH, consumed=consumed, limit=100)
        expected += crossed
        assert [data["threshold_percent"] for _, data in await usage.events()] == sorted(expected, key=str)
    august: dict[str, Any] = {"period_start": "2026-08-01T00:00:00Z", "period_end": "2026-09-01T00:00:00Z"}
    await usage.tell("consumed", **august, consumed=2000, limit=1000)

    told = [data for _, data in await usage.events() if data["period_start"].startswith("2026-08")]
    assert told == [
        {"threshold_percent": percent, "consumed": 2000, "limit": 1000, **august} for percent in (100, 120, 80)
    ]


@pytest.mark.rows("CAP-15")
async def test_overage(house: House) -> None:
    """A billing that fails is not told of; the one that succeeds is, once a month."""
    usage = await thing(house, "captaindns", "usage", "customer-7")
    bill: dict[str, Any] = {
        "period": "2026-06",
        "credits": 12500,
        "amount": "18.75",
        "currency": "EUR",
        "provider": "paddle",
    }
    await usage.tell("billed", **bill, succeeded=False)
    assert await usage.events() == []
    for _ in range(2):
        await usage.tell("billed", **bill, succeeded=True)
    assert await usage.events() == [("usage.overage_reported", bill)]


@pytest.mark.rows("CAP-16", "CAP-17")
async def test_alerts(house: House) -> None:
    """Ten times a key's average and a storm of 429s are told, with the key and the kind; less is not."""
    usage = await thing(house, "captaindns", "usage", "customer-7")
    key: dict[str, Any] = {"key_id": "key_7c41d2", "key_prefix": "cdns_live_7c41"}
    minutes = (datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=number) for number in itertools.count())
    for requests, throttled in (*[(120, 0)] * 12, (120, 99), (1248, 0), (120, 100)):
        minute = next(minutes).isoformat()
        await usage.tell("requested", **key, minute=minute, at=minute, requests=requests, throttled=throttled)

    spike, storm = sorted((data for _, data in await usage.events()), key=lambda data: data["kind"], reverse=True)
    assert spike == {
        **key, "kind": "spike", "requests_per_minute": 1248, "average_per_minute": 120, "factor": 10.4,
        "detected_at": "2026-07-01T00:13:00Z",
    }  # fmt: skip
    assert storm == {
        **key, "kind": "rate_limit_storm", "requests_per_minute": 120, "throttled_per_minute": 100,
        "detected_at": "2026-07-01T00:14:00Z",
    }  # fmt: skip


@pytest.mark.rows("NOV-22", "NOV-23", "NOV-24", "NOV-25", "NOV-27")
async def test_the_life_of_a_host(house: House, mailbox: Mailbox) -> None:
    """Creation, every change of either address, the first sign of life and deletion are told, and nothing else is; a
    receiver gets the vendor's flat body.
    """
    host = await thing(house, "novadns", "host", "home-7")
    types = ["host.created", "host.ip_updated", "host.status_changed", "host.deleted"]
    await host.account.register(mailbox.url, dialect="novadns", events=types)
    name: dict[str, Any] = {"host": "home.example.net"}
    await host.tell("created", **name, ipv4="203.0.113.42")
    for update in (
        {"ipv4": "203.0.113.42"},
        {"ipv6": "::1"},
        {"ipv4": "203.0.113.42", "ipv6": "0:0:0:0:0:0:0:1"},
        {"ipv4": "203.0.113.43"},
        {"ipv6": None},
        {},
    ):
        await host.tell("updated", **update)
    moved = [("203.0.113.42", "::1"), ("203.0.113.43", "::1"), ("203.0.113.43", None)]
    expected = [
        ("host.created", {**name, "ipv4": "203.0.113.42", "ipv6": None}),
        *(("host.ip_updated", {**name, "ipv4": ipv4, "ipv6": ipv6}) for ipv4, ipv6 in moved),
        ("host.status_changed", {**name, "ipv4": "203.0.113.42", "ipv6": None, "status": "online"}),
    ]
    assert sorted(await host.events(), key=str) == sorted(expected, key=str)

    await host.tell("deleted")
    assert (await host.workflow.result())["told"] == "over: 8 facts came, 6 events followed, 0 were refused"
    bodies = [json.loads(received.body) for received in await mailbox.wait_for(6)]
    assert {"event", "host", "ipv4", "ipv6", "timestamp"} <= set(bodies[0])
    assert sorted(body["event"] for body in bodies) == sorted([*(each for each, _ in expected), "host.deleted"])


async def test_created_again(house: House) -> None:
    """What is created again after it was deleted is another: its events are new ones, though they say the same."""
    host = await thing(house, "novadns", "host", "home-7")
    for _ in range(2):
        await host.tell("created", host="home.example.net", at="2026-07-01T00:00:00Z")
        await host.tell("deleted", at="2026-07-02T00:00:00Z")
        await host.workflow.result()
    assert [type_ for type_, _ in await _all(host, 4)] == ["host.created"] * 2 + ["host.deleted"] * 2


@pytest.mark.parametrize(
    ("dialect", "source", "id_"),
    [
        ("connect-domain", "host", "home-7"),
        ("novadns", "api-key", "key_1"),
        ("captaindns", "connection", CONNECTION),
        ("dnsimple", "usage", "customer-7"),
    ],
)
async def test_of_another_vendor(house: House, dialect: str, source: str, id_: str) -> None:
    """An account whose vendor has no such events is told so at the door; past it, by a signal, in the source itself,
    which ends.
    """
    wrong = await thing(house, dialect, source, id_)
    refusal = await wrong.tell("created", status=400)
    assert refusal["error"]["details"][0]["field"] == "source"
    await wrong.signal("created", {})
    assert (await wrong.workflow.result())["told"] == "over: 1 facts came, 0 events followed, 1 were refused"
    [refused] = await wrong.workflow.query("refused")
    assert refused["reason"].startswith(f"accounts of dialect {dialect} have no {source}")


async def test_the_open_standard_has_all_sources(house: House) -> None:
    """An account of dialect standard may tell facts of every source."""
    account = await house.new_account("standard")
    first = await thing(house, "standard", "host", "home-7")
    for source, id_, name, fact in (
        ("connection", CONNECTION, "created", {**HOSTNAME, "setup_type": "automatic", "written": True}),
        ("api-key", "k1", "created", {"key_prefix": "k", "expires_at": _in_a_week()}),
        ("usage", "c1", "consumed", {**MONTH, "consumed": 90, "limit": 100}),
        ("host", "h1", "created", {"host": "home.example.net"}),
    ):
        one = Thing(account, first.client, source, id_)
        await one.tell(name, **fact)
        assert (await one.told())["events"] == 1
    assert len({type_ for type_, _ in await _all(Thing(account, first.client, "host", "h1"), 4)}) == 4


async def test_signals_that_are_no_facts(house: House) -> None:
    """Whatever is signalled, the source goes on: what cannot be taken is in its query, without what it said."""
    host = await thing(house, "novadns", "host", "home-7")
    await host.signal("created", {"host": "home.example.net"})
    for name, arguments in (
        ("moved", [{}]),
        ("updated", []),
        ("updated", [None]),
        ("updated", ["203.0.113.42"]),
        ("updated", [{}, {}]),
        ("updated", [b"\xff"]),
        ("updated", [{"ipv4": "s3cret"}]),
        ("updated", [{"ipv4": "192.0.2.1", "token": "s3cret"}]),
        ("updated", [{"at": "2199-01-01T00:00:00Z"}]),
        ("updated", [{"ipv4": "x" * 100_000}]),
        ("created", [{"host": "other.example.net"}]),
    ):
        await host.signal(name, *arguments)
    await host.signal("updated", {"ipv4": "203.0.113.42"})

    told, refused = await host.told(), await host.workflow.query("refused")
    assert (told["facts"], told["refusals"], told["state"]["ipv4"]) == (13, 10, "203.0.113.42")
    assert len(refused) == 10
    assert "s3cret" not in str(refused)
    assert await host.failed_tasks() == []


async def test_refused_facts_are_counted(house: House) -> None:
    """By the counter that operators watch, which has signals to inboxes, too."""
    host = await thing(house, "novadns", "host", "home-7")
    before = await _counted(host)
    await host.signal("created", {"host": "home.example.net"})
    for _ in range(2):
        await host.tell("created", host="other.example.net")
    await host.tell("deleted")
    await host.workflow.result()
    assert await _counted(host) >= before + 2


async def test_schemas_do_not_split_a_pair(house: House) -> None:
    """A schema that an account has for one of the types keeps its producers, and nothing that follows from facts."""
    account = await house.new_account("standard")
    schema = {"type": "object", "required": ["zone"]}
    await account.call("POST", "/v1/event-types", body={"name": "ssl.issued", "schema": schema}, status=201)
    await account.call("POST", "/v1/events", body={"type": "ssl.issued", "data": HOSTNAME}, status=400)
    connection = Thing(account, (await thing(house, "standard", "host", "h1")).client, "connection", CONNECTION)
    await connection.tell("created", **HOSTNAME, setup_type="manual")
    await connection.tell("checked", **FINE)

    assert await connection.events() == LIVE_PAIR
    assert (await connection.told())["refusals"] == 0


async def test_a_workflow_that_is_no_sources(house: House) -> None:
    """One that is started under another name than a source's fails with a sentence, instead of trying for ever."""
    host = await thing(house, "novadns", "host", "a b")
    await host.signal("created", {"host": "home.example.net"})
    with pytest.raises(Exception, match="failed") as failure:
        await host.workflow.result()
    assert "such as host/1/home-7" in str(failure.value.__cause__)


async def _counted(one: Thing) -> float:
    answer = await one.account.client.get("/metrics")
    found = re.search(r"^zonehook_signals_refused_total (\S+)$", answer.text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def _in_a_week() -> str:
    return (datetime.now(UTC) + timedelta(days=7)).isoformat()


async def _all(one: Thing, count: int) -> list[tuple[str, Any]]:
    """Type and data of the account's events, once there are so many."""
    return sorted(((each["type"], each["data"]) for each in await listed_events(one.account, count)), key=str)
