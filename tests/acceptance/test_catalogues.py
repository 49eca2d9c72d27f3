"""The catalogues: exactly the vendors' event types, each with a sample, each published and delivered."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tests.acceptance import documented, vendors
from tests.receiver import Mailbox, Received, Receiver
from tests.running import ROOT, Account, House, running

TYPES = "/v1/event-types"
# The members that the vendors' documents and payloads show; others are ours
DATA = {
    "captaindns": {},
    "connect-domain": {
        "domain.added": {"hostname", "setup_type"}, "domain.verified": {"hostname"}, "ssl.issued": {"hostname"},
        "domain.flow.completed": {"hostname"}, "domain.drift": {"hostname"},
    },
    "novadns": {
        "host.ip_updated": {"host", "ipv4", "ipv6"}, "host.created": {"host", "ipv4", "ipv6"},
        "host.deleted": {"host", "ipv4", "ipv6"}, "host.status_changed": {"host", "ipv4", "ipv6", "status"},
    },
    "dnsimple": {
        "account.user_invite": {"account", "account_invitation"}, "account.user_remove": {"account", "user"},
        "dnssec.rotation_start": {"delegation_signer_record", "dnssec", "zone"}, "domain.renew": {"auto", "domain"},
        "domain.delegation_change": {"domain", "name_servers"}, "domain.registrant_change": {"domain", "registrant"},
        "secondary_dns.create": {"configuration"}, "vanity.enable": {"domain"},
        "whois_privacy.enable": {"domain", "whois_privacy"}, "zone_record.update": {"zone_record"},
    },
}  # fmt: skip
NAMED = {"standard": "type", "captaindns": "type", "connect-domain": "type", "novadns": "event", "dnsimple": "name"}


@pytest.mark.rows("DN2-34")
@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param("captaindns", marks=pytest.mark.rows("CAP-05")),
        pytest.param("connect-domain", marks=pytest.mark.rows("CD-09")),
        pytest.param("novadns", marks=pytest.mark.rows("NOV-21")),
        pytest.param("dnsimple", marks=pytest.mark.rows("DN2-24")),
        "dnsimple-legacy",
    ],
)
async def test_exactly_the_documented_types(house: House, dialect: str) -> None:
    """An account's catalogue has the vendor's types, none too many and none twice, each with a sentence and a sample of
    the documented members; one that is misspelt is refused.
    """
    account = await house.new_account(dialect)
    listed = (await account.call("GET", TYPES, status=200))["data"]

    assert sorted(each["name"] for each in listed) == sorted(documented.OF[dialect])
    assert all(set(each) == {"name", "description", "sample"} for each in listed)
    assert all(each["description"][0].isupper() and each["description"].endswith(".") for each in listed)
    assert all(each["sample"] for each in listed)
    for name, keys in DATA[dialect.removesuffix("-legacy")].items():
        [sample] = [each["sample"] for each in listed if each["name"] == name]
        assert set(sample) == keys
    wrong = {"type": f"{listed[0]['name']}s", "data": listed[0]["sample"]}
    assert (await account.client.post("/v1/events", json=wrong)).status_code == 400


@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param("captaindns", marks=pytest.mark.rows("CAP-05")),
        pytest.param("connect-domain", marks=pytest.mark.rows("CD-09")),
        pytest.param("novadns", marks=pytest.mark.rows("NOV-21")),
    ],
)
async def test_each_is_subscribed_and_delivered(house: House, receiver: Receiver, dialect: str) -> None:
    """Of endpoints that subscribe to one type each, every one gets the sample of its own type and nothing else."""
    account = await house.new_account(dialect)
    boxes = {name: receiver.mailbox() for name in documented.OF[dialect]}
    for name, box in boxes.items():
        await account.register(**samples.endpoint(dialect, box.url) | {"events": [name]})

    published = await _publish_samples(account, dialect, documented.OF[dialect])
    for event in published.values():
        await account.settled(event["id"])

    for name, box in boxes.items():
        [received] = box.received
        body = json.loads(received.body)
        assert body[NAMED[dialect]] == name
        assert [*body][: len(vendors.KEYS[dialect]) - 1] == vendors.KEYS[dialect][:-1]


@pytest.mark.parametrize(
    "group",
    [
        pytest.param("DN2-27", marks=pytest.mark.rows("DN2-27")),
        pytest.param("DN2-28", marks=pytest.mark.rows("DN2-28")),
        pytest.param("DN2-29", marks=pytest.mark.rows("DN2-29")),
        pytest.param("DN2-30", marks=pytest.mark.rows("DN2-30")),
        pytest.param("DN2-31", marks=pytest.mark.rows("DN2-31")),
    ],
)
async def test_each_of_dnsimples_is_delivered(house: House, mailbox: Mailbox, group: str) -> None:
    """Every type of the group is in the catalogue, can be published with its sample and is delivered once, as it is."""
    account = await house.new_account("dnsimple")
    await account.register(mailbox.url)
    names = documented.DNSIMPLE_GROUPS[group]

    await _publish_samples(account, "dnsimple", names)
    bodies = [json.loads(each.body) for each in await mailbox.wait_for(len(names))]

    listed = {each["name"]: each["sample"] for each in (await account.call("GET", TYPES, status=200))["data"]}
    assert {body["name"]: body["data"] for body in bodies} == {name: listed[name] for name in names}
    assert len(bodies) == len(names)


@pytest.mark.rows("DN2-24", "DN2-25")
async def test_dnsimples_own_parser(house: House, mailbox: Mailbox, tmp_path: Path) -> None:
    """DNSimple's parser in Go takes the delivered body of each of the 79 types, with all that the envelope carries, and
    reads the same objects from it; it has a type of its own for as many as it knows.
    """
    parser = await _parser(tmp_path)
    account = await house.new_account("dnsimple")
    await account.register(mailbox.url)
    published = await _publish_samples(account, "dnsimple", documented.DNSIMPLE)
    received = await mailbox.wait_for(len(published))

    parsed = await _parse(parser, received)

    assert sorted(each["Name"] for each in parsed) == sorted(documented.DNSIMPLE)
    assert {each["Kind"] for each in parsed if each["Name"] not in _TYPED} == {"*webhook.GenericEventData"}
    for each, one in zip(parsed, received, strict=True):
        body = json.loads(one.body)
        kind = _TYPED.get(each["Name"], "Generic")
        assert each["Kind"] == f"*webhook.{kind}EventData"
        assert each["RequestID"] == body["request_identifier"]
        assert (each["Account"], each["Display"]) == (account.id, body["account"]["display"])
        assert (each["Actor"], each["Entity"]) == ("system", "dnsimple")
        if kind == "Generic":
            assert each["Data"] == body["data"]
        else:
            assert _ids(each["Data"]).items() <= _ids(body["data"]).items()
            assert _ids(each["Data"]) or kind == "DNSSEC"


@pytest.mark.rows("CAP-18")
async def test_a_list_that_is_changed(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """With a type more in CaptainDNS's file and another renamed, the same home goes on: endpoints and tables are as
    they were, events come, the new type can be subscribed to and is delivered, and the renamed one is gone.
    """
    old, new = receiver.mailbox(), receiver.mailbox()
    async with running(tmp_path / "home", trusting) as house:
        account = await house.new_account("captaindns")
        before = await account.register(**samples.endpoint("captaindns", old.url))
        await house.stop()
        tables = _tables(house)
        key, account_id = account.client.headers["Authorization"], account.id
        del before["signing_secret"]

        house.root = _changed_house(tmp_path / "changed")
        await house.start()
        account = house.known_account(key, account_id)
        assert await account.call("GET", f"/v1/webhook-endpoints/{before['id']}", status=200) == before
        await account.register(**samples.endpoint("captaindns", new.url) | {"events": ["dkim.rotated"]})
        await account.publish("api_key.revoked", {})
        await account.publish("dkim.rotated", {"selector": "s1"})
        [of_old], [of_new] = await old.wait_for(1), await new.wait_for(1)
        gone = await account.client.post("/v1/events", json={"type": "monitoring.alert", "data": {}})
        listed = (await account.call("GET", TYPES, status=200))["data"]
        assert _tables(house) == tables

    assert json.loads(of_old.body)["type"] == "api_key.revoked"
    assert json.loads(of_new.body)["data"] == {"selector": "s1"}
    assert gone.status_code == 400
    assert [each["name"] for each in listed][-2:] == ["monitoring.anomaly", "dkim.rotated"]


async def _publish_samples(account: Account, dialect: str, names: tuple[str, ...]) -> dict[str, Any]:
    """One event of each type with the sample that the API shows an integrator."""
    listed = {each["name"]: each["sample"] for each in (await account.call("GET", TYPES, status=200))["data"]}
    more = {"subject": samples.CONNECTION} if dialect == "connect-domain" else {}
    accepted = await asyncio.gather(*(account.publish(name, listed[name], **more) for name in names))
    return dict(zip(names, accepted, strict=True))


def _changed_house(root: Path) -> Path:
    """A copy of the product whose catalogue file of CaptainDNS alone is another."""
    for name in ("zonehook", "workflows", "activities", "api"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("worker.py", "standalone.py"):
        shutil.copy(ROOT / name, root / name)
    file = root / "zonehook" / "dialects" / "catalogues" / "captaindns.json"
    catalogue = json.loads(file.read_text())
    catalogue["types"][-1]["name"] = "monitoring.anomaly"
    more = {"name": "dkim.rotated", "description": "A key was rotated.", "data": [], "sample": {"selector": "s1"}}
    catalogue["types"].append(more)
    file.write_text(json.dumps(catalogue))
    return root


def _tables(house: House) -> list[Any]:
    """The database's tables, as they are defined."""
    with contextlib.closing(sqlite3.connect(house.home / "zonehook.db")) as database:
        return database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


