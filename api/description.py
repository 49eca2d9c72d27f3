"""`/openapi.json`: what FastAPI says of the calls, without what is not true here and with an example of everything.

A shape brings its own example (`zonehook.reading.example`); what is made of shapes, such as a page, is shown with
theirs, and a refusal as it would be answered. A call's first words are its summary.
"""

import json
import re
from typing import Any

from fastapi import FastAPI

from api import examples, refusals, v2
from zonehook import plans
from zonehook.errors import Detail

_SENTENCE_ENDS = re.compile(r"[.:;] |\.$")
_REFUSALS = {
    401: ("unauthorized", "this API key is not known"),
    402: ("webhook_quota_exceeded", plans.quota_sentence("starter", plans.FAIR_USE)),
    403: ("forbidden", "this key may only read"),
    413: ("too_large", "a request has at most 256 KiB"),
    429: ("rate_limited", "too many requests; try again in 12 seconds"),
    503: ("database_unavailable", "the database cannot be reached just now"),
}
_WRONG = {
    "limit": Detail("limit", "input should be less than or equal to 200"),
    "name": Detail("name", "string should have at most 200 characters"),
    "wait": Detail("wait", "input should be less than or equal to 30"),
    "sort": Detail("sort", "input should be 'id:asc' or 'id:desc'"),
}
_UNKNOWN_FIELD = Detail("colour", "this field is not known here; check its spelling or leave it out")
_BLANK = Detail("url", "can't be blank")
_MISSING = {
    "{endpoint_id}": f"there is no endpoint {examples.ENDPOINT} in this account",
    "{event_id}": f"there is no event {examples.EVENT} in this account",
    "{delivery_id}": f"there is no delivery {examples.DELIVERY} in this account",
    "{recovery_id}": f"there is no recovery {examples.RECOVERY} in this account",
    "{member_id}": f"there is no member {examples.MEMBER} in this account",
    "{key_id}": f"there is no API key {examples.KEY} in this account",
    "{signal}": "host has no signal moved; it has created, updated, deleted",
    "{name}": "there is no event type server.moved in this account's catalogue",
    "{account_id}": f"there is no account {examples.ACCOUNT}",
    "{webhook}": f"Webhook `{examples.WEBHOOK}` not found",
}


def install(app: FastAPI) -> None:
    """Describes `app`."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        is_new = app.openapi_schema is None
        document = described()
        if is_new:
            _complete(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    for shape in shapes.values():
        if "properties" in shape:
            shape["examples"] = [_example(shape, shapes)]
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            call["summary"] = _SENTENCE_ENDS.split(call["description"])[0]
            call["responses"].pop("422", None)  # FastAPI says so of every call that takes something; ours are 400
            _show_refusals(method, path, call)
            for body in (call.get("requestBody", {}), *call["responses"].values()):
                for content in body.get("content", {}).values():
                    if "example" not in content and "examples" not in content:
                        content["example"] = _example(content["schema"], shapes)


def _show_refusals(method: str, path: str, call: dict[str, Any]) -> None:
    """Each as it would be answered. No 400 of a call that takes nothing that could be wrong."""
    for status, answer in [*call["responses"].items()]:
        refused = _refusal(method, path, int(status), call)
        if refused is not None:
            answer["content"]["application/json"].setdefault("example", refused)
        elif status == "400":
            del call["responses"]["400"]


def _refusal(method: str, path: str, status: int, call: dict[str, Any]) -> Any:
    if status == 400 and (wrong := _wrong(path, call)):
        return _answered(path, 400, "invalid_request", f"{wrong.field}: {wrong.message}", (wrong,))
    if status == 404:
        return _answered(path, 404, "not_found", _missing(path))
    if status == 403 and path.startswith("/v1/accounts"):
        return _answered(path, 403, "forbidden", "this needs the operator's key")
    if status == 403 and (method == "get" or path.startswith("/public")):
        return _answered(path, 403, "forbidden", "this key may only publish events")
    return _answered(path, status, *_REFUSALS[status]) if status in _REFUSALS else None


def _answered(path: str, status: int, code: str, message: str, details: tuple[Detail, ...] = ()) -> Any:
    return json.loads(bytes(refusals.answer(path, status, code, message, details).body))


def _wrong(path: str, call: dict[str, Any]) -> Detail | None:
    """What a caller may get wrong."""
    if "requestBody" in call:
        return _BLANK if v2.is_at(path) else _UNKNOWN_FIELD
    return next((_WRONG[each["name"]] for each in call.get("parameters", ()) if each["name"] in _WRONG), None)


def _missing(path: str) -> str:
    return next((message for name, message in _MISSING.items() if name in path), v2.refusals.NOT_FOUND)


def _example(schema: dict[str, Any], shapes: dict[str, Any]) -> Any:
    """The schema's own, and what is required beside that from the schemas of the fields; null where they have none."""
    if "$ref" in schema:
        return _example(shapes[schema["$ref"].rpartition("/")[2]], shapes)
    [own] = schema.get("examples", [{}])
    if "properties" in schema:
        needed = {name: part for name, part in schema["properties"].items() if name in schema.get("required", ())}
        missing = {name: _example(part, shapes) for name, part in needed.items() if name not in own}
        return {name: (own | missing)[name] for name in schema["properties"] if name in own or name in missing}
    return [_example(schema["items"], shapes)] if schema.get("type") == "array" else None
