"""`/v1/event-types`: the vendors' catalogues as they are, and the types that a standard account registers itself."""

import asyncio
import json
from typing import Any

import pytest

from tests import samples
from tests.api import shapes
from tests.api.waiting import recorded
from tests.receiver import Mailbox
from tests.running import Account, House
from zonehook import dialects
from zonehook.catalogues import MAX_TYPES

TYPES = "/v1/event-types"
SCHEMA = {
    "type": "object",
    "required": ["host"],
    "additionalProperties": False,
    "properties": {
        "host": {"type": "string", "pattern": "^[a-z.]+$"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
}
SAMPLE = {"host": "a.example", "port": 443}
FULL = {"name": "server.moved", "description": "A server has moved.", "sample": SAMPLE, "schema": SCHEMA}
_TYPE_SHAPE = {**shapes.EVENT_TYPE, "schema": lambda value: value is None or isinstance(value, dict)}


async def _register(account: Account, **more: Any) -> Any:
    return await account.call("POST", TYPES, body={"name": "server.moved"} | more, status=201)


async def _refused(account: Account, body: Any, status: int = 400, method: str = "POST", path: str = TYPES) -> Any:
    return shapes.refusal(await account.client.request(method, path, json=body), status)


async def test_register_read_change_delete(account: Account) -> None:
    """A type is registered with all that belongs to it, listed without its schema, changed in part, and deleted."""
    made = await account.call("POST", TYPES, body=FULL, status=201)
    bare = await _register(account, name="server.lost")
    listed = await account.call("GET", TYPES, status=200)
    read = await account.call("GET", f"{TYPES}/server.moved", status=200)
    changed = await account.call("PATCH", f"{TYPES}/server.moved", body={"sample": {"host": "b"}}, status=200)
    emptied = {"description": None, "sample": None, "schema": None}
    await account.call("PATCH", f"{TYPES}/server.moved", body=emptied, status=200)
    after = await account.call("GET", f"{TYPES}/server.moved", status=200)
    await account.call("DELETE", f"{TYPES}/server.moved", status=204)
    left = await account.call("GET", TYPES, status=200)

    shapes.check(made, _TYPE_SHAPE)
    assert made == read == FULL
    assert bare == {"name": "server.lost"} | emptied
    assert listed["data"] == [{name: each[name] for name in shapes.EVENT_TYPE} for each in (bare, made)]
    assert changed == FULL | {"sample": {"host": "b"}}
    assert after == {"name": "server.moved"} | emptied
    assert [each["name"] for each in left["data"]] == ["server.lost"]
    assert (await account.client.get(f"{TYPES}/server.moved")).status_code == 404


async def test_a_sample_stays_as_it_was_written(account: Account) -> None:
    """The sample comes back byte for byte, spelling of numbers and spaces and all."""
    written = '{"n": 1.10,  "e": 1e2, "ü": "\\u00fc"}'
    answer = await account.client.post(TYPES, content='{"name": "a.b", "sample": ' + written + "}")
    listed = await account.client.get(TYPES)

    assert answer.status_code == 201
    assert written in answer.text
    assert written in listed.text


async def test_another_accounts_types_are_not_there(house: House, account: Account) -> None:
    """Nobody sees, changes, deletes or is bound by another account's types, and the same name is free for each."""
    stranger = await house.new_account()
    await _register(account, schema={"required": ["x"]})

    for method, body in (("GET", None), ("PATCH", {"description": "mine"}), ("DELETE", None)):
        shapes.refusal(await stranger.client.request(method, f"{TYPES}/server.moved", json=body), 404)
    await stranger.publish("server.moved", {})
    await _register(stranger, description="mine")

    assert (await account.call("GET", f"{TYPES}/server.moved", status=200))["description"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "Server Moved"}, "name"),
        ({"name": "a." + "b" * 100}, "name"),
        ({"name": "a.b", "descripton": "x"}, "descripton"),
        ({"name": "a.b", "description": "x" * 1001}, "description"),
        ({"name": "a.b", "sample": []}, "sample"),
        ({"name": "a.b", "sample": {"a": "x" * 16384}}, "sample"),
        ({"name": "a.b", "schema": True}, "schema"),
        ({"name": "a.b", "schema": {"type": "text"}}, "schema.type"),
        ({"name": "a.b", "schema": {"properties": {"a": {"required": "b"}}}}, "schema.properties.a.required"),
        ({"name": "a.b", "schema": {"enum": ["x" * 16384]}}, "schema"),
        ({"name": "a.b", "schema": {"$ref": "https://example.com/schema"}}, "schema.$ref"),
        ({"name": "a.b", "schema": {"properties": {"a": {"$ref": "file:///etc/passwd"}}}}, "schema.properties.a.$ref"),
        ({"name": "a.b", "schema": {"$ref": "#/$defs/none"}}, "schema.$ref"),
        ({"name": "a.b", "schema": {"$id": "https://example.com/schema"}}, "schema.$id"),
        ({"name": "a.b", "schema": {"pattern": "(a)\\1"}}, "schema.pattern"),
        ({"name": "a.b", "schema": {"patternProperties": {"(a+)+$": {}}}}, "schema.patternProperties"),
        ({"name": "a.b", "schema": SCHEMA, "sample": {"host": 7}}, "sample.host"),
        ({"name": "a.b", "schema": SCHEMA, "sample": {"port": 7}}, "sample.host"),
    ],
)
async def test_what_is_refused(account: Account, body: dict[str, Any], field: str) -> None:
    """What cannot be a type is refused with the field to blame, and nothing is stored."""
    error = await _refused(account, body)
    assert error["details"][0]["field"] == field
    assert (await account.call("GET", TYPES, status=200))["data"] == []


