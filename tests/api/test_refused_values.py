"""URLs, headers, event types and times that cannot be are refused by their field, when made and when changed."""

from typing import Any

import pytest

from tests.api import shapes
from tests.running import Account

ENDPOINTS = "/v1/webhook-endpoints"
URL = "https://127.0.0.1:9/"
PLAIN = ["http://8.8.8.8/", "http://[2606:4700:4700::1111]/", "http://example.com/", "HTTP://8.8.8.8/"]
PRIVATE = [
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://192.168.1.1./",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[::]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[2002:a00:1::]/",
    "https://[::1%25lo]/",
    "http://10.0.0.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://127.1/",
    "https://0177.0.0.1/",
]
INVALID = [
    "",
    "hooks.example.com",
    "//hooks.example.com/",
    "https://",
    "https:///hooks",
    "https:hooks.example.com",
    "ftp://hooks.example.com/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://user:password@hooks.example.com/",
    "https://user@hooks.example.com/",
    "https://hooks.example.com/#part",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:port/",
    "https://hooks.example.com:-1/",
    "https://hooks.example.com/a b",
    " https://hooks.example.com/",
    "https://hooks.example.com/\n",
    "https://hooks.example.com\r\nX-Injected: 1",
    "https://hooks.example.com\\@10.0.0.1/",
    "https://bücher.example/",
    "https://hooks..example.com/",
    "https://-hooks.example.com/",
    "https://hooks_.example.com/",
    "https://" + "x" * 64 + ".example.com/",
    "https://[::1/",
    "https://[hooks.example.com]/",
    "https://[v1.hooks]/",
    "https://hooks.example.com/" + "x" * 2048,
]
HEADERS: list[tuple[str, Any]] = [
    ("", "x"),
    ("X Token", "x"),
    ("X-Token:", "x"),
    ("X-Tokén", "x"),
    ("X\r\nX-Injected", "x"),
    ("X-Token", "x\r\nX-Injected: 1"),
    ("X-Token", "x\nX-Injected: 1"),
    ("X-Token", "x\r"),
    ("X-Token", "\t"),
    ("X-Token", "\x7f"),
    ("X-Token", "é"),
    ("X-Token", "x" * 1001),
    ("X" * 101, "x"),
    ("X-Token", 1),
    ("X-Token", None),
    ("X-Token", ["x"]),
    ("Host", "x"),
    ("Content-Length", "1"),
    ("content-type", "text/plain"),
    ("Transfer-Encoding", "chunked"),
    ("Connection", "close"),
    ("User-Agent", "x"),
    ("Webhook-Signature", "v1,x"),
    ("webhook-id", "x"),
    ("WEBHOOK-TIMESTAMP", "1"),
    ("Proxy-Authorization", "x"),
]
TYPES = [
    "",
    "domain",
    ".create",
    "domain.",
    "domain..create",
    "Domain.create",
    "domain.Create",
    "domain.create:",
    "domain.create:a:b",
    "domain:a.create",
    "domain create",
    " domain.create",
    "domain.create\n",
    "domain-name.create",
    "domain.créate",
    "*",
    "*.create",
    "domain.create*",
    "domain.*:started",
    f"a.{'b' * 99}",
]
TIMES = [
    "",
    "yesterday",
    "2026-07-02",
    "2026-07-02T12:00:00",
    "2026-07-02 12:00",
    "2026-02-30T12:00:00Z",
    "2026-07-02T25:00:00Z",
    "2026-07-02T12:00:00+99:00",
    "1751457600",
    "12:00:00Z",
]


def _name(value: Any) -> str:
    return repr(value)[1:60].rstrip("'")


@pytest.mark.rows("CD-04", "CAP-25", "NOV-14", "NOV-15")
@pytest.mark.parametrize("url", PLAIN, ids=_name)
async def test_plain_http(account: Account, url: str) -> None:
    """A public address by plain http is refused, at registration and at every later change."""
    await _refused_when_made_and_changed(account, "url", {"url": url})


@pytest.mark.rows("NOV-13", "ALL-06")
@pytest.mark.parametrize("url", PRIVATE, ids=_name)
async def test_a_private_address(account: Account, url: str) -> None:
    """An address that is not public is refused however it is written, at registration and at every later change."""
    await _refused_when_made_and_changed(account, "url", {"url": url})


