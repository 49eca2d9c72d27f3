"""A canary sings wherever a secret leaks: secrets and headers' values are looked for in all that is kept or said."""

import base64
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tests.acceptance import steering
from tests.receiver import Mailbox, Receiver
from tests.running import Account, House, running

KEY = b"CANARY-in-a-signing-secret-of-42-bytes-ok!"
CANARIES = {
    "brought": "whsec_" + base64.b64encode(KEY).decode(),
    "chosen": "CANARY of a user's own, 30 chars",
    "header": "Bearer CANARY-in-a-custom-header",
}
ENDPOINTS = "/v1/webhook-endpoints"


def _forms(secret: str) -> set[bytes]:
    """How a secret may stand in a file: as it is, as the bytes it means, and each of these in base64 or hex."""
    plain = {secret.encode()}
    if secret.startswith("whsec_"):
        plain |= {secret.removeprefix("whsec_").encode(), base64.b64decode(secret.removeprefix("whsec_"))}
    encoded = {base64.b64encode(each).rstrip(b"=")[:-1] for each in plain}
    return plain | encoded | {each.hex().encode() for each in plain}


def _tables(house: House) -> dict[str, bytes]:
    """Every column of every row, by table."""
    records = sqlite3.connect(f"file:{house.home / 'zonehook.db'}?mode=ro", uri=True)
    names = [name for (name,) in records.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        f"table {name}": b"\n".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in records.execute(f'SELECT * FROM "{name}"')
            for value in row
        )
        for name in names
    }
    records.close()
    return found


async def _workflows(house: House) -> dict[str, bytes]:
    """Every workflow's history, and its record in the visibility store with memo and search attributes."""
    client = await steering.temporal_of(house)
    found: dict[str, bytes] = {}
    async for workflow in client.list_workflows():
        found[f"visibility {workflow.id}"] = workflow.raw_info.SerializeToString()
        handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        history = await handle.fetch_history()
        found[f"history {workflow.id}"] = b"".join(each.SerializeToString() for each in history.events)
    return found


async def _answers(account: Account, endpoint_ids: list[str], delivery_ids: list[str]) -> dict[str, bytes]:
    """What the API says of all there is, but for the answers that are there to show a secret."""
    paths = [ENDPOINTS, "/v1/events", "/v1/webhook-deliveries", "/openapi.json", "/metrics", "/ips"]
    paths += [f"{ENDPOINTS}/{each}{what}" for each in endpoint_ids for what in ("", "/health")]
    paths += [f"/v1/webhook-deliveries/{each}{what}" for each in delivery_ids for what in ("", "/attempts")]
    found = {path: await account.client.get(path) for path in paths}
    assert {each.status_code for each in found.values()} == {200}
    return {path: answer.content for path, answer in found.items()}


async def _delivered(account: Account, mailbox: Mailbox, dialect: str, **wanted: Any) -> tuple[str, list[str]]:
    """Registers, lets two attempts fail and the third be confirmed, rotates, reveals, and replays: the endpoint and all
    the secrets it ever had.
    """
    mailbox.refuse(2)
    body = samples.endpoint(dialect, mailbox.url) | wanted
    made = await account.call("POST", ENDPOINTS, body=body, status=201)
    path = f"{ENDPOINTS}/{made['id']}"
    event = samples.event(dialect)
    published = await account.publish(**{"type_": event["type"], "data": event["data"]})
    [delivery] = await account.settled(published["id"])
    assert delivery["attempts"] == 3
    rotated = await account.call("POST", f"{path}/rotate-secret", status=200)
    await account.client.post(f"{path}/reveal-secret")
    await account.client.patch(path, json={"headers": {"X-Other": CANARIES["header"], "Host": CANARIES["header"]}})
    await account.client.post(ENDPOINTS, json=body | {"secret": CANARIES["brought"] + "="})
    if dialect != "captaindns":
        again = await account.client.post(f"/v1/webhook-deliveries/{delivery['id']}/replay")
        assert again.status_code == 202
        await account.settled(published["id"])
    return made["id"], [made["signing_secret"], rotated["signing_secret"]]


@pytest.mark.rows("ALL-05", "CD-05", "CAP-27")
async def test_no_canary_sings(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """After registering, failing, retrying, rotating, revealing, replaying and being refused, no secret and no header's
    value stands in any row, line of log, workflow history, visibility record, metric or ordinary answer.
    """
    settings = trusting | {"ZONEHOOK_TIME_SCALE": "0.001", "ZONEHOOK_LOG_LEVEL": "DEBUG"}
    secrets, kept = list(CANARIES.values()), dict[str, bytes]()
    async with running(tmp_path, settings) as house:
        for dialect in ("standard", "novadns", "captaindns"):
            account = await house.new_account(dialect)
            secret = CANARIES["chosen" if dialect == "captaindns" else "brought"]
            wanted = {"secret": secret, "headers": {"Authorization": CANARIES["header"]}}
            endpoint_id, had = await _delivered(account, receiver.mailbox(), dialect, **wanted)
            assert had[0] == secret
            secrets += had
            deliveries = [each["id"] for each in await account.deliveries()]
            answers = await _answers(account, [endpoint_id], deliveries)
            kept |= {f"{dialect} {path}": text for path, text in answers.items()}
            secrets.append(account.client.headers["Authorization"].removeprefix("Bearer "))
        kept |= _tables(house) | await _workflows(house)
        _, printed = await house.stop()
        kept |= {"the log": printed.encode(), "Temporal's log": (tmp_path / "temporal.log").read_bytes()}

    assert b"status_503" in kept["the log"]
    assert any(name.startswith("history delivery/") for name in kept)
    assert any(name.startswith("visibility event/") for name in kept)
    assert all(len(kept[f"table {name}"]) > 100 for name in ("endpoints", "attempts", "deliveries", "api_keys"))
    sung = {(name, secret) for secret in secrets for form in _forms(secret) for name in kept if form in kept[name]}
    assert sung == set()
