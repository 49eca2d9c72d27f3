"""A running Zonehook keeps nothing of what receivers pour into it."""

import asyncio
import gzip
import itertools
import resource
from pathlib import Path

import pytest

from tests.conftest import FAST
from tests.net.answers import OK, flooding, saying
from tests.net.listeners import Answer, Listener, listening
from tests.running import Account, House, running

_MEGABYTE = 1 << 20
_BOMB = gzip.compress(b"\0" * (20 * _MEGABYTE))
_HOSTILE: tuple[Answer, ...] = (
    flooding(OK + b"\r\n", b"x" * 1000),
    flooding(OK, b"x: y\r\n"),
    saying(OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(_BOMB), _BOMB),
    saying(OK + b"content-length: 4000\r\n\r\n" + b"\xff\xfe\xc3\x28" * 1000),
)
_ENDPOINTS = 10
_ALLOWED = 32 * _MEGABYTE  # measured: 9 to 14


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell a process's memory")
@pytest.mark.rows("ALL-08")
async def test_memory_stays_flat_in_a_running_house(tmp_path: Path, trusting: dict[str, str]) -> None:
    """Three hundred endless bodies, header floods, gzip bombs and invalid texts leave no more behind than a few
    megabytes in a process that had eighty before.
    """
    turn = itertools.cycle(_HOSTILE)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await next(turn)(writer)

    settings = trusting | FAST | {"ZONEHOOK_WORKFLOW_SANDBOX": "0"}
    async with listening(answer) as mean, running(tmp_path, settings) as house:
        account = house.account()
        for number in range(_ENDPOINTS):
            await account.register(f"{mean.url(scheme='http')}/{number}")
        await _answered(account, mean, 80)
        before = _resident(house)
        await _answered(account, mean, 380)
        grown = _resident(house) - before
    assert grown < _ALLOWED


async def _answered(account: Account, mean: Listener, count: int) -> None:
    """Returns when so many answers were given, and all that was published is over."""
    while len(mean.heads) < count:
        events = [(await account.publish())["id"] for _ in range(6)]
        for event in events:
            await account.settled(event, _ENDPOINTS)


def _resident(house: House) -> int:
    """The bytes of memory that the process has."""
    return int(Path(f"/proc/{house.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()
