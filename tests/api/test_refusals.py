"""Whatever a caller sends, what cannot be accepted is refused in one shape, named, and leaves nothing behind."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api import shapes
from tests.running import Account, House

LIMIT = 256 * 1024
URL = '"https://127.0.0.1:9/"'

# Each call that reads a body: method, path, a body that is accepted (field by field, as JSON text), its status
PUBLISH = ("POST", "/v1/events", {"type": '"domain.create"', "data": "{}"}, 202)
REGISTER = ("POST", "/v1/webhook-endpoints", {"url": URL, "events": "[]"}, 201)
CHANGE = ("PATCH", "/v1/webhook-endpoints/{}", {"url": URL}, 200)
OPEN = ("POST", "/v1/accounts", {"name": '"x"'}, 201)
Call = tuple[str, str, Mapping[str, str], int]
CALLS = [
    pytest.param(PUBLISH, id="publish"),
    pytest.param(REGISTER, id="register"),
    pytest.param(CHANGE, id="change"),
    pytest.param(OPEN, id="open an account"),
]
FIELDS = [
    pytest.param(call, field, id=f"{name} {field}")
    for name, call, fields in (
        ("publish", PUBLISH, ("type", "data", "id", "subject", "actor", "occurred_at")),
        ("register", REGISTER, ("url", "events", "description", "dialect", "secret", "headers")),
        ("change", CHANGE, ("url", "events", "description", "headers")),
        ("open", OPEN, ("name", "dialect")),
    )
    for field in fields
]
NO_OBJECTS = {
    "empty": b"",
    "white space": b" \r\n",
    "an array": b"[]",
    "null": b"null",
    "a string": b'"{}"',
    "a number": b"1",
    "cut off": b'{"url":',
    "two documents": b"{}{}",
    "single quotes": b"{'url':'x'}",
    "a comma too many": b'{"url":"x",}',
    "a comment": b"{}//",
    "a number as a name": b"{1:1}",
    "invalid UTF-8": b'{"\xff":1}',
    "UTF-16": "{}".encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a form": b"url=x&events=",
    "100,000 levels": b"[" * 100_000 + b"]" * 100_000,
    "5,000 digits": b"9" * 5000,
}
# What no field of any call may hold
SPOILED = {
    "number": "1",
    "boolean": "true",
    "list of numbers": "[1]",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "5,000 digits": "9" * 5000,
    "5,000 digits after the point": "0." + "9" * 5000,
    "1e400": "1e400",
    "600 levels": "[" * 600 + "]" * 600,
    "100,000 levels": "[" * 100_000 + "]" * 100_000,
    "NUL": '"a\\u0000b"',
    "line break": '"a\nb"',
    "lone surrogate": '"\\ud800"',
    "lone surrogate in a name": '{"\\udc00":1}',
    "3,000 characters": '"' + "x" * 3000 + '"',
}


Send = Callable[[Call, bytes | AsyncIterator[bytes]], Awaitable[httpx.Response]]


@pytest_asyncio.fixture
async def send(house: House, account: Account) -> AsyncIterator[Send]:
    """Makes a call with this body in an account with one endpoint; a refusal leaves everything as it was."""
    endpoint = await account.register("https://127.0.0.1:9/")
    operator = house.operator()
    before = await _everything(account)
    answers = []

    async def send(call: Call, body: bytes | AsyncIterator[bytes]) -> httpx.Response:
        client = operator.client if call == OPEN else account.client
        headers = {"Content-Type": "application/json", "Connection": "close"}
        answers.append(await client.request(call[0], call[1].format(endpoint["id"]), content=body, headers=headers))
        return answers[-1]

    yield send
    if all(answer.is_error for answer in answers):
        assert await _everything(account) == before


@pytest.mark.rows("ALL-09")
@pytest.mark.parametrize("call", CALLS)
async def test_no_json_object(send: Send, call: Call) -> None:
    """A body that is no JSON object is a 400 that says so."""
    for body in NO_OBJECTS.values():
        error = shapes.refusal(await send(call, body), 400)
        assert "body" in error["message"]


@pytest.mark.rows("ALL-09")
@pytest.mark.parametrize(("call", "field"), FIELDS)
async def test_a_spoiled_field(send: Send, call: Call, field: str) -> None:
    """No field takes another type, NUL, a lone surrogate, what is no JSON number, or more than it can hold."""
    answers = {name: await send(call, _body(call, **{field: value})) for name, value in SPOILED.items()}

    assert [name for name, answer in answers.items() if answer.status_code != 400] == []
    for answer in answers.values():
        shapes.refusal(answer, 400)


@pytest.mark.rows("ALL-09")
@pytest.mark.parametrize("name", ["x", "URL", "typ", "a.b", "é", "\\u0000", "__proto__", ""])
async def test_an_unknown_field(send: Send, name: str) -> None:
    """A field that the call does not know is refused by its name, whatever it holds."""
    for call in (PUBLISH, REGISTER, CHANGE, OPEN):
        for value in ("null", "1", "{}", '"x"'):
            answer = await send(call, _body(call, **{name: value}))
            shapes.refusal(answer, 400, name.replace("\\u0000", "\0"))


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(PUBLISH, "type", id="publish type"),
        pytest.param(PUBLISH, "data", id="publish data"),
        pytest.param(REGISTER, "url", id="register url"),
        pytest.param(OPEN, "name", id="open name"),
    ],
)
async def test_a_missing_field(send: Send, call: Call, field: str) -> None:
    """A field that a call cannot do without is named when it is missing."""
    method, path, fields, status = call
    rest = {name: value for name, value in fields.items() if name != field}

    shapes.refusal(await send(call, _body((method, path, rest, status))), 400, field)


async def test_every_wrong_field_is_named(account: Account) -> None:
    """An answer names all fields that are wrong, not the first alone."""
    answer = await account.client.post("/v1/webhook-endpoints", json={"events": "x", "headers": 1, "nonsense": None})

    error = shapes.refusal(answer, 400)
    assert {detail["field"] for detail in error["details"]} == {"url", "events", "headers", "nonsense"}


@pytest.mark.parametrize("call", CALLS)
async def test_at_the_limit(send: Send, call: Call) -> None:
    """A body of exactly 256 KiB is read."""
    answer = await send(call, _body(call).ljust(LIMIT))

    assert answer.status_code == call[3], answer.text


@pytest.mark.parametrize("size", [LIMIT + 1, 4 * LIMIT])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["sized", "chunked"])
@pytest.mark.parametrize("call", CALLS)
async def test_beyond_the_limit(send: Send, call: Call, is_chunked: bool, size: int) -> None:
    """A larger body is a 413 that the caller gets to read, whether it announces its size or not."""
    whole = _body(call).ljust(size)

    shapes.refusal(await send(call, _chunks(whole) if is_chunked else whole), 413)


async def test_far_beyond_the_limit(send: Send) -> None:
    """Even a body of 8 MiB gets its 413."""
    shapes.refusal(await send(PUBLISH, b" " * 32 * LIMIT), 413)


@pytest.mark.parametrize("field", ["data", "actor"])
async def test_too_deep(send: Send, field: str) -> None:
    """An object that nests deeper than 500 levels is refused, and no other field is blamed for it."""
    for depth in (501, 600, *range(900, 1000, 5), 20_000):
        nested = '{"a":' * depth + "1" + "}" * depth
        error = shapes.refusal(await send(PUBLISH, _body(PUBLISH, **{field: nested})), 400)
        assert "500" in error["message"]
        assert {detail["field"] for detail in error["details"]} <= {field}


@pytest.mark.parametrize("field", ["data", "actor"])
async def test_deep_enough(send: Send, field: str) -> None:
    """500 levels are accepted."""
    nested = '{"a":' * 500 + "1" + "}" * 500

    assert (await send(PUBLISH, _body(PUBLISH, **{field: nested}))).status_code == 202


async def _chunks(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), 4096):
        yield whole[start : start + 4096]


def _body(call: Call, **more: str) -> bytes:
    fields = (f'"{name}":{value}' for name, value in {**call[2], **more}.items())
    return f"{{{','.join(fields)}}}".encode()


async def _everything(account: Account) -> list[Any]:
    paths = ("/v1/webhook-endpoints", "/v1/events", "/v1/webhook-deliveries")
    return [await account.call("GET", path, status=200) for path in paths]
