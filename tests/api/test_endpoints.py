"""Endpoints are registered, listed, changed, switched and deleted in exactly the shapes of the contract."""

import asyncio
import base64
import re
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.api import shapes
from tests.receiver import Mailbox
from tests.running import Account

ENDPOINTS = "/v1/webhook-endpoints"
URL = "https://127.0.0.1:9/hooks"
CHOSEN = "whsec_" + base64.b64encode(b"a secret of forty-two bytes, chosen by us!").decode()


@pytest.mark.rows("CD-01", "CD-02", "CD-05")
async def test_register(account: Account) -> None:
    """The new endpoint echoes what was asked for and shows its signing secret, this once."""
    wanted = {"url": URL, "events": ["domain.create", "zone.*"], "description": "Büro"}

    made = await account.call("POST", ENDPOINTS, body=wanted, status=201)
    read = await account.call("GET", f"{ENDPOINTS}/{made['id']}", status=200)
    [listed] = await _listed(account)

    shapes.check(made, {**shapes.ENDPOINT, "signing_secret": shapes.text})
    assert {name: made[name] for name in wanted} == wanted
    assert (made["status"], made["dialect"], made["consecutive_failures"]) == ("enabled", "standard", 0)
    assert (made["disabled_at"], made["suppressed_at"]) == (None, None)
    assert made["created_at"] == made["updated_at"]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["signing_secret"])
    shapes.check(read, shapes.ENDPOINT)
    assert read == listed == {name: made[name] for name in shapes.ENDPOINT}


async def test_register_with_a_url_alone(account: Account) -> None:
    """Without anything else an endpoint takes every event and has no description."""
    made = await account.call("POST", ENDPOINTS, body={"url": URL}, status=201)

    assert (made["events"], made["description"], made["dialect"]) == ([], None, "standard")


@pytest.mark.rows("CAP-27")
async def test_a_secret_of_ones_own(account: Account, mailbox: Mailbox) -> None:
    """A secret given at registration is taken as it is, and deliveries verify with it."""
    made = await account.register(mailbox.url, secret=CHOSEN)

    await account.publish()
    [received] = await mailbox.wait_for(1)

    assert made["signing_secret"] == CHOSEN
    Webhook(CHOSEN).verify(received.body, received.headers)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("", id="empty"),
        pytest.param("whsec_", id="a prefix alone"),
        pytest.param("hunter2", id="a word"),
        pytest.param(CHOSEN.removeprefix("whsec_"), id="no prefix"),
        pytest.param(f"whsec_?{'A' * 43}", id="not base64"),
        pytest.param(CHOSEN.rstrip("=") + "A", id="cut off"),
        pytest.param(CHOSEN + "=", id="padded too far"),
        pytest.param("whsec_" + base64.b64encode(bytes(23)).decode(), id="23 bytes"),
        pytest.param("whsec_" + base64.b64encode(bytes(65)).decode(), id="65 bytes"),
        pytest.param("whsec_" + "A" * 1000, id="too long"),
    ],
)
async def test_a_secret_that_cannot_sign_is_refused(account: Account, secret: str) -> None:
    """A secret is `whsec_` and the base64 of 24 to 64 bytes; another is refused, named and not repeated."""
    answer = await account.client.post(ENDPOINTS, json={"url": URL, "secret": secret})

    error = shapes.refusal(answer, 400, "secret")
    assert len(secret) < 7 or secret not in str(error)
    assert await _listed(account) == []


async def test_secrets_differ(account: Account) -> None:
    """Every endpoint gets a secret of its own."""
    made = await asyncio.gather(*(account.register(URL) for _ in range(5)))

    assert len({each["signing_secret"] for each in made}) == 5
    assert len({each["id"] for each in made}) == 5


async def test_change_keeps_what_is_left_out(account: Account) -> None:
    """PATCH changes the fields it names and no others; a null description clears it."""
    made = await account.register(URL, events=["domain.create"], description="first")
    path = f"{ENDPOINTS}/{made['id']}"

    for changes in ({"description": "second"}, {"events": ["zone.*"]}, {"url": URL + "/2"}, {"description": None}, {}):
        before = await account.call("GET", path, status=200)
        changed = await account.call("PATCH", path, body=changes, status=200)
        shapes.check(changed, shapes.ENDPOINT)
        assert changed == before | changes | {"updated_at": changed["updated_at"]}
        assert await account.call("GET", path, status=200) == changed


@pytest.mark.rows("NOV-20")
async def test_changed_subscriptions_hold_from_then_on(account: Account, mailbox: Mailbox) -> None:
    """After PATCH with events, later events follow the new set."""
    made = await account.register(mailbox.url, events=["domain.create"])
    first = await account.publish("domain.create")
    await account.settled(first["id"])
    await account.call("PATCH", f"{ENDPOINTS}/{made['id']}", body={"events": ["zone.create"]}, status=200)

    await account.publish("domain.create")
    last = await account.publish("zone.create")
    await account.settled(last["id"])

    assert {each["event_id"] for each in await account.deliveries()} == {first["id"], last["id"]}


