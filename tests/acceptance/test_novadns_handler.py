"""The handler that NovaDNS's own documentation shows, run by node, judges what Zonehook sends."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from tests import samples
from tests.running import House

SCRIPT = Path(__file__).parent / "novadns_handler.mjs"


@pytest.mark.rows("NOV-37", "NOV-38")
@pytest.mark.parametrize(
    ("path", "is_its_secret", "answer"), [("/", True, 200), ("/changed", True, 401), ("/", False, 401)]
)
async def test_the_documented_handler(
    house: House, authority: trustme.CA, tmp_path: Path, path: str, is_its_secret: bool, answer: int
) -> None:
    """A genuine delivery is taken; one that was changed, or made with another secret, is a failure with a 401."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine; install Node.js to run the handler of NovaDNS's documentation")
    account = await house.new_account("novadns")
    secret = "whsec_" + "A" * 43 + "="
    async with _handling(node, authority, tmp_path, secret if is_its_secret else "another") as port:
        wanted = samples.endpoint("novadns", f"https://127.0.0.1:{port}{path}") | {"secret": secret}
        await account.call("POST", "/v1/webhook-endpoints", body=wanted, status=201)
        offered = samples.event("novadns")
        event = await account.publish(offered["type"], offered["data"] | {"host": "büro.example.net"})
        [delivery] = await account.settled(event["id"])

    attempts = await account.attempts(delivery["id"])
    assert delivery["status"] == ("delivered" if answer == 200 else "failed")
    assert [each["status_code"] for each in attempts] == [answer] * (1 if answer == 200 else 4)
    assert attempts[0]["response_excerpt"] == ("" if answer == 200 else "Invalid signature")


@contextlib.asynccontextmanager
async def _handling(node: str, authority: trustme.CA, folder: Path, secret: str) -> AsyncIterator[int]:
    """The port at which the handler listens, knowing this secret."""
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(certificate), str(key),
        env={**os.environ, "NOVADNS_WEBHOOK_SECRET": secret}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
