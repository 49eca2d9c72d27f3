"""The exact shapes of the contract's answers: which keys there are, and what each may hold."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx

Fits = Callable[[Any], bool]


def _matching(pattern: str) -> Fits:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _one_of(*words: str) -> Fits:
    return lambda value: value in words


def _or_null(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def _id(prefix: str) -> Fits:
    return _matching(prefix + "_[0-9a-z]{26}")


def text(value: Any) -> bool:
    return isinstance(value, str)


def count(value: Any) -> bool:
    return type(value) is int and value >= 0  # True is an int too


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


time = _matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

ENDPOINT: Mapping[str, Fits] = {
    "id": _id("ep"),
    "url": text,
    "events": _texts,
    "description": _or_null(text),
    "dialect": text,
    "status": _one_of("enabled", "disabled", "suppressed"),
    "disabled_at": _or_null(time),
    "suppressed_at": _or_null(time),
    "consecutive_failures": count,
    "created_at": time,
    "updated_at": time,
}
ACCEPTED: Mapping[str, Fits] = {
    "id": _id("evt"),
    "type": text,
    "accepted_at": time,
    "duplicate": lambda value: isinstance(value, bool),
}
EVENT: Mapping[str, Fits] = {
    "id": _id("evt"),
    "type": text,
    "data": _object,
    "subject": _or_null(text),
    "actor": _or_null(_object),
    "occurred_at": _or_null(time),
    "accepted_at": time,
    "deliver_at": _or_null(time),
    "status": _one_of("accepted", "scheduled", "published", "cancelled"),
    "reason": _or_null(text),
}
WHOLE_EVENT: Mapping[str, Fits] = {
    **EVENT,
    "outcome": _one_of("pending", "delivered", "failed", "cancelled", "none"),
    "deliveries": lambda value: isinstance(value, list),
}
EVENT_TYPE: Mapping[str, Fits] = {"name": text, "description": _or_null(text), "sample": _or_null(_object)}
DELIVERY: Mapping[str, Fits] = {
    "id": _id("dlv"),
    "event_id": _id("evt"),
    "endpoint_id": _id("ep"),
    "type": text,
    "test": lambda value: isinstance(value, bool),
    "status": _one_of("pending", "retrying", "delivered", "failed", "cancelled", "skipped"),
    "reason": _or_null(text),
    "attempts": count,
    "next_retry_at": _or_null(time),
    "last_status_code": _or_null(count),
    "created_at": time,
    "completed_at": _or_null(time),
}
ATTEMPT: Mapping[str, Fits] = {
    "id": _id("att"),
    "number": count,
    "trigger": _one_of("schedule", "manual", "replay"),
    "started_at": time,
    "duration_ms": count,
    "status_code": _or_null(count),
    "error": _or_null(text),
    "response_excerpt": _or_null(text),
}
ACCOUNT: Mapping[str, Fits] = {
    "id": count,
    "name": text,
    "dialect": text,
    "plan": _one_of("starter", "pro", "business", "enterprise", "unlimited"),
    "created_at": time,
}
MEMBER: Mapping[str, Fits] = {
    "id": _id("mem"),
    "email": _matching("[^@]+@[^@]+"),
    "role": _one_of("owner", "admin", "member"),
    "created_at": time,
}
API_KEY: Mapping[str, Fits] = {
    "id": _id("key"),
    "name": text,
    "scope": _one_of("manage", "read", "publish"),
    "member_id": _or_null(_id("mem")),
    "created_at": time,
    "expires_at": _or_null(time),
    "previous_until": _or_null(time),
}
ENTRY: Mapping[str, Fits] = {
    "id": _id("aud"),
    "action": _matching(r"[a-z_]+\.[a-z_]+"),
    "object_id": text,
    "key_id": _or_null(_id("key")),
    "email": _or_null(text),
    "address": _or_null(text),
    "created_at": time,
}


RECOVERY: Mapping[str, Fits] = {
    "id": _id("rcv"),
    "endpoint_id": _id("ep"),
    "status": _one_of("running", "paused", "completed", "cancelled"),
    "reason": _or_null(text),
    "since": time,
    "until": time,
    "statuses": _texts,
    "total": count,
    "done": count,
    "failed": count,
    "failures": lambda value: isinstance(value, list),
    "created_at": time,
    "completed_at": _or_null(time),
}
HEALTH: Mapping[str, Fits] = {
    "status": _one_of("enabled", "disabled", "suppressed"),
    "consecutive_failures": count,
    "last_success_at": _or_null(time),
    "last_failure_at": _or_null(time),
    "last_error": _or_null(text),
    "attempts_24h": count,
    "success_rate_24h": _or_null(lambda value: type(value) is float and 0 <= value <= 1),
    "p50_ms": _or_null(count),
    "p95_ms": _or_null(count),
}


def check(value: Any, shape: Mapping[str, Fits]) -> None:
    """Exactly these keys, and each holds what it may."""
    assert set(value) == set(shape), set(value) ^ set(shape)
    wrong = {name: value[name] for name, fits in shape.items() if not fits(value[name])}
    assert not wrong, wrong


def refusal(answer: httpx.Response, status: int, field: str | None = None) -> Any:
    """The answer's error, which has the contract's shape exactly; `field` is the first one it blames."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    check(error, {"code": _matching("[a-z_]+"), "message": text, "details": lambda value: isinstance(value, list)})
    assert error["message"]
    for detail in error["details"]:
        check(detail, {"field": text, "message": text})
    if field is not None:
        assert [detail["field"] for detail in error["details"]][:1] == [field], error
    return error
