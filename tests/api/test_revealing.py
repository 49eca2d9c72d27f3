"""A signing secret is shown when it is made, and again only to whoever asks for it, where the dialect has that."""

import pytest

from tests import samples
from tests.api import shapes
from tests.receiver import Mailbox
from tests.running import Account, House

ENDPOINTS = "/v1/webhook-endpoints"
URL = "https://127.0.0.1:9/"
GIVEN = "whsec_" + "A" * 43 + "="


async def _reveal(account: Account, endpoint_id: str) -> str:
    revealed = await account.call("POST", f"{ENDPOINTS}/{endpoint_id}/reveal-secret", status=200)
    shapes.check(revealed, {"signing_secret": shapes.text})
    secret: str = revealed["signing_secret"]
    return secret


@pytest.mark.rows("NOV-19", "NOV-58")
async def test_novadns_reveals(house: House, mailbox: Mailbox) -> None:
    """The secret is in the creation's answer, in no read or list after it, and in the answer to reveal: the one that
    signs, also after a rotation.
    """
    account = await house.new_account("novadns")
    made = await account.register(mailbox.url, events=["host.created"])
    path = f"{ENDPOINTS}/{made['id']}"
    answers = [
        await account.client.get(path),
        await account.client.get(ENDPOINTS),
        await account.client.get(f"{path}/health"),
        await account.client.patch(path, json={"description": "x"}),
        *[await account.client.post(f"{path}/{verb}") for verb in ("disable", "enable", "clear-suppression")],
    ]

    assert await _reveal(account, made["id"]) == made["signing_secret"]
    rotated = (await account.call("POST", f"{path}/rotate-secret", status=200))["signing_secret"]
    assert await _reveal(account, made["id"]) == rotated != made["signing_secret"]
    for answer in answers:
        assert answer.status_code == 200
        assert made["signing_secret"] not in answer.text


@pytest.mark.parametrize("dialect", ["standard", "dnsimple", "dnsimple-legacy", "novadns"])
async def test_a_secret_that_was_brought(house: House, dialect: str) -> None:
    """Where a dialect reveals, it gives back the very secret that the user brought, and no cache keeps it."""
    account = await house.new_account(dialect)
    wanted = samples.endpoint(dialect, URL) | {"secret": GIVEN}
    made = await account.client.post(ENDPOINTS, json=wanted)
    path = f"{ENDPOINTS}/{made.json()['id']}"
    revealed = await account.client.post(f"{path}/reveal-secret")
    assert revealed.json() == {"signing_secret": GIVEN}
    rotated = await account.client.post(f"{path}/rotate-secret")
    assert {each.headers["cache-control"] for each in (made, revealed, rotated)} == {"no-store"}


@pytest.mark.rows("CD-05")
@pytest.mark.parametrize("dialect", ["connect-domain", "captaindns"])
async def test_once_is_once(house: House, dialect: str) -> None:
    """Elsewhere it is a 409 that says to rotate, without the secret."""
    account = await house.new_account(dialect)
    made = await account.call("POST", ENDPOINTS, body=samples.endpoint(dialect, URL), status=201)
    answer = await account.client.post(f"{ENDPOINTS}/{made['id']}/reveal-secret")
    error = shapes.refusal(answer, 409)
    assert error["code"] == "secret_not_revealed"
    assert "rotate" in error["message"]
    assert made["signing_secret"] not in answer.text


async def test_nothing_to_reveal(house: House) -> None:
    """A DNSimple endpoint that was given no secret has none to show, and says how to get one."""
    account = await house.new_account("dnsimple")
    made = await account.call("POST", ENDPOINTS, body={"url": URL}, status=201)
    path = f"{ENDPOINTS}/{made['id']}"
    assert shapes.refusal(await account.client.post(f"{path}/reveal-secret"), 409)["code"] == "no_signing_secret"
    rotated = await account.call("POST", f"{path}/rotate-secret", status=200)
    assert await _reveal(account, made["id"]) == rotated["signing_secret"]
