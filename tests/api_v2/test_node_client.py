"""The vendor's own Node client works against v2, unmodified."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api_v2.reading import URL
from tests.running import Account

SCRIPT = Path(__file__).parent / "node_client.mjs"
PACKAGE = Path(sys.prefix) / "node" / "node_modules" / "dnsimple"  # scripts/setup puts it there where npm is


@pytest.mark.rows("DN2-03", "DN3-07", "DN3-13", "DN3-20", "DN3-25", "DN3-26", "DN3-31", "DN3-33")
async def test_the_node_client(account: Account) -> None:
    """It registers, lists in both orders, reads, removes and asks who it is, and knows every refusal by its kind."""
    told = await _drive(account)

    made = [each["data"] for each in told["created"]]
    assert [(each["url"], each["suppressed_at"]) for each in made] == [(f"{URL}/{n}", None) for n in range(3)]
    assert told["empty"] == {"data": []}
    assert told["listed"] == {"data": made}
    assert told["turned"] == {"data": made[::-1]}
    assert told["read"] == {"data": made[0]}
    assert told["deleted"] == {}
    gone = {"kind": "NotFoundError", "status": 404, "message": f"Webhook `{made[0]['id']}` not found", "errors": None}
    assert told["gone"] == told["again"] == gone
    assert told["whoami"]["data"]["user"] is None
    assert told["accounts"]["data"] == [told["whoami"]["data"]["account"]]
    assert told["accounts"]["data"][0]["id"] == account.id
    blank = {"url": ["can't be blank"]}
    assert told["invalid"] == {"kind": "ClientError", "status": 400, "message": "Validation failed", "errors": blank}
    assert told["elsewhere"] == gone | {"message": "Not Found"}
    assert told["unknown"] == gone | {"kind": "AuthenticationError", "status": 401, "message": "Authentication failed"}
    assert told["method"] == gone | {"kind": "MethodNotAllowedError", "status": 405, "message": None}


async def _drive(account: Account) -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine; install Node.js to run the vendor's client")
    if not PACKAGE.is_dir():
        pytest.skip(f"the vendor's client is not at {PACKAGE}; scripts/setup dev puts it there where npm is")
    token = account.client.headers["Authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(PACKAGE), str(account.client.base_url).rstrip("/"), token, str(account.id), URL,
        env={**os.environ, "NO_PROXY": "127.0.0.1"}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return json.loads(out)
