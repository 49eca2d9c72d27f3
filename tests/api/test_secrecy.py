"""Secrets and keys are shown once and kept by nobody: not in a log, not in a database, not in Temporal's."""

import asyncio
import base64
from pathlib import Path

import pytest

from tests.receiver import Receiver, Reply
from tests.running import running

CHOSEN = "whsec_" + base64.b64encode(b"a secret of 42 bytes that nobody may keep!").decode()
REFUSED = "whsec_c2VjcmV0IHRoYXQgaXMgbm8gZ29vZA=="
TOKEN = "Bearer t0ken-in-a-custom-header"
MARKER = "something-that-is-no-secret"


@pytest.mark.rows("ALL-05")
async def test_nothing_keeps_a_secret(tmp_path: Path, trusting: dict[str, str], receiver: Receiver) -> None:
    """After deliveries, failures, replays and refusals no file and no line of log holds a secret or an API key."""
    async with running(tmp_path, trusting | {"ZONEHOOK_TIME_SCALE": "0.001"}) as own_house:
        account = await own_house.new_account()
        key = account.client.headers["Authorization"].removeprefix("Bearer ")
        mailbox, second, closed = receiver.mailbox(), receiver.mailbox(), "https://127.0.0.1:9/"
        made = await account.register(mailbox.url, secret=CHOSEN, headers={"Authorization": TOKEN})
        generated = await account.register(second.url, headers={"X-Token": TOKEN})
        path = f"/v1/webhook-endpoints/{made['id']}"
        rotated = await account.call("POST", f"{path}/rotate-secret", status=200)
        mailbox.refuse(2)
        second.replies.append(Reply(200, raw=_cut_off))
        event = await account.publish(data={"marker": MARKER})
        found = await account.settled(event["id"], count=2)
        for delivery in found:
            await account.call("POST", f"/v1/webhook-deliveries/{delivery['id']}/replay", status=202)
        await account.settled(event["id"], count=2)
        await account.client.post("/v1/webhook-endpoints", json={"url": closed, "secret": REFUSED})
        await account.client.post("/v1/webhook-endpoints", json={"url": closed, "secret": CHOSEN, "headers": TOKEN})
        await account.client.get("/v1/nothing", params={"key": key})
        while_running = _files(tmp_path)
        _, printed = await own_house.stop()
        kept = while_running | {f"{name} afterwards": text for name, text in _files(tmp_path).items()}
        kept["log"] = printed.encode()

    signed = [
        each.headers["webhook-signature"].split()[0].removeprefix("v1,") for each in mailbox.received + second.received
    ]
    secrets = [key, CHOSEN, REFUSED, TOKEN, made["signing_secret"], generated["signing_secret"], *signed]
    secrets.append(rotated["signing_secret"])
    assert any(MARKER.encode() in text for name, text in kept.items() if name.startswith("zonehook.db"))
    assert any(MARKER.encode() in text for name, text in kept.items() if name.startswith("temporal.db"))
    for secret in secrets:
        for form in (secret.encode(), _inside(secret)):
            assert [name for name, text in kept.items() if form in text] == []


@pytest.mark.rows("ALL-05")
async def test_the_key_file_is_its_owner_s(tmp_path: Path, trusting: dict[str, str]) -> None:
    """The files that do hold keys, and the folder around them, can be read by their owner alone."""
    home = tmp_path / "home"
    async with running(home, trusting):
        open_to_others = [path.name for path in (home, *home.iterdir()) if path.stat().st_mode & 0o077]

    assert not {"home", "credentials.json", "encryption.keys"} & set(open_to_others)


async def _cut_off(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def _files(home: Path) -> dict[str, bytes]:
    """Every file of the home but the one that is made to hold keys."""
    return {path.name: path.read_bytes() for path in home.iterdir() if path.name != "credentials.json"}


def _inside(secret: str) -> bytes:
    """The key that a signing secret stands for; another secret as it is."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    return base64.b64decode(secret.removeprefix("whsec_"))
