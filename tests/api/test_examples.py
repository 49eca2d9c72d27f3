"""Everything in `/openapi.json` has an example, and what the examples show is what comes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest_asyncio

from api import examples
from tests.acceptance import recovering
from tests.api.test_roles import Company
from tests.receiver import Receiver
from tests.running import Account, House

BODILESS = {"204"}
LONGEST_SUMMARY = 90
OPERATORS = "/v1/accounts"
ENDPOINTS = "/v1/webhook-endpoints"
ENDPOINT = ENDPOINTS + "/{endpoint_id}"
RECOVERY = "/v1/recoveries/{recovery_id}"
FREE = {"headers", "sample", "schema"}  # objects that hold what their writer likes
TOO_LONG = b" " * (256 * 1024 + 1)


@dataclass(frozen=True)
class Place:
    """A body or an answer of a call, with the examples it has and the schema they are of."""

    name: str
    status: str | None
    content: dict[str, Any]

    @property
    def examples(self) -> list[Any]:
        named = [each["value"] for each in self.content.get("examples", {}).values()]
        return named or ([self.content["example"]] if "example" in self.content else [])


@pytest_asyncio.fixture
async def document(account: Account) -> Any:
    return await account.call("GET", "/openapi.json", status=200)


def _calls(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            yield method.upper(), path, call


def _places(document: Any) -> Iterator[Place]:
    for method, path, call in _calls(document):
        name = f"{method} {path}"
        for content in call.get("requestBody", {}).get("content", {}).values():
            yield Place(name, None, content)
        for status, answer in call["responses"].items():
            if status not in BODILESS:
                [content] = answer.get("content", {}).values() or [{}]
                yield Place(name, status, content)


async def test_everything_has_an_example(document: Any) -> None:
    """No body, answer or refusal of any call is without an example; where a shape has none, `example` gives it one."""
    lacking = [f"{place.name} {place.status or 'body'}" for place in _places(document) if not place.examples]

    assert lacking == []
    assert len(list(_places(document))) > 200


async def test_every_example_fits_its_schema(document: Any) -> None:
    """A program that reads schemas finds each example right: a field that comes new to a shape needs one, too."""
    wrong = []
    for place in _places(document):
        schema = place.content.get("schema")
        if schema is None:  # text
            continue
        validator = jsonschema.Draft202012Validator(schema | {"components": document["components"]})
        for example in place.examples:
            wrong += [f"{place.name} {place.status}: {each.message}" for each in validator.iter_errors(example)]

    assert wrong == []


async def test_every_call_is_told_in_a_line(document: Any) -> None:
    """Each call has a line that says what it does, and the description goes on from there."""
    for method, path, call in _calls(document):
        assert call["description"].startswith(call["summary"]), path
        assert 0 < len(call["summary"]) <= LONGEST_SUMMARY, (method, path)


async def test_codes_are_named_by_what_they_are(document: Any) -> None:
    """Where a status has several refusals, each is listed under its code."""
    named = [
        (name, each["value"]["error"]["code"])
        for place in _places(document)
        for name, each in place.content.get("examples", {}).items()
    ]

    assert len(named) > 10
    assert all(name == code for name, code in named)


async def test_bodies_are_accepted_and_answered_as_shown(house: House, document: Any, receiver: Receiver) -> None:
    """Each call takes its example as the body, and answers with exactly the fields that are shown of its answer."""
    company = Company(await house.new_account(), {}, receiver)
    there = await company.fresh("{event_id} {member_id} {key_id} {name} {recovery_id}")
    await company.owner.call("PATCH", f"/v1/members/{there['member_id']}", body={"role": "admin"}, status=200)
    lists_last = sorted(_calls(document), key=lambda each: (each[1], each[0] != "POST"))
    for method, path, call in lists_last:
        sender = house.operator() if path.startswith(OPERATORS) else company.owner
        made = await company.fresh(f"{method} {path}")
        body = _body(call) and {
            field: there[field] if field.endswith("_id") else value for field, value in _body(call).items()
        }

        answer = await sender.client.request(method, path.format(**made), json=body)

        shown = call["responses"][str(answer.status_code)]
        if answer.status_code == 409:  # nothing waits any more that could be retried or cancelled
            assert answer.json()["error"]["code"] in _content(shown)["examples"], path
            continue
        assert answer.is_success, (method, path, answer.text)
        # Where deliveries come from is the operator's to say, and here nobody has
        if answer.status_code != 204 and "application/json" in shown["content"] and path != "/ips":
            assert _fields(answer.json()) == _fields(_content(shown)["example"]), (method, path)


async def test_keys_that_open_nothing(house: House, document: Any) -> None:
    """Every call that needs a key answers an unknown one with the 401 that is shown, word for word."""
    stranger = house.with_key("zhk_" + "A" * 43)
    for method, path, call in _calls(document):
        if "security" in call:
            answer = await stranger.client.request(method, _url(path, 1))
            assert (answer.status_code, answer.json()) == (401, _shown(call, 401)), (method, path)


async def test_what_is_not_there(house: House, account: Account, document: Any) -> None:
    """Every call answers the ids of the examples, which nobody has here, with the 404 that is shown."""
    for method, path, call in _calls(document):
        if "404" in call["responses"] and not path.startswith(OPERATORS):
            url = _url(path, account.id if "{webhook}" in path else 1, signal="moved")
            answer = await account.client.request(method, url, json=_body(call))
            assert (answer.status_code, answer.json()) == (404, _shown(call, 404)), (method, path)


async def test_what_is_wrong(house: House, account: Account, document: Any) -> None:
    """Every call answers the wrong value of its example with the 400 that is shown, word for word."""
    for method, path, call in _calls(document):
        if "400" in call["responses"]:
            sender = house.operator() if path.startswith(OPERATORS) else account
            url, wrong = _url(path, account.id), {} if "/v2/" in path else {**(_body(call) or {}), "colour": "red"}
            if "requestBody" in call:
                answer = await sender.client.request(method, url, json=wrong)
            else:
                url = url.replace("server.moved", "x" * 201)
                answer = await sender.client.request(method, url, params={"limit": 201, "sort": "name", "wait": 31})
            assert (answer.status_code, answer.json()) == (400, _shown(call, 400)), (method, path)


async def test_what_is_too_long(house: House, account: Account, document: Any) -> None:
    """Every call that reads a body answers one of more than 256 KiB with the 413 that is shown, and no other has it."""
    for method, path, call in _calls(document):
        assert ("413" in call["responses"]) == ("requestBody" in call), (method, path)
        if "requestBody" in call:
            sender = house.operator() if path.startswith(OPERATORS) else account
            answer = await sender.client.request(method, _url(path, account.id), content=TOO_LONG)
            assert (answer.status_code, answer.json()) == (413, _shown(call, 413)), (method, path)


async def test_keys_that_may_not(house: House, account: Account, document: Any) -> None:
    """Every call refuses a key of the scope that its 403 speaks of, word for word."""
    keys = {}
    for scope in ("read", "publish"):
        made = await account.call("POST", "/v1/api-keys", body={"name": scope, "scope": scope}, status=201)
        keys[scope] = house.with_key(made["key"])
    for method, path, call in _calls(document):
        if "security" in call:
            sender = keys["publish" if "publish" in str(_shown(call, 403)) else "read"]
            answer = await sender.client.request(method, _url(path, account.id), json=_body(call))
            assert (answer.status_code, answer.json()) == (403, _shown(call, 403)), (method, path)


async def test_what_stands_against_it(house: House, document: Any) -> None:
    """A plan that is full and the conflicts that are quickly come by are answered with what is shown, word for word."""
    by_operator = {"name": "small", "plan": "starter", "owner_email": "grace@example.com"}
    opened = await house.operator().call("POST", OPERATORS, body=by_operator, status=201)
    account = house.with_key(opened["api_key"], opened["id"])
    vendors = await house.new_account("dnsimple")
    silent = await account.register(examples.URL, dialect="captaindns", events=["api_key.revoked"], secret="x" * 16)
    [owner] = (await account.call("GET", "/v1/members", status=200))["data"]
    endpoint = f"{ENDPOINTS}/{silent['id']}"
    new_type, person = {"name": "server.moved"}, {"email": examples.PERSON, "role": "admin"}
    event = {"type": examples.TYPE, "data": {}, "id": "order-1842"}
    for path, body in (("/v1/event-types", new_type), ("/v1/members", person), ("/v1/events", event)):
        await account.client.post(path, json=body)
    for _ in range(2):
        await account.register(examples.URL)

    answers = [
        ("POST", "/v1/events", await account.client.post("/v1/events", json=event | {"data": {"n": 1}})),
        ("POST", "/v1/event-types", await account.client.post("/v1/event-types", json=new_type)),
        ("POST", "/v1/event-types", await vendors.client.post("/v1/event-types", json=new_type)),
        ("POST", "/v1/members", await account.client.post("/v1/members", json=person)),
        ("DELETE", "/v1/members/{member_id}", await account.client.delete(f"/v1/members/{owner['id']}")),
        (
            "POST",
            f"{ENDPOINT}/reveal-secret",
            await account.client.post(f"{endpoint}/reveal-secret"),
        ),
        (
            "POST",
            ENDPOINTS,
            await account.client.post(ENDPOINTS, json={"url": examples.URL}),
        ),
    ]
    recovery = await recovering.completed(account, await recovering.start(account, silent))
    answers.append(("POST", f"{RECOVERY}/pause", await account.client.post(f"/v1/recoveries/{recovery['id']}/pause")))
    await account.call("POST", f"{endpoint}/disable", status=200)
    for verb, wanted in (("test", None), ("recover", {"since": recovering.LONG_AGO})):
        refused = await account.client.post(f"{endpoint}/{verb}", json=wanted)
        answers.append(("POST", f"{ENDPOINT}/{verb}", refused))

    for method, path, answer in answers:
        shown = document["paths"][path][method.lower()]["responses"][str(answer.status_code)]
        assert answer.json() in Place(path, str(answer.status_code), _content(shown)).examples, answer.text


def _content(shown: Any) -> Any:
    return shown["content"]["application/json"]


def _shown(call: Any, status: int) -> Any:
    return _content(call["responses"][str(status)])["example"]


def _body(call: Any) -> Any:
    """The example of what it reads; None where it reads nothing."""
    return _content(call["requestBody"])["example"] if "requestBody" in call else None


def _url(path: str, account_id: int, signal: str = "created") -> str:
    """The path with the ids of the examples."""
    return path.format(
        account=account_id, account_id=account_id, endpoint_id=examples.ENDPOINT, event_id=examples.EVENT,
        delivery_id=examples.DELIVERY, recovery_id=examples.RECOVERY,
        member_id=examples.MEMBER, key_id=examples.KEY, webhook=examples.WEBHOOK,
        name="server.moved", source="host", id="home-7", signal=signal,
    )  # fmt: skip


def _fields(value: Any) -> Any:
    """Which fields there are, in objects and in the first items of lists."""
    if isinstance(value, list):
        return [_fields(each) for each in value[:1]]
    if not isinstance(value, dict):
        return None
    is_event = "accepted_at" in value
    return {
        name: None if name in FREE or (is_event and name == "data") else _fields(each) for name, each in value.items()
    }
