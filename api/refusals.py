"""Every failure as an answer with the status that fits, in the shape of the surface it was met on: v1's
`{"error": {"code", "message", "details"}}`, or that of v2 (`api/v2/refusals.py`).
"""

import logging
import re
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api import bodies, v2
from zonehook import errors, reading
from zonehook.errors import Detail, ZonehookError

_RETRY_AFTER_SECONDS = "5"
_STATUS: dict[type[ZonehookError], int] = {
    errors.Invalid: 400,
    errors.Unauthorized: 401,
    errors.QuotaExceeded: 402,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unavailable: 503,
}
_log = logging.getLogger(__name__)


class ErrorDetail(BaseModel):
    field: str
    message: str


class ErrorBody(BaseModel):
    code: str
    message: str
    details: list[ErrorDetail]


class ErrorAnswer(BaseModel):
    """What every refusal looks like."""

    error: ErrorBody


def documented(*statuses: int, **conflicts: str) -> dict[int | str, dict[str, Any]]:
    """The refusals of a call, for OpenAPI; those that any call may meet are added. `conflicts` are its 409s: code and
    message.
    """
    told: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer} for status in (*statuses, 400, 401, 403, 429, 503)
    }
    if conflicts:
        shown = {code: {"value": _content(code, message)} for code, message in conflicts.items()}
        told[409] = {"model": ErrorAnswer, "content": {"application/json": {"examples": shown}}}
    return told


def install(app: FastAPI) -> None:
    """Renders every failure of `app`."""
    app.add_exception_handler(ZonehookError, _expected)
    app.add_exception_handler(bodies.TooLarge, _too_large)
    app.add_exception_handler(RequestValidationError, _malformed_request)
    app.add_exception_handler(HTTPException, _no_such_call)
    app.add_exception_handler(Exception, _unexpected)


def answer(
    path: str,
    status: int,
    code: str,
    message: str,
    details: tuple[Detail, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """A refusal as callers of this path know them."""
    if v2.is_at(path):
        return v2.refusals.answer(status, message, details, headers)
    return JSONResponse(_content(code, message, details), status, headers)


def _content(code: str, message: str, details: tuple[Detail, ...] = ()) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": [asdict(each) for each in details]}}


async def _expected(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, ZonehookError)  # noqa: S101 (registered for these alone)
    status = _STATUS[type(problem)]
    headers = {503: {"Retry-After": _RETRY_AFTER_SECONDS}, 401: {"WWW-Authenticate": "Bearer"}}.get(status)
    if status == 503:
        _log.warning("%s", problem.message)
    return answer(request.url.path, status, problem.code, problem.message, problem.details, headers)


async def _too_large(request: Request, _problem: Exception) -> Response:
    # The rest of the body is not read, so the connection cannot be used again
    message = f"a request has at most {bodies.MAX_BYTES // 1024} KiB"
    return answer(request.url.path, 413, "too_large", message, headers={"Connection": "close"})


async def _malformed_request(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)  # noqa: S101
    found = reading.details([{**each, "loc": each["loc"][1:]} for each in problem.errors()])
    return answer(request.url.path, 400, "invalid_request", f"{found[0].field}: {found[0].message}", found)


async def _no_such_call(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)  # noqa: S101
    phrase = HTTPStatus(problem.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    path = request.url.path[:100]
    messages = {404: f"there is no {path} here; /docs has every call", 405: f"{path} does not take {request.method}"}
    message = messages.get(problem.status_code, phrase)
    headers = {"Allow": _allowed(request)} if problem.status_code == 405 else dict(problem.headers or {})
    if problem.status_code == 405 and request.method == "OPTIONS" and v2.is_at(path):
        return Response(status_code=204, headers=headers)
    if problem.status_code == 404 and v2.is_at(path):
        message = v2.refusals.NOT_FOUND
    return answer(path, problem.status_code, code, message, headers=headers)


def _allowed(request: Request) -> str:
    """Every method that the path takes: Starlette names those of the first route alone."""
    paths = request.app.openapi()["paths"]
    fitting = [each for each in paths if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", each), request.url.path)]
    found = [request.url.path] if request.url.path in paths else fitting  # batch is no event's id
    methods = {method.upper() for template in found for method in paths[template]}
    if v2.is_at(request.url.path):
        methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return ", ".join(sorted(methods))


async def _unexpected(request: Request, _problem: Exception) -> Response:
    return answer(request.url.path, 500, "internal_error", "this is our fault, and it has been logged")