async def test_a_change_must_fit_what_stays(account: Account) -> None:
    """Neither a new schema that the sample does not fit is taken, nor a new sample, nor another name; all stays."""
    await account.call("POST", TYPES, body=FULL, status=201)
    path = f"{TYPES}/server.moved"

    schema = await _refused(account, {"schema": {"required": ["owner"]}}, method="PATCH", path=path)
    sample = await _refused(account, {"sample": {"host": "A"}}, method="PATCH", path=path)
    name = await _refused(account, {"name": "server.gone"}, method="PATCH", path=path)
    taken = await _refused(account, FULL, 409)

    fields = [each["details"][0]["field"] for each in (schema, sample, name)]
    assert fields == ["sample.owner", "sample.host", "name"]
    assert taken["code"] == "event_type_exists"
    assert await account.call("GET", path, status=200) == FULL


@pytest.mark.parametrize("dialect", ["dnsimple", "dnsimple-legacy", "connect-domain", "novadns", "captaindns"])
async def test_a_vendors_catalogue_is_closed(house: House, dialect: str) -> None:
    """An account of a vendor's dialect registers, changes and deletes no types and is told why; it reads each."""
    account = await house.new_account(dialect)
    before = await account.call("GET", TYPES, status=200)
    name = before["data"][0]["name"]

    refusals = [
        await _refused(account, FULL, 409),
        await _refused(account, {"description": "mine"}, 409, "PATCH", f"{TYPES}/{name}"),
        await _refused(account, None, 409, "DELETE", f"{TYPES}/{name}"),
    ]

    assert {each["code"] for each in refusals} == {"catalogue_closed"}
    assert {each["message"] for each in refusals} == {
        f"the event types of {dialect} are its vendor's and cannot be changed; accounts of dialect standard register "
        "their own"
    }
    assert await account.call("GET", f"{TYPES}/{name}", status=200) == before["data"][0] | {"schema": None}
    assert await account.call("GET", TYPES, status=200) == before


async def test_a_name_that_no_type_can_have(account: Account) -> None:
    """A path that is no type's name leads to nothing, whatever is in it."""
    for name in ("nothing", "a.b", "%00", "a.b%00", "A.B", "a" * 190):
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            shapes.refusal(await account.client.request(method, f"{TYPES}/{name}", json=body), 404)