@pytest.mark.parametrize("url", INVALID, ids=_name)
async def test_an_invalid_url(account: Account, url: str) -> None:
    """What is no URL, or one with parts that are never sent, is refused."""
    await _refused_when_made_and_changed(account, "url", {"url": url})


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1]:9/",
        "http://[::1]:9/",
        "http://127.0.0.1:9/",
        "https://localhost:9/",
        "http://localhost:9/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://hooks.example.com",
        "https://hooks.example.com:8443/a/b;c?d=e&f=%20",
        "https://xn--bcher-kva.example/",
        "https://hooks.example.com/" + "x" * (2048 - 26),
    ],
    ids=_name,
)
async def test_a_good_url(account: Account, url: str) -> None:
    """Public https, and by the embedded default's allow-list loopback with or without TLS, is taken as it is."""
    made = await account.register(url)
    changed = await account.call("PATCH", f"{ENDPOINTS}/{made['id']}", body={"url": url}, status=200)

    assert made["url"] == changed["url"] == url


async def test_the_code_of_a_refused_url(account: Account) -> None:
    """A refused URL has the contract's own code, so that a program can tell."""
    for url in (PLAIN[0], PRIVATE[0], INVALID[0]):
        answer = await account.client.post(ENDPOINTS, json={"url": url})
        assert shapes.refusal(answer, 400, "url")["code"] == "invalid_url"


@pytest.mark.parametrize(("name", "value"), HEADERS, ids=_name)
async def test_a_bad_header(account: Account, name: str, value: Any) -> None:
    """A header that is none, that smuggles another in, or that is Zonehook's own to set is refused by its name."""
    await _refused_when_made_and_changed(account, f"headers.{name}", {"headers": {"X-Good": "x", name: value}})


async def test_too_many(account: Account) -> None:
    """More than 20 headers or 100 event types are refused; so many are taken."""
    types, headers = [f"a.b{n}" for n in range(101)], {f"X-{n}": "x" for n in range(21)}

    await _refused_when_made_and_changed(account, "events", {"events": types})
    await _refused_when_made_and_changed(account, "headers", {"headers": headers})
    most = await account.register(URL, events=types[1:], headers=dict(list(headers.items())[1:]))
    assert most["events"] == types[1:]


@pytest.mark.parametrize("type_", TYPES, ids=_name)
async def test_an_invalid_type(account: Account, type_: str) -> None:
    """What is no `object.action` can be neither published nor subscribed to, and the entry that is wrong is named."""
    answer = await account.client.post("/v1/events", json={"type": type_, "data": {}})

    shapes.refusal(answer, 400, "type")
    await _refused_when_made_and_changed(account, "events.1", {"events": ["domain.*", type_]})


async def test_a_wildcard_is_no_type(account: Account) -> None:
    """`domain.*` can be subscribed to and not published."""
    shapes.refusal(await account.client.post("/v1/events", json={"type": "domain.*", "data": {}}), 400, "type")


@pytest.mark.parametrize("value", TIMES, ids=_name)
async def test_a_bad_time(account: Account, value: str) -> None:
    """A time of occurrence without a time zone, or that is none, is refused."""
    body = {"type": "domain.create", "data": {}, "occurred_at": value}

    shapes.refusal(await account.client.post("/v1/events", json=body), 400, "occurred_at")


@pytest.mark.parametrize(
    ("name", "value"), [("description", "x" * 501), ("dialect", "nosuch"), ("dialect", "Standard")], ids=_name
)
async def test_other_values(account: Account, name: str, value: str) -> None:
    """A description that is too long and a dialect that there is not are refused."""
    shapes.refusal(await account.client.post(ENDPOINTS, json={"url": URL, name: value}), 400, name)


async def _refused_when_made_and_changed(account: Account, field: str, wanted: dict[str, Any]) -> None:
    made = await account.register(URL)
    listed = await account.call("GET", ENDPOINTS, status=200)

    shapes.refusal(await account.client.post(ENDPOINTS, json={"url": URL} | wanted), 400, field)
    shapes.refusal(await account.client.patch(f"{ENDPOINTS}/{made['id']}", json=wanted), 400, field)

    assert await account.call("GET", ENDPOINTS, status=200) == listed
