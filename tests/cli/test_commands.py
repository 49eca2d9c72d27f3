"""The commands do what the REST API does, and show it to a person."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from tests.cli.shell import Shell
from tests.receiver import Mailbox
from tests.running import Account, House


async def test_publish(shell: Shell, account: Account) -> None:
    """`publish` prints the new event's id and leaves its data as it was typed."""
    done = await shell.run("publish", "domain.renew:started", '{"domain": "bücher.example", "n": 1.0}')
    event = await account.call("GET", f"/v1/events/{done.out.split()[0]}", status=200)

    assert (done.status, done.err) == (0, "")
    assert done.out == f"{event['id']} accepted at {event['accepted_at']}\n"
    assert (event["type"], event["data"]) == ("domain.renew:started", {"domain": "bücher.example", "n": 1.0})


async def test_publish_from_standard_input(shell: Shell, account: Account) -> None:
    """With - the data are read from standard input, white space and all; without data they are empty."""
    typed, bare = await asyncio.gather(
        shell.run("publish", "domain.create", "-", typed='{\n  "domain": "bücher.example"\n}\n'.encode()),
        shell.run("publish", "domain.create"),
    )

    data = [
        (await account.call("GET", f"/v1/events/{done.out.split()[0]}", status=200))["data"] for done in (typed, bare)
    ]
    assert data == [{"domain": "bücher.example"}, {}]


async def test_publish_for_later(shell: Shell, account: Account) -> None:
    """`--at` holds the event back until then; what is no time is refused with the field's name."""
    at = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    done = await shell.run("publish", "domain.create", "{}", "--at", at)
    refused = await shell.run("publish", "domain.create", "{}", "--at", "tomorrow")
    event = await account.call("GET", f"/v1/events/{done.out.split()[0]}", status=200)

    assert (event["status"], event["deliver_at"]) == ("scheduled", at)
    assert refused.status != 0
    assert "deliver_at" in refused.err


