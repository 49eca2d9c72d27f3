"""A failed attempt has one name, wherever somebody looks for it."""

import re
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.acceptance import steering
from tests.net.answers import resetting, silent
from tests.net.listeners import certified, listening
from tests.receiver import Mailbox
from tests.running import House, free_port, running

_LOGGED = re.compile(r"INFO activities\.delivering: attempt 1 of (dlv_\w+) to \S+: (\w+)")
_COUNTED = re.compile(r'zonehook_attempts_total\{dialect="standard",outcome="(\w+)"\} 1\.0')


@pytest.mark.rows("CD-28")
async def test_a_failure_has_the_same_name_everywhere(
    tmp_path: Path, trusting: dict[str, str], authority: trustme.CA, mailbox: Mailbox
) -> None:
    """The word that the API has for an attempt's error is the log's, the metrics' and, in its sentence, Temporal's; a
    status is its code in the API, `status 503` for Temporal and `status_503` in the others.
    """
    mailbox.refuse(1)
    good, foreign = certified(authority, "127.0.0.1"), certified(trustme.CA(), "127.0.0.1")
    async with (
        listening(silent, foreign) as untrusted,
        listening(resetting, good) as reset,
        running(tmp_path, trusting | {"ZONEHOOK_LOG_LEVEL": "INFO"}) as house,
    ):
        urls = {
            "status_503": mailbox.url,
            "connection_refused": f"https://127.0.0.1:{free_port()}/",
            "connection_reset": reset.url(),
            "tls_certificate_untrusted": untrusted.url(),
            "dns_failure": "https://hooks.invalid/",
        }
        ids, attempts = await _failed_once(house, urls)
        told = {name: await _told(house, each) for name, each in ids.items()}
        counted = _COUNTED.findall((await house.operator().client.get("/metrics")).text)
        _, printed = await house.stop()

    for name, attempt in attempts.items():
        of_a_status = name == "status_503"
        assert (attempt["status_code"], attempt["error"]) == ((503, None) if of_a_status else (None, name))
        answer = "status 503" if of_a_status else f"no answer ({name})"
        assert f" got {answer};" in told[name]
    assert sorted(counted) == sorted(urls)
    assert dict(_LOGGED.findall(printed)) == {each: name for name, each in ids.items()}


async def _failed_once(house: House, urls: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """A delivery to each URL, and what the API says of its first attempt."""
    account = house.account()
    endpoints = {(await account.register(url))["id"]: name for name, url in urls.items()}
    event = await account.publish()
    found = await account.settled(event["id"], len(urls), ("retrying",))
    ids = {endpoints[each["endpoint_id"]]: each["id"] for each in found}
    attempts = {name: (await account.attempts(delivery_id))[0] for name, delivery_id in ids.items()}
    return ids, attempts


async def _told(house: House, delivery_id: str) -> str:
    """The last failure of the delivery's pending activity, as the Temporal UI shows it."""
    await steering.backed_off(house, delivery_id)
    handle = (await steering.temporal_of(house)).get_workflow_handle(f"delivery/{delivery_id}")
    [pending] = (await handle.describe()).raw_description.pending_activities
    return pending.last_failure.message
