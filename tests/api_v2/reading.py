"""How v2's answers are read: the object of a webhook, and refusals in the vendor's shape."""

import re
from typing import Any

import httpx

from tests.running import Account

URL = "https://8.8.8.8/hooks"  # an address needs no look-up
_COUNTERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def webhook(value: Any) -> Any:
    """It has exactly the documented keys, each of its kind."""
    assert list(value) == ["id", "url", "suppressed_at"]
    assert type(value["id"]) is int
    assert type(value["url"]) is str
    assert value["suppressed_at"] is None or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value["suppressed_at"])
    return value


def counted(answer: httpx.Response) -> httpx.Response:
    """It carries the three counters of the rate limit, as whole numbers."""
    for name in _COUNTERS:
        assert answer.headers[name].isdigit(), name
    return answer


def data(answer: httpx.Response, status: int = 200) -> Any:
    """What is in the envelope of a good answer."""
    assert answer.status_code == status, answer.text
    assert counted(answer).headers["content-type"] == "application/json"
    assert list(answer.json()) == ["data"]
    return answer.json()["data"]


def refusal(answer: httpx.Response, status: int) -> tuple[str, Any]:
    """Message and errors (None: there are none) of a refusal in v2's shape."""
    assert answer.status_code == status, answer.text
    assert counted(answer).headers["content-type"] == "application/json"
    told = answer.json()
    assert set(told) in ({"message"}, {"message", "errors"})
    assert type(told["message"]) is str
    return told["message"], told.get("errors")


async def create(account: Account, url: str = URL) -> Any:
    answer = await account.client.post(f"/v2/{account.id}/webhooks", json={"url": url})
    return webhook(data(answer, 201))
