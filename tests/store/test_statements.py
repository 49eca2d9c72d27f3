"""What a delivery costs the database: few statements, in fewer transactions."""

import pytest
from prometheus_client import REGISTRY

from tests.store import given
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.registry import Registry


async def _deliver(fanout: Fanout, ledger: Ledger, account_id: int) -> None:
    """An event to everybody who listens, confirmed by all at the first attempt."""
    for order in (await fanout.open(given.event(account_id))).orders:
        await ledger.record(order, await ledger.duty(order), given.sent(1, 200))


def _counted() -> tuple[float, float]:
    """Statements and transactions so far, in this process."""
    of_kinds = [_count("statements", kind=kind) for kind in ("read", "write")]
    return sum(of_kinds), _count("transactions")


def _count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"zonehook_database_{name}_total", labels) or 0.0


@pytest.mark.parametrize(("endpoints", "statements", "transactions"), [(1, 6, 2), (10, 33, 11)])
async def test_few_statements_for_each_delivery(
    registry: Registry,
    fanout: Fanout,
    ledger: Ledger,
    account_id: int,
    endpoints: int,
    statements: int,
    transactions: int,
) -> None:
    """A delivery to one endpoint takes six statements in two transactions; ten deliveries of an event take 33 in 11."""
    for _ in range(endpoints):
        await given.endpoint(registry, account_id)
    before = _counted()

    await _deliver(fanout, ledger, account_id)

    made = [after - earlier for after, earlier in zip(_counted(), before, strict=True)]
    assert made[0] <= statements
    assert made[1] <= transactions
    assert all(made)
