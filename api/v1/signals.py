"""`/v1/signals`: what happened to a connection, an API key, a customer's usage or a host."""

from typing import Annotated, Any

from fastapi import APIRouter, Request

from api import bodies, examples
from api.doors import House, may
from api.refusals import documented
from api.v1.shapes import Shape, Time
from zonehook import sources
from zonehook.reading import example
from zonehook.roles import Action
from zonehook.tenants import Caller

router = APIRouter(prefix="/v1/signals", tags=["signals"])

Publisher = Annotated[Caller, may(Action.PUBLISH_EVENTS)]


class SignalShape(Shape):
    source: str
    id: str
    signal: str
    accepted_at: Time

    model_config = example(source="host", id="home-7", signal="created", accepted_at=examples.ACCEPTED)


def _described() -> dict[str, Any]:
    """A body for each signal."""
    shapes = [fact.model_json_schema() | {"title": name} for name, fact in sources.FACTS.items()]
    content = {"schema": {"anyOf": shapes}, "example": {"host": "home.example.net", "ipv4": "192.0.2.1"}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


@router.post("/{source}/{id}/{signal}", status_code=202, responses=documented(404, 413), openapi_extra=_described())
async def tell(
    desks: House,
    caller: Publisher,
    request: Request,
    source: str,
    id: str,
    signal: str,
) -> SignalShape:
    """Tell a fact: durable when this answers 202. Which signals there are, and what follows: docs/sources.md."""
    document = await bodies.read(request) or b"{}"
    taken = await desks.facts.tell(caller.account_id, caller.dialect, source, id, signal, document)
    return SignalShape.model_validate(taken)
