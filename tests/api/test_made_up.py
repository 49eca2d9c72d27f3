"""Requests made up by schemathesis from our own OpenAPI document, sent to a running house. `make fuzz` sends more."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from tests.running import Account, running

EXAMPLES = int(os.environ.get("ZONEHOOK_FUZZ_EXAMPLES", "6"))  # for each call
# A body that fits the schema may still be refused with a sentence; what the given ids belong to may have been deleted
# by another request; other methods are test_openapi's
LEFT_OUT = "positive_data_acceptance,ensure_resource_availability,unsupported_method"
_PER_EXAMPLE = 30
_PATIENCE_SECONDS = 60  # an answer may be waited for for 30
URL = "https://127.0.0.1:9/"  # nobody is there: with secrets that are made up, too, no signature could be checked


async def test_no_answer_is_unexpected(tmp_path: Path, trusting: dict[str, str]) -> None:
    """Whatever is sent, to things there are and things there are not: no 5xx, no status that is not documented, no
    answer that does not fit its schema.
    """
    async with running(tmp_path, trusting | {"ZONEHOOK_RATE_LIMIT": "100000000"}) as house:
        account = await house.new_account()
        config = tmp_path / "schemathesis.toml"
        config.write_text(await _known(account))
        told = await _made_up(account, config)

    counted = re.search(r"([\d,]+) generated", told)
    assert counted is not None, told
    print(f"{counted[1]} requests were made up")
    assert "Failures:" not in told, told
    assert "Errors:" not in told, told
    assert int(counted[1].replace(",", "")) > EXAMPLES * _PER_EXAMPLE, told


async def _made_up(account: Account, config: Path) -> str:
    """What schemathesis says in the end."""
    key = account.client.headers["authorization"]
    run = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "--no-color",
        "run", str(account.client.base_url.join("/openapi.json")), "-H", f"Authorization: {key}",
        "--continue-on-failure",
        "--exclude-checks", LEFT_OUT, "--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none",
        "--request-timeout", str(_PATIENCE_SECONDS),
        cwd=config.parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    return (await run.communicate())[0].decode()


async def _known(account: Account) -> str:
    """A configuration with the ids of one thing of each kind."""
    event = await account.publish()  # nobody hears it: whoever awaits its outcome has it at once
    await account.settled(event["id"], count=0)
    endpoint = await account.register(URL)
    [delivery] = await account.settled((await account.publish())["id"], statuses=("retrying",))
    wanted = {"email": "ada@example.com", "role": "member"}
    member = await account.call("POST", "/v1/members", body=wanted, status=201)
    key = await account.call("POST", "/v1/api-keys", body={"name": "one", "scope": "read"}, status=201)
    webhook = await account.call("POST", f"/v2/{account.id}/webhooks", body={"url": URL}, status=201)
    known = {
        "endpoint_id": endpoint["id"], "event_id": event["id"], "delivery_id": delivery["id"],
        "member_id": member["id"], "key_id": key["id"], "account": account.id, "webhook": webhook["data"]["id"],
        "source": "host", "id": "home-7",
    }  # fmt: skip
    return "[parameters]\n" + "".join(f'"path.{name}" = {json.dumps(value)}\n' for name, value in known.items())
