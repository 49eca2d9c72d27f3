"""What a delivery costs Temporal: how often it writes to its own store, by its own count."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from bench import metrics
from tests.receiver import Mailbox
from tests.running import Account, House, free_port, running

WRITES = (metrics.UPDATE, metrics.CREATE)


@pytest_asyncio.fixture
async def own_house(request: pytest.FixtureRequest, tmp_path: Path, trusting: dict[str, str]) -> AsyncIterator[House]:
    """A Zonehook of the test's own in the lane that it asks for, with Temporal's metrics."""
    own = {"ZONEHOOK_FAST_LANE": request.param, "ZONEHOOK_TEMPORAL_METRICS_PORT": str(free_port())}
    async with running(tmp_path, trusting | own) as house:
        yield house


@pytest.mark.parametrize(
    ("own_house", "to_one", "to_each_of_ten"),
    [pytest.param("0", 9.0, 7.3, id="default lane"), pytest.param("1", 4.0, 0.8, id="fast lane")],
    indirect=["own_house"],
)
async def test_few_writes_for_each_delivery(
    own_house: House, mailbox: Mailbox, to_one: float, to_each_of_ten: float
) -> None:
    """Delivered at the first attempt, deliveries cost no more writes of workflow executions than promised: of twenty
    events to one endpoint each, and of four to ten.
    """
    account = own_house.account()
    for type_ in ("zone.create", *["domain.create"] * 10):
        await account.register(mailbox.url, events=[type_])
    page = f"http://127.0.0.1:{own_house.environment['ZONEHOOK_TEMPORAL_METRICS_PORT']}/metrics"

    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        alone = await _fewest_writes(client, page, account, "zone.create", events=20, fan_out=1, promised=to_one)
        together = await _fewest_writes(
            client, page, account, "domain.create", events=4, fan_out=10, promised=to_each_of_ten
        )

    assert 1 <= alone <= to_one
    assert 0 < together <= to_each_of_ten


async def _fewest_writes(
    client: httpx.AsyncClient, page: str, account: Account, type_: str, events: int, fan_out: int, promised: float
) -> float:
    """Counted until they are as few as promised, five times at most: on a busy machine an attempt may be a slow one,
    and the next to that endpoint takes the dearer way.
    """
    found = []
    for _ in range(5):
        found.append(await _writes_each(client, page, account, type_, events, fan_out))
        if found[-1] <= promised:
            break
    return min(found)


async def _writes_each(
    client: httpx.AsyncClient, page: str, account: Account, type_: str, events: int, fan_out: int
) -> float:
    """How often Temporal writes for one delivery of such an event, published one after another; the first is not
    counted, which opens the connections.
    """
    await _publish(account, type_, 1, fan_out)
    before = await metrics.quiet(client, page)
    await _publish(account, type_, events, fan_out)
    after = await metrics.quiet(client, page)
    return sum(after[kind] - before[kind] for kind in WRITES) / (events * fan_out)


async def _publish(account: Account, type_: str, events: int, fan_out: int) -> None:
    for _ in range(events):
        event = await account.publish(type_)
        await account.settled(event["id"], fan_out, statuses=("delivered",))
