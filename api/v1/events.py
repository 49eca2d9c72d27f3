"""`/v1/events`: publish, one or many; list, read; move and cancel what is scheduled."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from api import bodies, examples
from api.doors import Cursor, Desks, House, Id, Limit, may
from api.refusals import documented
from api.v1.shapes import DeliveryShape, PageShape, Shape, Time
from zonehook import events, moments, offers, outcomes, scheduling
from zonehook.errors import Invalid
from zonehook.intake import Accepted
from zonehook.messages import CANCELLED, AcceptedEvent
from zonehook.offers import NewBatch, NewEvent
from zonehook.reading import Body, Moment, Text, example
from zonehook.roles import Action
from zonehook.store.events import EventFilter
from zonehook.tenants import Caller
from zonehook.verdicts import Outcome

router = APIRouter(prefix="/v1/events", tags=["events"])

Viewer = Annotated[Caller, may(Action.VIEW_EVENTS)]
Publisher = Annotated[Caller, may(Action.PUBLISH_EVENTS)]
Changer = Annotated[Caller, may(Action.CHANGE_EVENTS)]


class EventChanges(Body):
    """What of a scheduled event can be changed. Its content cannot: cancel it and publish another."""

    deliver_at: Moment

    model_config = example(deliver_at=examples.LATER)


_CANCELLED = "it was cancelled before its time came"
_CONFLICT = "this id was used before for an event with other content; use a new one for a new event"
_CONFLICT_IN_BATCH = f"events.3.id: {_CONFLICT}"
_TOO_LATE = "it is being delivered already; cancel its deliveries instead"


class AcceptedShape(Shape):
    id: str
    type: str
    accepted_at: Time
    duplicate: bool

    model_config = example(id=examples.EVENT, type=examples.TYPE, accepted_at=examples.ACCEPTED, duplicate=False)


class BatchShape(Shape):
    data: list[AcceptedShape]


class EventShape(Shape):
    id: str
    type: str
    data: dict[str, Any]
    subject: str | None
    actor: dict[str, Any] | None
    occurred_at: Time | None
    accepted_at: Time
    deliver_at: Time | None
    status: Literal["accepted", "scheduled", "published", "cancelled"]
    reason: str | None

    model_config = example(
        id=examples.EVENT,
        type=examples.TYPE,
        data={"domain": "example.com"},
        subject=None,
        actor=None,
        occurred_at="2026-07-02T11:59:58Z",
        accepted_at=examples.ACCEPTED,
        deliver_at=None,
        status="published",
        reason=None,
    )


class EventWithDeliveriesShape(EventShape):
    outcome: Outcome
    deliveries: list[DeliveryShape]

    model_config = example(EventShape, outcome="delivered")


class MovedEventShape(EventWithDeliveriesShape):
    model_config = example(
        EventShape, deliver_at=examples.LATER, status="scheduled", outcome="pending", deliveries=list[Any]()
    )


class CancelledEventShape(EventWithDeliveriesShape):
    model_config = example(
        EventShape,
        deliver_at=examples.LATER,
        status="cancelled",
        reason=_CANCELLED,
        outcome="cancelled",
        deliveries=list[Any](),
    )


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
    return _accepted(accepted)


@router.post(
    "/batch",
    status_code=202,
    responses=documented(413, idempotency_conflict=_CONFLICT_IN_BATCH),
    openapi_extra=bodies.describe(NewBatch),
)
async def publish_batch(
    desks: House, caller: Publisher, request: Request, idempotency_key: Annotated[str | None, Header()] = None
) -> BatchShape:
    """Publish up to 100 events, all or none; the whole body has at most 256 KiB. Their own ids make them once-only."""
    if idempotency_key is not None:
        raise Invalid.field("Idempotency-Key", "leave it out and give each event of the batch an id of its own")
    offered = offers.read_batch(await bodies.read(request))
    accepted = await desks.batches.accept(caller.account_id, caller.dialect, offered, caller.catalogue_version)
    return BatchShape(data=[_accepted(each) for each in accepted])


def _accepted(found: Accepted) -> AcceptedShape:
    return AcceptedShape(id=found.id, type=found.type, accepted_at=found.accepted_at, duplicate=found.is_duplicate)


@router.get("", response_class=Response, responses={**documented(), 200: {"model": PageShape[EventShape]}})
async def page(
    desks: House,
    caller: Viewer,
    type: Annotated[Text | None, Query(max_length=events.MAX_TYPE_LENGTH)] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    scheduled: bool | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The account's events, newest first; `scheduled`: only those that wait for their time, or all but those."""
    wanted = EventFilter(type, since, until, scheduled)
    found = await desks.intake.page(caller.account_id, wanted, limit, cursor)
    return _json({"data": [_shown(event) for event in found.data], "next_cursor": found.next_cursor})


@router.get(
    "/{event_id}",
    response_class=Response,
    responses={**documented(404), 200: {"model": EventWithDeliveriesShape}},
)
async def read(desks: House, caller: Viewer, event_id: Id, wait: Annotated[int, Query(ge=0, le=30)] = 0) -> Response:
    """One event and its deliveries; there from the moment of its 202. `wait`: answer when all of them are over,
    or after so many seconds.
    """
    return await _whole(desks, caller, event_id, wait)


@router.patch(
    "/{event_id}",
    response_class=Response,
    responses={
        **documented(404, 413, event_not_scheduled=_TOO_LATE, not_running=scheduling.NOT_RUNNING),
        200: {"model": MovedEventShape},
    },
    openapi_extra=bodies.describe(EventChanges),
)
async def change(desks: House, caller: Changer, event_id: Id, request: Request) -> Response:
    """Deliver a scheduled event at another time, at most 90 days ahead; one that has passed means at once."""
    changes = await bodies.parse(request, EventChanges)
    await desks.scheduling.reschedule(caller.account_id, event_id, changes.deliver_at)
    return await _whole(desks, caller, event_id)


@router.post(
    "/{event_id}/cancel",
    response_class=Response,
    responses={**documented(404, event_not_scheduled=_TOO_LATE), 200: {"model": CancelledEventShape}},
)
async def cancel(desks: House, caller: Changer, event_id: Id) -> Response:
    """Never deliver a scheduled event. Once it is let go, its deliveries are cancelled one by one instead."""
    await desks.scheduling.cancel(caller.account_id, event_id)
    return await _whole(desks, caller, event_id)


async def _whole(desks: Desks, caller: Caller, event_id: str, wait: int = 0) -> Response:
    event, deliveries = await desks.outcomes.awaited(caller.account_id, event_id, wait)
    shown = [DeliveryShape.model_validate(each).model_dump(mode="json") for each in deliveries]
    return _json(_shown(event) | {"outcome": outcomes.summary(event, deliveries), "deliveries": shown})


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
        "deliver_at": _time(event.deliver_at),
        "status": event.status,
        "reason": _CANCELLED if event.status == CANCELLED else None,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else moments.timestamp(at)


def _json(content: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
