"""A system that is ready is not stopped again and again to look for garbage among what it has loaded."""

import gc
import re
from collections.abc import Iterator

import pytest

import worker
from tests.receiver import Mailbox
from tests.running import Account

_EVENTS = 60
_YOUNGEST = re.compile(r'^python_gc_collections_total\{generation="0"\} (\S+)$', re.MULTILINE)


@pytest.fixture
def collector() -> Iterator[None]:
    """This process's garbage collector, left as it was."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_is_loaded_is_not_looked_through_again(collector: None) -> None:
    """The garbage collector leaves alone what was there when the process was ready, and sees what comes later."""
    earlier: list[str] = []
    worker.settle()
    later: list[str] = []

    assert not _is_looked_at(earlier)
    assert _is_looked_at(later)


async def test_deliveries_seldom_stop_for_the_collector(account: Account, mailbox: Mailbox) -> None:
    """A running system collects garbage once in many events, not with every other one."""
    await account.register(mailbox.url)
    before = await _collections(account)

    for _ in range(_EVENTS):
        await account.publish()
    await mailbox.wait_for(_EVENTS)

    assert await _collections(account) - before < _EVENTS / 5


def _is_looked_at(thing: object) -> bool:
    return any(each is thing for each in gc.get_objects())


async def _collections(account: Account) -> float:
    found = _YOUNGEST.search((await account.client.get("/metrics")).text)
    assert found is not None
    return float(found[1])
