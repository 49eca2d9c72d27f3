"""Facts in a Zonehook of its own, killed between a fact and its events."""

import asyncio
from collections import Counter
from pathlib import Path

from tests.acceptance.telling import listed_events
from tests.running import House, running

_EACH = 25


async def _tell(house: House, numbers: range) -> None:
    """Hosts that are created and call, side by side: three events each."""
    account = house.account()
    for name, fact in (("created", {"host": "home.example.net"}), ("updated", {"ipv4": "192.0.2.1"})):
        paths = [f"/v1/signals/host/h{number}/{name}" for number in numbers]
        await asyncio.gather(*(account.call("POST", path, body=fact, status=202) for path in paths))


async def test_killed_between_a_fact_and_its_events(tmp_path: Path, trusting: dict[str, str]) -> None:
    """Facts that got their 202 while no worker was there, and facts whose worker is killed -9 at once, lead to all
    their events, and to none twice.
    """
    async with running(tmp_path, trusting | {"ZONEHOOK_EMBEDDED_WORKER": "0"}) as house:
        await _tell(house, range(_EACH))
        await house.kill()
        await house.start(ZONEHOOK_EMBEDDED_WORKER="1")
        await _tell(house, range(_EACH, 2 * _EACH))
        await house.kill()
        await house.start(ZONEHOOK_EMBEDDED_WORKER="1")

        found = await listed_events(house.account(), 6 * _EACH)

    told = Counter((each["subject"], each["type"]) for each in found)
    types = ("host.created", "host.ip_updated", "host.status_changed")
    assert told == {(f"h{number}", type_): 1 for number in range(2 * _EACH) for type_ in types}
