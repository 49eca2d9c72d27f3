"""Every failure on v2 has the vendor's shape, whoever raises it; v1 keeps its own."""

import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api import shapes
from tests.api_v2 import reading
from tests.api_v2.reading import URL, create
from tests.running import Account, House, running


@pytest.mark.rows("DN3-09")
@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer zhk_unknown", "Basic am86c2VjcmV0", "zhk_x", "Bearer \N{SNOWMAN}"]
)
async def test_without_a_known_token(account: Account, authorization: str | None) -> None:
    """No token, one that is not known, or another way to authenticate: 401 with the documented message."""
    headers = {} if authorization is None else {b"authorization": authorization.encode()}
    for method, path in (
        ("GET", "/v2/whoami"),
        ("GET", "/v2/accounts"),
        ("GET", f"/v2/{account.id}/webhooks"),
        ("POST", f"/v2/{account.id}/webhooks"),
        ("GET", f"/v2/{account.id}/webhooks/1"),
        ("DELETE", f"/v2/{account.id}/webhooks/1"),
        ("GET", f"/v2/{account.id}/webhooks?sort=wrong"),
        ("GET", "/v2/none/webhooks/none"),
    ):
        async with httpx.AsyncClient(base_url=account.client.base_url, trust_env=False) as client:
            answer = await client.request(method, path, headers=headers)
        assert reading.refusal(answer, 401) == ("Authentication failed", None)


async def test_a_key_that_may_not(house: House) -> None:
    """The operator's key belongs to no account: 403 in v2's shape."""
    answer = await house.operator().client.get("/v2/whoami")

    assert "operator" in reading.refusal(answer, 403)[0]


@pytest.mark.rows("DN3-01", "DN3-08")
async def test_what_is_not_there(account: Account) -> None:
    """An account that is no integer is a 404 in JSON, so is any other path of v2; v1 has no such webhooks at all."""
    for path in (
        "/v2/abc/webhooks",
        "/v2/1.0/webhooks",
        "/v2/-1/webhooks/1",
        f"/v2/{'9' * 40}/webhooks",
        "/v2/a/webhook/1",
    ):
        assert reading.refusal(await account.client.get(path), 404) == ("Not Found", None)
    for path in ("/v2", "/v2/", "/v2/domains", f"/v2/{account.id}/domains", f"/v2/{account.id}/webhooks/"):
        assert reading.refusal(await account.client.get(path), 404) == ("Not Found", None)
    for method in ("GET", "POST"):
        shapes.refusal(await account.client.request(method, f"/v1/{account.id}/webhooks"), 404)
    shapes.refusal(await account.client.get("/v20/webhooks"), 404)


@pytest.mark.rows("DN3-14", "DN3-15", "DN3-16")
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "can't be blank"),
        ({"url": None}, "can't be blank"),
        ({"url": ""}, "can't be blank"),
        ({"url": "  "}, "can't be blank"),
        ({"URL": URL}, "can't be blank"),
        ({"url": 7}, "must be a string"),
        ({"url": True}, "must be a string"),
        ({"url": {"url": URL}}, "must be a string"),
        ({"url": [URL]}, "must be a string"),
        ({"url": "http://8.8.8.8/hooks"}, None),
        ({"url": "https://10.0.0.1/hooks"}, None),
        ({"url": "https://user:secret@example.com/"}, None),
        ({"url": "nonsense"}, None),
        ({"url": "https://8.8.8.8/\0"}, None),
        ({"url": "https://8.8.8.8/" + "x" * 5000}, None),
    ],
)
async def test_a_url_that_cannot_be(account: Account, body: Any, told: str | None) -> None:
    """400 with `errors.url`, the vendor's sentence where it has one, and nothing is registered."""
    answer = await account.client.post(f"/v2/{account.id}/webhooks", json=body)

    message, errors = reading.refusal(answer, 400)
    assert message == "Validation failed"
    assert list(errors) == ["url"]
    [sentence] = errors["url"]
    assert sentence == told if told else len(sentence) > 10
    assert reading.data(await account.client.get(f"/v2/{account.id}/webhooks")) == []


@pytest.mark.rows("DN3-17")
@pytest.mark.parametrize(
    "raw", [b"{", b"nonsense", b'{"url": "https://8.8.8.8/",}', b"\xff\xfe", b"[]", b'"x"', b"null", b"7"]
)
async def test_malformed_json(account: Account, raw: bytes) -> None:
    """What is no JSON, or no object, is a 400 with a message and no field."""
    answer = await account.client.post(f"/v2/{account.id}/webhooks", content=raw)

    message, errors = reading.refusal(answer, 400)
    assert message
    assert errors is None


@pytest.mark.rows("DN3-14")
async def test_no_body_at_all(account: Account) -> None:
    """A POST without a body lacks the url."""
    answer = await account.client.post(f"/v2/{account.id}/webhooks")

    assert reading.refusal(answer, 400) == ("Validation failed", {"url": ["can't be blank"]})


