"""`/v1/events`: publish, list, read."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from api import bodies, examples
from api.doors import Cursor, House, Id, Limit, may
from api.refusals import documented
from api.v1.shapes import DeliveryShape, PageShape, Shape, Time
from zonehook import events, offers
from zonehook.errors import Invalid
from zonehook.messages import AcceptedEvent
from zonehook.offers import NewEvent
from zonehook.reading import Moment, Text, example
from zonehook.roles import Action
from zonehook.store.events import EventFilter
from zonehook.tenants import Caller

router = APIRouter(prefix="/v1/events", tags=["events"])

Viewer = Annotated[Caller, may(Action.VIEW_EVENTS)]
Publisher = Annotated[Caller, may(Action.PUBLISH_EVENTS)]


_CONFLICT = "this id was used before for an event with other content; use a new one for a new event"


class AcceptedShape(Shape):
    id: str
    type: str
    accepted_at: Time
    duplicate: bool

    model_config = example(id=examples.EVENT, type=examples.TYPE, accepted_at=examples.ACCEPTED, duplicate=False)


class EventShape(Shape):
    id: str
    type: str
    data: dict[str, Any]
    subject: str | None
    actor: dict[str, Any] | None
    occurred_at: Time | None
    accepted_at: Time

    model_config = example(
        id=examples.EVENT,
        type=examples.TYPE,
        data={"domain": "example.com"},
        subject=None,
        actor=None,
        occurred_at="2026-07-02T11:59:58Z",
        accepted_at=examples.ACCEPTED,
    )


class EventWithDeliveriesShape(EventShape):
    deliveries: list[DeliveryShape]


@router.post(
    "",
    status_code=202,
    responses=documented(413, idempotency_conflict=_CONFLICT),
    openapi_extra=bodies.describe(NewEvent),
)
async def publish(
    desks: House, caller: Publisher, request: Request, idempotency_key: Annotated[str | None, Header()] = None
) -> AcceptedShape:
    """Publish an event. It is durable when this answers 202; the same id or Idempotency-Key is one event."""
    offered = offers.read(await bodies.read(request))
    offered = replace(offered, key=_key(offered.key, idempotency_key))
    accepted = await desks.intake.accept(caller.account_id, caller.dialect, offered, caller.catalogue_version)
    return AcceptedShape(
        id=accepted.id, type=accepted.type, accepted_at=accepted.accepted_at, duplicate=accepted.is_duplicate
    )


@router.get("", response_class=Response, responses={**documented(), 200: {"model": PageShape[EventShape]}})
async def page(
    desks: House,
    caller: Viewer,
    type: Annotated[Text | None, Query(max_length=events.MAX_TYPE_LENGTH)] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The account's events, newest first."""
    wanted = EventFilter(type=type, since=since, until=until)
    found = await desks.intake.page(caller.account_id, wanted, limit, cursor)
    return _json({"data": [_shown(event) for event in found.data], "next_cursor": found.next_cursor})


@router.get(
    "/{event_id}",
    response_class=Response,
    responses={**documented(404), 200: {"model": EventWithDeliveriesShape}},
)
async def read(desks: House, caller: Viewer, event_id: Id) -> Response:
    """One event and its deliveries; there from the moment of its 202."""
    event, deliveries = await desks.intake.find(caller.account_id, event_id)
    shown = [DeliveryShape.model_validate(each).model_dump(mode="json") for each in deliveries]
    return _json(_shown(event) | {"deliveries": shown})


def _key(given_id: str | None, header: str | None) -> str | None:
    if header is None:
        return given_id
    if not header.isascii() or not header.isprintable() or not 0 < len(header) <= events.MAX_KEY_LENGTH:
        raise Invalid.field("Idempotency-Key", f"send 1 to {events.MAX_KEY_LENGTH} printable ASCII characters")
    if given_id is not None and given_id != header:
        raise Invalid.field("id", "id and the header Idempotency-Key differ; send one of them, or the same in both")
    return header


def _shown(event: AcceptedEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "data": msgspec.Raw(event.data.encode()),
        "subject": event.subject,
        "actor": None if event.actor is None else msgspec.Raw(event.actor.encode()),
        "occurred_at": _time(event.occurred_at),
        "accepted_at": _time(event.accepted_at),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else events.timestamp(at)


def _json(content: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
