"""`GET /v1/webhook-endpoints/{id}/health` in exactly the shape of the contract."""

from tests.api import shapes
from tests.receiver import Mailbox
from tests.running import Account


async def test_health(account: Account, mailbox: Mailbox) -> None:
    """After a failure and a success it tells of both, in the contract's shape; before them, of nothing."""
    endpoint = await account.register(mailbox.url)
    path = f"/v1/webhook-endpoints/{endpoint['id']}/health"
    before = await account.call("GET", path, status=200)
    mailbox.refuse(1)
    event = await account.publish()
    await account.settled(event["id"])
    after = await account.call("GET", path, status=200)

    for each in (before, after):
        shapes.check(each, shapes.HEALTH)
    assert (before["attempts_24h"], before["success_rate_24h"], before["last_error"]) == (0, None, None)
    assert (after["status"], after["consecutive_failures"], after["attempts_24h"]) == ("enabled", 0, 2)
    assert (after["success_rate_24h"], after["last_error"]) == (0.5, "status_503")
    assert after["last_success_at"] >= after["last_failure_at"]
    assert after["p50_ms"] <= after["p95_ms"]


async def test_who_is_suppressed(account: Account, mailbox: Mailbox) -> None:
    """Fifteen failures in a row show as the endpoint's status and count."""
    endpoint = await account.register(mailbox.url)
    mailbox.refuse(20)
    events = [await account.publish() for _ in range(2)]
    for event in events:
        await account.settled(event["id"])
    found = await account.call("GET", f"/v1/webhook-endpoints/{endpoint['id']}/health", status=200)
    assert (found["status"], found["success_rate_24h"]) == ("suppressed", 0.0)
    assert found["consecutive_failures"] == found["attempts_24h"] >= 15