async def test_changed_headers_replace_the_old_ones(account: Account, mailbox: Mailbox) -> None:
    """PATCH with headers sends these from then on, and those of before no more."""
    made = await account.register(mailbox.url, headers={"X-Old": "1", "X-Both": "1"})
    await account.call("PATCH", f"{ENDPOINTS}/{made['id']}", body={"headers": {"X-Both": "2"}}, status=200)

    await account.publish()
    [received] = await mailbox.wait_for(1)

    assert received.headers["x-both"] == "2"
    assert "x-old" not in received.headers


@pytest.mark.parametrize("field", ["url", "events", "headers"])
async def test_null_is_no_value(account: Account, field: str) -> None:
    """PATCH with null for url, events or headers is refused and changes nothing."""
    made = await account.register(URL, events=["domain.create"])
    path = f"{ENDPOINTS}/{made['id']}"

    answer = await account.client.patch(path, json={field: None, "description": "changed"})

    shapes.refusal(answer, 400, field)
    assert await account.call("GET", path, status=200) == {name: made[name] for name in shapes.ENDPOINT}


@pytest.mark.parametrize("field", ["dialect", "secret", "status", "id", "signing_secret", "disabled_at"])
async def test_what_cannot_be_changed_by_patch(account: Account, field: str) -> None:
    """PATCH refuses every field but url, events, description and headers, and names it."""
    made = await account.register(URL)

    answer = await account.client.patch(f"{ENDPOINTS}/{made['id']}", json={field: "standard"})

    shapes.refusal(answer, 400, field)


async def test_disable_and_enable(account: Account) -> None:
    """Disabling says since when, twice is once; enabling clears it."""
    made = await account.register(URL)
    path = f"{ENDPOINTS}/{made['id']}"

    disabled = await account.call("POST", f"{path}/disable", status=200)
    again = await account.call("POST", f"{path}/disable", status=200)
    enabled = await account.call("POST", f"{path}/enable", status=200)
    cleared = await account.call("POST", f"{path}/clear-suppression", status=200)

    for each in (disabled, again, enabled, cleared):
        shapes.check(each, shapes.ENDPOINT)
    assert disabled["status"] == "disabled"
    assert shapes.time(disabled["disabled_at"])
    assert again["disabled_at"] == disabled["disabled_at"]
    assert (enabled["status"], enabled["disabled_at"]) == ("enabled", None)
    assert (cleared["status"], cleared["consecutive_failures"], cleared["suppressed_at"]) == ("enabled", 0, None)


@pytest.mark.rows("CD-05")
async def test_a_rotated_secret_is_shown_once(account: Account) -> None:
    """Rotating answers the new secret and nothing else; no later answer holds it or the old one."""
    made = await account.register(URL)
    path = f"{ENDPOINTS}/{made['id']}"

    rotated = await account.call("POST", f"{path}/rotate-secret", status=200)
    later = [
        await account.client.get(path),
        await account.client.get(ENDPOINTS),
        await account.client.patch(path, json={"description": "x"}),
        *[await account.client.post(f"{path}/{verb}") for verb in ("disable", "enable", "clear-suppression")],
    ]

    shapes.check(rotated, {"signing_secret": shapes.text})
    assert rotated["signing_secret"] != made["signing_secret"]
    for answer in later:
        assert answer.status_code == 200
        assert "secret" not in answer.text
        assert rotated["signing_secret"] not in answer.text
        assert made["signing_secret"] not in answer.text


async def test_deleted_is_gone_everywhere(account: Account) -> None:
    """After DELETE every call on the endpoint is a 404, a second DELETE too, and the list is without it."""
    stays, goes = await account.register(URL), await account.register(URL)
    path = f"{ENDPOINTS}/{goes['id']}"

    answer = await account.client.delete(path)
    refused = [
        await account.client.get(path),
        await account.client.patch(path, json={"description": "x"}),
        await account.client.delete(path),
        *[
            await account.client.post(f"{path}/{verb}")
            for verb in ("disable", "enable", "clear-suppression", "rotate-secret")
        ],
    ]

    assert (answer.status_code, answer.content) == (204, b"")
    for each in refused:
        assert shapes.refusal(each, 404)["code"] == "not_found"
    assert [each["id"] for each in await _listed(account)] == [stays["id"]]


async def _listed(account: Account) -> list[Any]:
    listed: list[Any] = (await account.call("GET", ENDPOINTS, status=200))["data"]
    return listed
