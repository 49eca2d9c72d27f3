"""`/openapi.json` tells of v2 what v2 does."""

from typing import Any

from tests.running import Account

REFUSALS = {"401", "403", "429", "503"}
CALLS = {
    "get /v2/whoami": {"200"},
    "get /v2/accounts": {"200"},
    "get /v2/{account}/webhooks": {"200", "400", "404"},
    "post /v2/{account}/webhooks": {"201", "400", "402", "404", "413"},
    "get /v2/{account}/webhook/{webhook}": {"200", "404"},
    "get /v2/{account}/webhooks/{webhook}": {"200", "404"},
    "delete /v2/{account}/webhooks/{webhook}": {"204", "404"},
}


async def test_every_call_of_v2(account: Account) -> None:
    """Each call is described with its answers and nothing else, refusals in v2's shape, numbers as integers."""
    document = await account.call("GET", "/openapi.json", status=200)
    described: dict[str, Any] = {
        f"{method} {path}": call
        for path, calls in document["paths"].items()
        if path.startswith("/v2/")
        for method, call in calls.items()
    }

    assert {name: set(call["responses"]) for name, call in described.items()} == {
        name: answers | REFUSALS for name, answers in CALLS.items()
    }
    for call in described.values():
        assert call["responses"]["401"]["content"]["application/json"]["schema"]["$ref"].endswith("/Refusal")
        for parameter in call.get("parameters", []):
            assert parameter["in"] == "query" or parameter["schema"]["type"] == "integer"
    body = described["post /v2/{account}/webhooks"]["requestBody"]["content"]["application/json"]["schema"]
    assert (body["required"], list(body["properties"])) == (["url"], ["url"])
