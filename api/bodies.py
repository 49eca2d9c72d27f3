"""A request's body: at most 256 KiB, and what FastAPI is told of it."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel

from zonehook import messages, reading, verbatim
from zonehook.reading import Model

MAX_BYTES = messages.MAX_DOCUMENT_BYTES
MAX_DRAINED = 64 * MAX_BYTES  # a caller cut off while it still sends does not get to read its 413


class TooLarge(Exception):
    """The body is larger than MAX_BYTES."""


async def parse(request: Request, model: type[Model], is_required: bool = True) -> Model:
    """The request's body as `model`. Raises Invalid with every field that is wrong, and TooLarge."""
    return reading.parse(model, await read(request) or (b"null" if is_required else b"{}"))


async def parse_with_objects(request: Request, model: type[Model], objects: tuple[str, ...]) -> Model:
    """Like `parse`, for a model whose fields named in `objects` are ObjectText."""
    return verbatim.parse(model, await read(request), objects)


def describe(model: type[BaseModel], is_required: bool = True) -> dict[str, Any]:
    """The part of OpenAPI that documents a body read by `parse`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": is_required, "content": content}}


async def read(request: Request) -> bytes:
    """The body as it came. Raises TooLarge."""
    raw = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_DRAINED:
            break
        if size <= MAX_BYTES:
            raw += chunk
    if size > MAX_BYTES:
        raise TooLarge
    return bytes(raw)