async def test_too_large(account: Account) -> None:
    """More than 256 KiB are a 413 in v2's shape."""
    answer = await account.client.post(f"/v2/{account.id}/webhooks", content=b" " * (256 * 1024 + 1))

    assert "256 KiB" in reading.refusal(answer, 413)[0]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v2/whoami", "GET, HEAD, OPTIONS"),
        ("/v2/accounts", "GET, HEAD, OPTIONS"),
        ("/v2/{}/webhooks", "GET, HEAD, OPTIONS, POST"),
        ("/v2/{}/webhooks/1", "DELETE, GET, HEAD, OPTIONS"),
        ("/v2/{}/webhook/1", "GET, HEAD, OPTIONS"),
    ],
)
async def test_other_methods(account: Account, path: str, allowed: str) -> None:
    """405 without a body, saying what the path takes; OPTIONS asks for just that."""
    refused = await account.client.put(path.format(account.id), json={"url": URL})
    asked = await account.client.options(path.format(account.id))

    assert [answer.status_code for answer in (refused, asked)] == [405, 204]
    for answer in (refused, asked):
        assert reading.counted(answer).content == b""
        assert answer.headers["allow"] == allowed


async def test_head(account: Account) -> None:
    """HEAD answers as GET does, without the body."""
    made = await create(account)
    for path in ("/v2/whoami", f"/v2/{account.id}/webhooks", f"/v2/{account.id}/webhooks/{made['id']}"):
        whole, head = await account.client.get(path), await account.client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert reading.counted(head).headers["content-length"] == str(len(whole.content))
    assert (await account.client.head(f"/v2/{account.id}/webhooks/0")).status_code == 404


@pytest.mark.rows("DN3-10")
@pytest.mark.parametrize("accepted", ["application/json", "*/*", "text/html"])
async def test_answers_are_json(account: Account, accepted: str) -> None:
    """Good answers and refusals are JSON, with `Accept: application/json` as without."""
    headers = {"Accept": accepted, "Content-Type": "application/json"}

    assert reading.data(await account.client.get(f"/v2/{account.id}/webhooks", headers=headers)) == []
    reading.refusal(await account.client.get(f"/v2/{account.id}/webhooks/0", headers=headers), 404)


@pytest.mark.rows("DN3-32")
async def test_too_many_requests(tmp_path: Path, trusting: dict[str, str]) -> None:
    """Every answer counts down the same limit; beyond it v2 says `quota exceeded`, and v1 what v1 says."""
    async with running(tmp_path, trusting | {"ZONEHOOK_RATE_LIMIT": "5"}) as own_house:
        account = await own_house.new_account()
        made = await create(account)
        path = f"/v2/{account.id}/webhooks"
        answers = [
            await account.client.delete(f"{path}/{made['id']}"),
            await account.client.delete(f"{path}/{made['id']}"),
            await account.client.put(path),
            await account.client.post(path, content=b"{"),
        ]
        beyond, of_v1 = await account.client.get(path), await account.client.get("/v1/events")

    assert [answer.status_code for answer in answers] == [204, 404, 405, 400]
    assert [reading.counted(answer).headers["x-ratelimit-remaining"] for answer in answers] == ["3", "2", "1", "0"]
    assert reading.refusal(beyond, 429) == ("quota exceeded", None)
    assert 1 <= int(beyond.headers["retry-after"]) <= 60
    assert shapes.refusal(of_v1, 429)["code"] == "rate_limited"


async def test_when_we_fail_ourselves(tmp_path: Path, trusting: dict[str, str]) -> None:
    """With the database locked v2's answer is a 503 in its shape; with a row gone that is always there, a 500."""
    async with running(tmp_path, trusting) as own_house:
        account = own_house.account()
        await create(account)
        database = sqlite3.connect(tmp_path / "zonehook.db", isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        locked = await account.client.post(f"/v2/{account.id}/webhooks", json={"url": URL})
        database.execute("ROLLBACK")
        database.execute("DELETE FROM counters")
        broken = await account.client.post(f"/v2/{account.id}/webhooks", json={"url": URL})
        database.close()

    assert reading.refusal(locked, 503)[0]
    assert locked.headers["retry-after"]
    assert (broken.status_code, set(broken.json())) == (500, {"message"})


async def test_registering_needs_no_temporal(tmp_path: Path, trusting: dict[str, str]) -> None:
    """With Temporal not answering, webhooks are registered, listed and removed all the same."""
    async with running(tmp_path, trusting) as own_house:
        account = await own_house.new_account("dnsimple")
        temporal = int((tmp_path / "temporal.pid").read_text())
        os.kill(temporal, signal.SIGSTOP)
        try:
            made = await create(account)
            removed = await account.client.delete(f"/v2/{account.id}/webhooks/{made['id']}")
        finally:
            os.kill(temporal, signal.SIGCONT)

    assert removed.status_code == 204