async def _parser(folder: Path) -> Path:
    """The Go program around DNSimple's parser, built."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go on this machine; install Go to run DNSimple's own parser")
    source = Path(__file__).parent / "dnsimple_go"
    status, said = await _run(go, "mod", "download", "github.com/dnsimple/dnsimple-go", folder=source)
    if status != 0:
        pytest.skip(f"the module github.com/dnsimple/dnsimple-go cannot be fetched: {said[-300:]}")
    status, said = await _run(go, "build", "-buildvcs=false", "-o", str(folder / "parsing"), ".", folder=source)
    assert status == 0, said
    return folder / "parsing"


async def _run(*command: str, folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(300):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def _parse(parser: Path, received: list[Received]) -> list[Any]:
    process = await asyncio.create_subprocess_exec(
        str(parser), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate(b"".join(each.body + b"\n" for each in received))
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


def _ids(data: dict[str, Any]) -> dict[str, int]:
    """The ids of the objects in an event's data."""
    return {name: each["id"] for name, each in data.items() if isinstance(each, dict) and "id" in each}


# The types that dnsimple-go 0.30.0 knows by name; all others it reads as generic data
_TYPED = {
    **dict.fromkeys(
        ("account.billing_settings_update", "account.update", "account.user_invitation_accept", "account.user_invite"),
        "Account",
    ),
    "certificate.remove_private_key": "Certificate",
    **dict.fromkeys(("contact.create", "contact.delete", "contact.update"), "Contact"),
    **dict.fromkeys(
        ("dnssec.create", "dnssec.delete", "dnssec.rotation_complete", "dnssec.rotation_start"), "DNSSEC"
    ),
    **dict.fromkeys(
        (
            "domain.auto_renewal_disable", "domain.auto_renewal_enable", "domain.create", "domain.delegation_change",
            "domain.delete", "domain.register", "domain.registrant_change", "domain.renew",
            "domain.resolution_disable", "domain.resolution_enable", "domain.transfer",
        ),
        "Domain",
    ),
    **dict.fromkeys(("email_forward.create", "email_forward.delete", "email_forward.update"), "EmailForward"),
    **dict.fromkeys(("webhook.create", "webhook.delete"), "Webhook"),
    **dict.fromkeys(
        ("whois_privacy.disable", "whois_privacy.enable", "whois_privacy.purchase", "whois_privacy.renew"),
        "WhoisPrivacy",
    ),
    **dict.fromkeys(("zone.create", "zone.delete"), "Zone"),
    **dict.fromkeys(("zone_record.create", "zone_record.delete", "zone_record.update"), "ZoneRecord"),
}  # fmt: skip