async def test_so_many_and_no_more(account: Account) -> None:
    """One type beyond the limit is refused with what to do; when one is deleted there is room again."""
    for place in range(MAX_TYPES):
        await _register(account, name=f"a.t{place}")

    error = await _refused(account, {"name": "a.more"}, 409)
    await account.call("DELETE", f"{TYPES}/a.t7", status=204)
    await _register(account, name="a.more")

    assert error["code"] == "too_many_event_types"
    assert f"at most {MAX_TYPES} event types; delete one" in error["message"]
    assert len((await account.call("GET", TYPES, status=200))["data"]) == MAX_TYPES


async def test_an_event_that_does_not_fit(account: Account) -> None:
    """An event is refused with the path of each of its problems and a sentence, and is not there; one that fits is."""
    await account.call("POST", TYPES, body=FULL, status=201)
    wrong = {"port": "443", "tags": ["a", "c"], "owner": {"name": "secret"}}

    answer = await account.client.post("/v1/events", json={"type": "server.moved", "data": wrong, "id": "one"})
    fitting = await account.publish("server.moved", SAMPLE, id="one")

    error = shapes.refusal(answer, 400)
    assert error["code"] == "invalid_event"
    assert {each["field"]: each["message"] for each in error["details"]} == {
        "data.host": "this is required",
        "data.port": "send a whole number, not a string",
        "data.tags.1": 'send one of "a", "b"',
        "data.owner": "the schema of this type has no place for it; leave it out",
    }
    first = error["details"][0]
    assert error["message"] == f"{first['field']}: {first['message']}"
    assert "secret" not in answer.text
    assert fitting["duplicate"] is False


async def test_at_most_twenty_problems(account: Account) -> None:
    """Of an event with a hundred problems twenty are told."""
    await _register(account, schema={"additionalProperties": {"type": "string"}})
    body = {"type": "server.moved", "data": {f"m{place}": place for place in range(100)}}

    error = shapes.refusal(await account.client.post("/v1/events", json=body), 400)

    assert len({each["field"] for each in error["details"]}) == 20


async def test_what_is_not_registered_is_free(account: Account) -> None:
    """Beside registered types any other can be published, and a registered one without a schema with any data."""
    await account.call("POST", TYPES, body=FULL, status=201)
    await _register(account, name="server.lost")

    for type_ in ("server.found", "server.lost"):
        await account.publish(type_, {"host": 7})


async def test_a_change_holds_for_the_next_event(account: Account) -> None:
    """Each change of a schema is what the very next event is held against, and after the deletion none is."""
    await _register(account, schema={"required": ["a"]})
    path, body = f"{TYPES}/server.moved", {"type": "server.moved", "data": {"b": 1}}

    refused = [shapes.refusal(await account.client.post("/v1/events", json=body), 400)["details"]]
    for needed in ("c", "b", "d"):
        await account.call("PATCH", path, body={"schema": {"required": [needed]}}, status=200)
        answer = await account.client.post("/v1/events", json=body)
        refused.append([] if answer.status_code == 202 else shapes.refusal(answer, 400)["details"])
    await account.call("DELETE", path, status=204)
    await account.publish("server.moved", {})

    assert [[each["field"] for each in details] for details in refused] == [["data.a"], ["data.c"], [], ["data.d"]]


async def test_a_known_event_is_known_whatever_the_schema_is_now(account: Account) -> None:
    """An event that was accepted and comes again is a duplicate, although its type's schema would refuse it today."""
    first = await account.publish("server.moved", {}, id="one")
    await recorded(account, 1)
    await _register(account, schema={"required": ["host"]})

    again = await account.publish("server.moved", {}, id="one")

    assert (again["id"], again["duplicate"]) == (first["id"], True)


