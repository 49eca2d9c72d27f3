"""The API describes itself: `/openapi.json` whole and true, `/docs` without the internet."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import pytest_asyncio

from tests.api import shapes
from tests.running import Account

REFUSALS = {"401", "403", "429", "503"}  # what any call with a key may meet; and 400 where something may be wrong
CALLS = {
    "POST /v1/webhook-endpoints": {"201", "402", "413"},
    "GET /v1/webhook-endpoints": {"200"},
    "GET /v1/webhook-endpoints/{}": {"200", "404"},
    "PATCH /v1/webhook-endpoints/{}": {"200", "404", "413"},
    "DELETE /v1/webhook-endpoints/{}": {"204", "404"},
    "POST /v1/webhook-endpoints/{}/disable": {"200", "404"},
    "POST /v1/webhook-endpoints/{}/enable": {"200", "404"},
    "POST /v1/webhook-endpoints/{}/clear-suppression": {"200", "404"},
    "POST /v1/webhook-endpoints/{}/test": {"202", "404", "409", "413"},
    "POST /v1/webhook-endpoints/{}/rotate-secret": {"200", "404"},
    "POST /v1/webhook-endpoints/{}/reveal-secret": {"200", "404", "409"},
    "GET /v1/webhook-endpoints/{}/health": {"200", "404"},
    "POST /v1/events": {"202", "409", "413"},
    "POST /v1/signals/{}/{}/{}": {"202", "404", "413"},
    "POST /v1/events/batch": {"202", "409", "413"},
    "GET /v1/events": {"200"},
    "GET /v1/events/{}": {"200", "404"},
    "PATCH /v1/events/{}": {"200", "404", "409", "413"},
    "POST /v1/events/{}/cancel": {"200", "404", "409"},
    "GET /v1/event-types": {"200"},
    "POST /v1/event-types": {"201", "409", "413"},
    "GET /v1/event-types/{}": {"200", "404"},
    "PATCH /v1/event-types/{}": {"200", "404", "409", "413"},
    "DELETE /v1/event-types/{}": {"204", "404", "409"},
    "GET /v1/webhook-deliveries": {"200"},
    "GET /v1/webhook-deliveries/{}": {"200", "404"},
    "GET /v1/webhook-deliveries/{}/attempts": {"200", "404"},
    "POST /v1/webhook-deliveries/{}/replay": {"202", "404", "409"},
    "POST /v1/webhook-deliveries/{}/retry-now": {"202", "404", "409"},
    "POST /v1/webhook-deliveries/{}/cancel": {"202", "404", "409"},
    "POST /v1/webhook-endpoints/{}/recover": {"202", "404", "409", "413"},
    "GET /v1/recoveries": {"200"},
    "GET /v1/recoveries/{}": {"200", "404"},
    "POST /v1/recoveries/{}/pause": {"202", "404", "409"},
    "POST /v1/recoveries/{}/resume": {"202", "404", "409"},
    "POST /v1/recoveries/{}/cancel": {"202", "404", "409"},
    "POST /v1/accounts": {"201", "413"},
    "GET /v1/accounts": {"200"},
    "GET /v1/accounts/{}": {"200", "404"},
    "PATCH /v1/accounts/{}": {"200", "404", "413"},
    "GET /v1/account": {"200"},
    "POST /v1/members": {"201", "409", "413"},
    "GET /v1/members": {"200"},
    "PATCH /v1/members/{}": {"200", "404", "409", "413"},
    "DELETE /v1/members/{}": {"204", "404", "409"},
    "POST /v1/api-keys": {"201", "413"},
    "GET /v1/api-keys": {"200"},
    "POST /v1/api-keys/{}/rotate": {"200", "404", "409", "413"},
    "DELETE /v1/api-keys/{}": {"204", "404"},
    "GET /v1/audit-log": {"200"},
    "POST /public/v1/resolve": {"200", "413"},
}
WITH_A_BODY = {
    "POST /v1/webhook-endpoints": {"url", "events", "description", "dialect", "secret", "headers"},
    "PATCH /v1/webhook-endpoints/{}": {"url", "events", "description", "headers"},
    "POST /v1/webhook-endpoints/{}/recover": {"since", "until", "statuses"},
    "POST /v1/event-types": {"name", "description", "sample", "schema"},
    "PATCH /v1/event-types/{}": {"description", "sample", "schema"},
    "POST /v1/events": {"type", "data", "id", "subject", "actor", "occurred_at", "deliver_at"},
    "POST /v1/events/batch": {"events"},
    "PATCH /v1/events/{}": {"deliver_at"},
    "POST /v1/accounts": {"name", "dialect", "plan", "owner_email"},
    "PATCH /v1/accounts/{}": {"name", "plan"},
    "POST /v1/members": {"email", "role"},
    "PATCH /v1/members/{}": {"role"},
    "POST /v1/api-keys": {"name", "scope", "member_id", "expires_at"},
    "POST /public/v1/resolve": {"domain"},
}
ANSWERS: dict[str, Mapping[str, Any]] = {
    "GET /v1/webhook-endpoints/{} 200": shapes.ENDPOINT,
    "PATCH /v1/webhook-endpoints/{} 200": shapes.ENDPOINT,
    "GET /v1/webhook-endpoints/{}/health 200": shapes.HEALTH,
    "POST /v1/webhook-endpoints/{}/reveal-secret 200": {"signing_secret": shapes.text},
    "POST /v1/webhook-endpoints 201": {**shapes.ENDPOINT, "signing_secret": shapes.text},
    "POST /v1/events 202": shapes.ACCEPTED,
    "POST /v1/signals/{}/{}/{} 202": {
        "source": shapes.text,
        "id": shapes.text,
        "signal": shapes.text,
        "accepted_at": shapes.time,
    },
    "POST /v1/events/batch 202": {"data": shapes.text},
    "GET /v1/events/{} 200": shapes.WHOLE_EVENT,
    "PATCH /v1/events/{} 200": shapes.WHOLE_EVENT,
    "POST /v1/events/{}/cancel 200": shapes.WHOLE_EVENT,
    "POST /v1/event-types 201": {**shapes.EVENT_TYPE, "schema": shapes.text},
    "GET /v1/event-types/{} 200": {**shapes.EVENT_TYPE, "schema": shapes.text},
    "PATCH /v1/event-types/{} 200": {**shapes.EVENT_TYPE, "schema": shapes.text},
    "GET /v1/event-types 200": {"data": shapes.text, "zonehook": shapes.text},
    "GET /v1/webhook-deliveries/{} 200": {**shapes.DELIVERY, "request": shapes.text},
    "POST /v1/webhook-deliveries/{}/replay 202": shapes.DELIVERY,
    "POST /v1/webhook-deliveries/{}/retry-now 202": shapes.DELIVERY,
    "POST /v1/webhook-deliveries/{}/cancel 202": shapes.DELIVERY,
    "POST /v1/webhook-endpoints/{}/recover 202": shapes.RECOVERY,
    "GET /v1/recoveries/{} 200": shapes.RECOVERY,
    "GET /v1/recoveries 200": {"data": shapes.text, "next_cursor": shapes.text},
    "GET /v1/webhook-deliveries 200": {"data": shapes.text, "next_cursor": shapes.text},
    "GET /v1/account 200": shapes.ACCOUNT,
    "POST /v1/accounts 201": {**shapes.ACCOUNT, "api_key": shapes.text},
    "POST /v1/members 201": shapes.MEMBER,
    "POST /v1/api-keys 201": {**shapes.API_KEY, "key": shapes.text},
    "POST /v1/api-keys/{}/rotate 200": {**shapes.API_KEY, "key": shapes.text},
    "GET /v1/events/{} 404": {"error": shapes.text},
    "POST /public/v1/resolve 200": {"domain": shapes.text, "resolves": shapes.text},
}


class Described:
    """What `/openapi.json` says, by call: `GET /v1/events/{}`."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.calls: dict[str, Any] = {
            f"{method.upper()} {re.sub('{[^}]*}', '{}', path)}": call
            for path, calls in document["paths"].items()
            for method, call in calls.items()
        }

    def schema(self, content: Any) -> Any:
        """The schema of a JSON body, with its reference followed."""
        schema = content["content"]["application/json"]["schema"]
        return self.followed(schema["$ref"]) if "$ref" in schema else schema

    def followed(self, reference: str) -> Any:
        """What a reference leads to. Raises KeyError when that is nowhere."""
        found = self.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found