async def test_publish_once(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """With --id a second time says that the event was known and delivers nothing."""
    await account.register(mailbox.url)

    first = await shell.run("publish", "domain.create", "{}", "--id", "order 7")
    again = await shell.run("publish", "domain.create", "{}", "--id", "order 7")
    await account.settled(first.out.split()[0])

    assert again.status == 0
    assert again.out == first.out.rstrip() + ", known already: nothing new is delivered\n"
    assert len(mailbox.received) == 1


async def test_with_the_credentials_of_the_home(house: House, shell: Shell) -> None:
    """Without a key in the environment the commands use the one that Zonehook left in its home."""
    done = await shell.having(ZONEHOOK_API_KEY=None).run("publish", "domain.create")

    assert done.status == 0
    assert await house.account().call("GET", f"/v1/events/{done.out.split()[0]}", status=200)


async def test_create_an_endpoint(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """`endpoints create` prints the id and the secret that deliveries are signed with."""
    done = await shell.run(
        "endpoints", "create", mailbox.url, "--events", "domain.*", "--events", "zone.create", "--description", "Büro"
    )
    identity, secret = done.out.splitlines()
    endpoint = await account.call("GET", f"/v1/webhook-endpoints/{identity}", status=200)
    await account.publish("domain.create")
    [received] = await mailbox.wait_for(1)

    assert (done.status, done.err) == (0, "")
    assert (endpoint["url"], endpoint["events"]) == (mailbox.url, ["domain.*", "zone.create"])
    assert endpoint["description"] == "Büro"
    assert secret.startswith("signing secret, shown this once: whsec_")
    Webhook(secret.rpartition(" ")[2]).verify(received.body, received.headers)


async def test_reveal_secret(shell: Shell, account: Account) -> None:
    """`endpoints reveal-secret` prints the secret alone, or the sentence that its vendor shows it once."""
    made = await account.register("https://127.0.0.1:9/")
    once = await account.register("https://127.0.0.1:9/", dialect="connect-domain")
    done = await shell.run("endpoints", "reveal-secret", made["id"])
    refused = await shell.run("endpoints", "reveal-secret", once["id"])

    assert (done.status, done.out, done.err) == (0, made["signing_secret"] + "\n", "")
    assert (refused.status, refused.out) == (1, "")
    assert "shown once" in refused.err


async def test_list_endpoints(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """`endpoints list` shows each with its whole id and URL, newest first, and never a secret."""
    empty = await shell.run("endpoints", "list")
    first = await account.register(mailbox.url, events=["domain.*"])
    second = await account.register(mailbox.url + "?" + "x" * 150)

    done = await shell.run("endpoints", "list")

    assert empty.out == "none\n"
    head, *rows = done.out.splitlines()
    assert head.split("  ")[0] == "id"
    shown = " ".join(rows)
    assert shown.index(second["id"]) < shown.index(first["id"])
    assert first["url"] in shown
    assert "domain.*" in shown
    assert "all" in shown
    assert "whsec_" not in done.out


async def test_a_url_that_looks_like_markup(shell: Shell, account: Account) -> None:
    """A URL with brackets is shown as it is."""
    url = "https://127.0.0.1:9/[/a][red]b"
    await account.register(url)

    done = await shell.run("endpoints", "list")

    assert (done.status, done.err) == (0, "")
    assert url in done.out


async def test_switch_an_endpoint(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """`disable`, `enable`, `clear-suppression` and `delete` do so and say it."""
    identity = (await account.register(mailbox.url))["id"]

    said = [
        (await shell.run("endpoints", verb, identity)).out
        for verb in ("disable", "enable", "clear-suppression", "delete")
    ]
    answer = await account.client.get(f"/v1/webhook-endpoints/{identity}")

    assert said == [f"{identity} is {state}\n" for state in ("disabled", "enabled", "enabled", "deleted")]
    assert answer.status_code == 404


async def test_deliveries(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """`deliveries` lists newest first and can be cut down; with an id it shows that one and its attempts."""
    endpoint = await account.register(mailbox.url)
    mailbox.refuse(1)
    one, other = await account.publish("domain.create"), await account.publish("zone.create")
    [first] = await account.settled(one["id"])
    [second] = await account.settled(other["id"])

    everything, of_one, none, shown = await asyncio.gather(
        shell.run("deliveries"),
        shell.run("deliveries", "--event", one["id"], "--endpoint", endpoint["id"], "--status", "delivered"),
        shell.run("deliveries", "--status", "failed", "--limit", "200"),
        shell.run("deliveries", first["id"]),
    )

    assert [done.status for done in (everything, of_one, none, shown)] == [0, 0, 0, 0]
    assert everything.out.index(second["id"]) < everything.out.index(first["id"])
    assert endpoint["id"] in everything.out
    assert first["id"] in of_one.out
    assert second["id"] not in of_one.out
    assert none.out == "none\n"
    assert shown.out.splitlines()[0] == f"domain.create to {mailbox.url} is delivered"
    attempts = [row.split() for row in shown.out.splitlines()[2:]]
    made = await account.attempts(first["id"])
    assert [(row[0], row[1], row[4]) for row in attempts] == [
        (str(each["number"]), "schedule", str(each["status_code"])) for each in made
    ]


async def test_a_delivery_that_waits(patient_house: House, patient_account: Account, mailbox: Mailbox) -> None:
    """`deliveries` with the id of one that is to be tried again says when."""
    key = patient_account.client.headers["Authorization"].removeprefix("Bearer ")
    shell = Shell({"ZONEHOOK_HOME": str(patient_house.home), "ZONEHOOK_API_KEY": key})
    await patient_account.register(mailbox.url)
    mailbox.refuse(1)
    event = await patient_account.publish()
    [waiting] = await patient_account.settled(event["id"], statuses=("retrying",))

    done = await shell.run("deliveries", waiting["id"])

    assert f"next attempt at {waiting['next_retry_at']}" in done.out
    assert "is retrying" in done.out


async def test_event_types(house: House, account: Account, shell: Shell) -> None:
    """`event-types` lists the account's types and then Zonehook's own, and with a name shows that one with its sample
    and its schema.
    """
    empty = await shell.run("event-types")
    whole = {"name": "server.moved", "description": "It [moved].", "sample": {"ü": [1]}, "schema": {"required": ["ü"]}}
    await account.call("POST", "/v1/event-types", body=whole, status=201)
    vendors = await house.new_account("novadns")
    of_vendor = shell.having(ZONEHOOK_API_KEY=vendors.client.headers["Authorization"].removeprefix("Bearer "))

    listed, one, unknown, four, status = await asyncio.gather(
        shell.run("event-types"),
        shell.run("event-types", "server.moved"),
        shell.run("event-types", "server.moved?x"),
        of_vendor.run("event-types"),
        of_vendor.run("event-types", "host.status_changed"),
    )

    none, _, rest = empty.out.partition("\n\n")
    assert none == "Any type can be published; none is registered with a description, a sample or a schema."
    own = rest.splitlines()
    assert own[0] == "Told by Zonehook itself, to endpoints that subscribe to them by name:"
    assert [line.split()[0] for line in own[2:]] == [
        "endpoint.suppressed", "endpoint.disabled", "endpoint.recovered", "delivery.exhausted",
    ]  # fmt: skip
    theirs, _, after = listed.out.partition("\n\n")
    assert [line.split(maxsplit=1) for line in theirs.splitlines()[1:]] == [["server.moved", "It [moved]."]]
    assert after.splitlines() == own
    head, sample, schema = one.out.split("\n\n")
    assert head == "server.moved: It [moved]."
    assert sample.startswith("sample:\n")
    assert json.loads(sample.removeprefix("sample:")) == {"ü": [1]}
    assert json.loads(schema.removeprefix("schema:")) == {"required": ["ü"]}
    assert (unknown.status, unknown.out) == (1, "")
    assert "there is no event type" in unknown.err
    assert [line.split()[0] for line in four.out.partition("\n\n")[0].splitlines()[1:]] == [
        "host.ip_updated", "host.created", "host.deleted", "host.status_changed",
    ]  # fmt: skip
    assert json.loads(status.out.partition("sample:")[2])["status"] == "offline"


async def test_replay(shell: Shell, account: Account, mailbox: Mailbox) -> None:
    """`replay` sends the delivery again."""
    await account.register(mailbox.url)
    event = await account.publish()
    [delivery] = await account.settled(event["id"])

    done = await shell.run("replay", delivery["id"])
    first, second = await mailbox.wait_for(2)

    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{delivery['id']} is ")
    assert json.loads(first.body) == json.loads(second.body)