async def test_a_hostile_account_holds_nobody_up(house: House, account: Account) -> None:
    """While an account's events are held against a schema made to take for ever, another account's are, too, and are
    answered; the hostile ones are refused in the end.
    """
    hostile = await house.new_account()
    twice = {f"d{place}": {"allOf": [{"$ref": f"#/$defs/d{place + 1}"}] * 2} for place in range(60)}
    endless = {"$ref": "#/$defs/d0", "$defs": twice | {"d60": {"type": "object"}}}
    await hostile.call("POST", TYPES, body={"name": "a.b", "schema": endless}, status=201)
    await account.call("POST", TYPES, body=FULL, status=201)

    attacks = [
        asyncio.create_task(hostile.client.post("/v1/events", json={"type": "a.b", "data": {}})) for _ in range(8)
    ]
    for _ in range(3):
        await account.publish("server.moved", SAMPLE)
    under_way = [each for each in attacks if not each.done()]
    refused = [shapes.refusal(each, 400) for each in await asyncio.gather(*attacks)]

    assert under_way
    assert {each["details"][0]["field"] for each in refused} == {"data"}
    assert "is too much to hold against the schema" in refused[0]["message"]


async def test_a_reader_reads_and_a_stranger_does_not(account: Account) -> None:
    """Without a key there is no catalogue."""
    answer = await account.client.get(TYPES, headers={"Authorization": ""})
    assert answer.status_code == 401
    assert json.loads(answer.text)["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("dialect", dialects.NAMES)
async def test_zonehooks_own(house: House, mailbox: Mailbox, dialect: str) -> None:
    """Every account finds Zonehook's own types beside its dialect's, its endpoints subscribe to them and get their
    samples on demand; nobody publishes, registers or changes them.
    """
    account = await house.new_account(dialect)
    listed = await account.call("GET", TYPES, status=200)
    names = [each["name"] for each in listed["zonehook"]]
    for wanted in (names, ["endpoint.*"], ["delivery.*"]):
        await account.register(f"{mailbox.url}/others", dialect=dialect, events=wanted)
    first = await account.register(mailbox.url, dialect=dialect, events=["endpoint.*"])
    chosen = {"type": names[0]} if dialect.startswith("dnsimple") else None  # which get their vendor's all the same
    sent = await account.call("POST", f"/v1/webhook-endpoints/{first['id']}/test", body=chosen, status=202)
    [received] = await mailbox.wait_for(1)

    assert names == ["endpoint.suppressed", "endpoint.disabled", "endpoint.recovered", "delivery.exhausted"]
    assert not {*names} & {each["name"] for each in listed["data"]}
    for each in listed["zonehook"]:
        shapes.check(each, shapes.EVENT_TYPE)
        assert await account.call("GET", f"{TYPES}/{each['name']}", status=200) == each | {"schema": None}
        published = {"type": each["name"], "data": each["sample"]}
        error = await _refused(account, published, path="/v1/events")
        assert (error["code"], error["details"][0]["field"]) == ("invalid_event", "type")
        path = f"{TYPES}/{each['name']}"
        for refused in (
            await _refused(account, {"name": each["name"]}, 409),
            await _refused(account, {"description": "mine"}, 409, "PATCH", path),
            await _refused(account, None, 409, "DELETE", path),
        ):
            assert refused["code"] == "own_event_type"
    assert sent["type"] == "endpoint.suppressed"
    assert '"ep_' in received.body.decode()
    happened = (await account.call("GET", "/v1/events", status=200))["data"]
    assert {each["type"] for each in happened} - {"webhook.create"} == {sent["type"]}


@pytest.mark.parametrize("dialect", ["dnsimple", "dnsimple-legacy"])
async def test_beside_every_event_of_dnsimples(house: House, mailbox: Mailbox, dialect: str) -> None:
    """An endpoint without a filter may name Zonehook's own types, and gets its vendor's events all the same."""
    account = await house.new_account(dialect)
    body = {"url": mailbox.url, "events": ["endpoint.suppressed", "domain.create"]}
    refused = await _refused(account, body, path="/v1/webhook-endpoints")
    await account.register(mailbox.url, events=["endpoint.suppressed"])
    await account.publish(data=samples.event("dnsimple")["data"])
    [received] = await mailbox.wait_for(1)

    assert refused["details"][0]["field"] == "events"
    assert "domain.create" in received.body.decode()
