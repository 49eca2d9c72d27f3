"""What is no call is refused in the same shape: unknown paths, and methods that a path does not take."""

import pytest

from tests.api import shapes
from tests.running import Account

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
PATHS = {
    "/v1/events": {"GET", "POST"},
    "/v1/events/evt_00000000000000000000000000": {"GET", "PATCH"},
    "/v1/events/evt_00000000000000000000000000/cancel": {"POST"},
    "/v1/event-types": {"GET", "POST"},
    "/v1/event-types/domain.create": {"GET", "PATCH", "DELETE"},
    "/v1/webhook-endpoints": {"GET", "POST"},
    "/v1/webhook-endpoints/ep_00000000000000000000000000": {"GET", "PATCH", "DELETE"},
    "/v1/webhook-endpoints/ep_00000000000000000000000000/disable": {"POST"},
    "/v1/webhook-endpoints/ep_00000000000000000000000000/rotate-secret": {"POST"},
    "/v1/webhook-endpoints/ep_00000000000000000000000000/reveal-secret": {"POST"},
    "/v1/webhook-endpoints/ep_00000000000000000000000000/health": {"GET"},
    "/v1/webhook-deliveries": {"GET"},
    "/v1/webhook-deliveries/dlv_00000000000000000000000000": {"GET"},
    "/v1/webhook-deliveries/dlv_00000000000000000000000000/attempts": {"GET"},
    "/v1/webhook-deliveries/dlv_00000000000000000000000000/replay": {"POST"},
    "/v1/webhook-deliveries/dlv_00000000000000000000000000/retry-now": {"POST"},
    "/v1/webhook-deliveries/dlv_00000000000000000000000000/cancel": {"POST"},
    "/v1/webhook-endpoints/ep_00000000000000000000000000/recover": {"POST"},
    "/v1/recoveries": {"GET"},
    "/v1/recoveries/rcv_00000000000000000000000000": {"GET"},
    "/v1/recoveries/rcv_00000000000000000000000000/pause": {"POST"},
    "/healthz": {"GET"},
    "/readyz": {"GET"},
    "/metrics": {"GET"},
    "/ips": {"GET"},
}


@pytest.mark.rows("ALL-09")
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/nothing",
        "/v1/1/webhooks",
        "/v1/webhook-endpoints/x/y/z",
        "/v3/events",
        "/v1/events/",
        "/%ff",
        "/%00",
        "/v1/events%0d%0aX-Injected:1",
        "/.zonehook/credentials.json",
    ],
)
async def test_an_unknown_path(account: Account, path: str) -> None:
    """A path that leads nowhere is a 404 in the error shape, whatever the method."""
    for method in METHODS:
        assert shapes.refusal(await account.client.request(method, path), 404)["code"] == "not_found"


@pytest.mark.rows("ALL-09")
@pytest.mark.parametrize("path", PATHS, ids=[path.replace("0" * 26, "…") for path in PATHS])
async def test_a_wrong_method(account: Account, path: str) -> None:
    """A method that a path does not take is a 405 in the error shape that says which it does."""
    for method in METHODS - PATHS[path]:
        answer = await account.client.request(method, path)

        assert shapes.refusal(answer, 405)["code"] == "method_not_allowed"
        assert {each.strip() for each in answer.headers["allow"].split(",")} == PATHS[path]