@pytest_asyncio.fixture
async def described(account: Account) -> Described:
    return Described(await account.call("GET", "/openapi.json", status=200))


async def test_every_call_and_its_answers(described: Described) -> None:
    """Each call is described in a sentence, with its good answer, its refusals, and that it needs a key."""
    for name, answers in CALLS.items():
        told = described.calls[name]
        assert set(told["responses"]) - {"400"} == answers | REFUSALS, name
        assert ("400" in told["responses"]) == _may_be_wrong(told), name
        assert told["summary"]
        assert told["description"].endswith(".")
        assert told["security"] == [{"HTTPBearer": []}]


async def test_no_call_answers_422(described: Described) -> None:
    """Bad input is a 400 and never a 422, so none is described."""
    assert [name for name, call in described.calls.items() if "422" in call["responses"]] == []


async def test_nothing_else(described: Described) -> None:
    """No other call is described than those there are (v2's: tests/api_v2)."""
    of_v1 = {call for call in described.calls if " /v2/" not in call}
    assert of_v1 - {"GET /healthz", "GET /readyz", "GET /metrics", "GET /ips"} == set(CALLS)


async def test_the_answers_are_told_as_they_are(described: Described) -> None:
    """The fields that are described are the fields that come, for bodies and answers."""
    for name, fields in WITH_A_BODY.items():
        body = described.calls[name]["requestBody"]
        assert body["required"] is True
        assert set(described.schema(body)["properties"]) == fields
    for name, shape in ANSWERS.items():
        call, _, status = name.rpartition(" ")
        assert set(described.schema(described.calls[call]["responses"][status])["properties"]) == set(shape)


async def test_every_reference_leads_somewhere(described: Described) -> None:
    """A program that generates a client finds every schema that is referred to."""
    references = set(_references(described.document))

    assert references
    for reference in references:
        assert described.followed(reference)


async def test_docs_work_offline(account: Account) -> None:
    """`/docs` loads everything it needs from Zonehook itself."""
    page = await account.client.get("/docs")
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']|url:\s*['"]([^'"]+)['"]""", page.text)
    paths = [attribute or script for attribute, script in loaded]

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "//" not in page.text.partition("<body>")[0].replace("<!DOCTYPE", "")
    assert "/openapi.json" in paths
    assert len(paths) >= 3
    for path in paths:
        assert urljoin("/docs", path).startswith("/")
        assert not path.startswith(("//", "http"))
        assert (await account.client.get(path)).status_code == 200


def _may_be_wrong(call: Any) -> bool:
    """Whether it takes more than ids."""
    taken = {each["name"] for each in call.get("parameters", ())} & {"limit", "name", "wait", "idempotency-key"}
    return "requestBody" in call or bool(taken)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)
