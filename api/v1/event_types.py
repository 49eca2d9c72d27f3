"""`/v1/event-types`: the account's catalogue; where its dialect leaves that open, register, change, delete."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from api import bodies
from api.doors import House, may
from api.refusals import documented
from api.v1.shapes import Shape
from zonehook.catalogues import MAX_TYPES
from zonehook.reading import Body, Text, example
from zonehook.roles import Action
from zonehook.store.event_types import Entry
from zonehook.tenants import Caller
from zonehook.verbatim import ObjectText

router = APIRouter(prefix="/v1/event-types", tags=["event types"])

Viewer = Annotated[Caller, may(Action.VIEW_EVENTS)]
Manager = Annotated[Caller, may(Action.MANAGE_EVENT_TYPES)]
Name = Annotated[str, Path(max_length=200)]
Description = Annotated[Text, Field(max_length=1000)]


_CLOSED = {
    "own_event_type": "endpoint.suppressed is Zonehook's own and cannot be changed; choose another name",
    "catalogue_closed": (
        "the event types of dnsimple are its vendor's and cannot be changed; accounts of dialect standard register"
        " their own"
    ),
}
_TOO_MANY = (
    f"an account registers at most {MAX_TYPES} event types; delete one that is not used any more, or publish this type"
    " without registering it"
)
_MEANWHILE = "somebody else changed server.moved at this moment; try again"
_EXISTS = "server.moved is registered already; change it with PATCH"
_SAMPLE = {"host": "a.example"}
_SCHEMA = {"type": "object", "required": ["host"], "properties": {"host": {"type": "string"}}}


class ChangedType(Body):
    description: Description | None = None
    sample: ObjectText | None = None
    schema_: ObjectText | None = Field(None, alias="schema")

    model_config = example(description="A server has moved.", sample=_SAMPLE, schema=_SCHEMA)


class NewType(ChangedType):
    name: Text

    model_config = example(ChangedType, name="server.moved")


class ListedTypeShape(Shape):
    name: str
    description: str | None
    sample: dict[str, Any] | None

    model_config = example(name="server.moved", description="A server has moved.", sample=_SAMPLE)


class TypeShape(ListedTypeShape):
    schema_: dict[str, Any] | None = Field(alias="schema")

    model_config = example(ListedTypeShape, schema=_SCHEMA)


class CatalogueShape(Shape):
    data: list[ListedTypeShape]
    zonehook: list[ListedTypeShape]


@router.get("", response_class=Response, responses={**documented(), 200: {"model": CatalogueShape}})
async def catalogue(desks: House, caller: Viewer) -> Response:
    """Every event type of the account's dialect, with a sample of its data; in standard those that were registered.
    `zonehook` has those that Zonehook tells itself, to endpoints that subscribe to them by name.
    """
    found = await desks.catalogues.all_of(caller.account_id, caller.dialect)
    own = desks.catalogues.own()
    return _json({"data": [_listed(each) for each in found], "zonehook": [_listed(each) for each in own]})


@router.post(
    "",
    status_code=201,
    response_class=Response,
    responses={
        **documented(413, **_CLOSED, event_type_exists=_EXISTS, too_many_event_types=_TOO_MANY),
        201: {"model": TypeShape},
    },
    openapi_extra=bodies.describe(NewType),
)
async def register(desks: House, caller: Manager, request: Request) -> Response:
    """Register a type of your own, in dialect standard. Events of it that do not fit its JSON Schema are refused."""
    given = await bodies.parse_with_objects(request, NewType, ("sample", "schema"))
    wanted = Entry(given.name, given.description, given.sample, given.schema_)
    return _json(_shown(await desks.catalogues.register(caller, caller.dialect, wanted)), 201)


@router.get("/{name}", response_class=Response, responses={**documented(404), 200: {"model": TypeShape}})
async def read(desks: House, caller: Viewer, name: Name) -> Response:
    """One event type, with its schema."""
    return _json(_shown(await desks.catalogues.get(caller.account_id, caller.dialect, name)))


@router.patch(
    "/{name}",
    response_class=Response,
    responses={**documented(404, 413, **_CLOSED, changed_meanwhile=_MEANWHILE), 200: {"model": TypeShape}},
    openapi_extra=bodies.describe(ChangedType),
)
async def change(desks: House, caller: Manager, name: Name, request: Request) -> Response:
    """Change description, sample or schema; null removes one. The next event is held against the new schema."""
    given = await bodies.parse_with_objects(request, ChangedType, ("sample", "schema"))
    changes = {field.removesuffix("_"): getattr(given, field) for field in given.model_fields_set}
    return _json(_shown(await desks.catalogues.change(caller, caller.dialect, name, changes)))


@router.delete("/{name}", status_code=204, responses=documented(404, **_CLOSED))
async def remove(desks: House, caller: Manager, name: Name) -> None:
    """Delete a registered type. It can still be published, with any data, as every type that is not registered."""
    await desks.catalogues.remove(caller, caller.dialect, name)


def _listed(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "description": entry.description, "sample": _object(entry.sample)}


def _shown(entry: Entry) -> dict[str, Any]:
    return _listed(entry) | {"schema": _object(entry.schema)}


def _object(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
