"""v2's failures as the vendor's clients read them: `{"message", "errors"}`; a 405 has no body at all."""

from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from zonehook.errors import Detail

NOT_FOUND = "Not Found"
# What the vendor says, word for word, whatever there was to say
_FIXED = {401: "Authentication failed", 429: "quota exceeded"}


class Refusal(BaseModel):
    """What every refusal looks like; `errors` names the fields of a 400."""

    message: str
    errors: dict[str, list[str]] | None = None


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a call, for OpenAPI; those that any call may meet are added."""
    return {status: {"model": Refusal} for status in (*statuses, 400, 401, 403, 429, 503)}


def answer(status: int, message: str, details: tuple[Detail, ...], headers: dict[str, str] | None) -> Response:
    """A refusal; `details` are the fields to blame."""
    if status == 405:
        return Response(status_code=405, headers=headers)
    errors: dict[str, list[str]] = {}
    for each in details:
        errors.setdefault(each.field, []).append(each.message)
    if errors:
        return JSONResponse({"message": "Validation failed", "errors": errors}, status, headers)
    return JSONResponse({"message": _FIXED.get(status, message)}, status, headers)
