"""`/v1/webhook-deliveries`: how deliveries stand, every attempt; replay, retry now, cancel."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api import examples
from api.doors import Cursor, House, Id, IdFilter, Limit, may
from api.refusals import documented
from api.v1.shapes import DeliveryShape, PageShape, Shape, Time
from zonehook import events
from zonehook.reading import Moment, Text, example
from zonehook.roles import Action
from zonehook.store.deliveries import Delivery, DeliveryFilter
from zonehook.store.pages import Page
from zonehook.tenants import Caller
from zonehook.verdicts import DeliveryStatus

router = APIRouter(prefix="/v1/webhook-deliveries", tags=["deliveries"])

Viewer = Annotated[Caller, may(Action.VIEW_DELIVERIES)]
Steerer = Annotated[Caller, may(Action.STEER_DELIVERIES)]


_UNWRITTEN = (
    "there is nothing to send: the event cannot be written for a dnsimple endpoint: data.account.id must be text"
)


class RequestShape(Shape):
    url: str
    headers: dict[str, str]
    body: str

    model_config = example(
        url=examples.URL,
        headers={"content-type": "application/json", "webhook-id": examples.DELIVERY},
        body='{"type":"domain.create","timestamp":"2026-07-02T11:59:58Z","data":{"domain": "example.com"}}',
    )


class DeliveryWithRequestShape(DeliveryShape):
    request: RequestShape


class AttemptShape(Shape):
    id: str
    number: int
    trigger: Literal["schedule", "manual", "replay"]
    started_at: Time
    duration_ms: int
    status_code: int | None
    error: str | None
    response_excerpt: str | None

    model_config = example(
        id=examples.ATTEMPT,
        number=1,
        trigger="schedule",
        started_at=examples.ACCEPTED,
        duration_ms=41,
        status_code=503,
        error=None,
        response_excerpt="we are being updated",
    )


class AttemptsShape(Shape):
    data: list[AttemptShape]


@router.get("", response_model=PageShape[DeliveryShape], responses=documented())
async def page(
    desks: House,
    caller: Viewer,
    status: DeliveryStatus | None = None,
    endpoint_id: IdFilter = None,
    event_id: IdFilter = None,
    type: Annotated[Text | None, Query(max_length=events.MAX_TYPE_LENGTH)] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Delivery]:
    """The account's deliveries, newest first."""
    wanted = DeliveryFilter(status, endpoint_id, event_id, type, since, until)
    return await desks.archive.page(caller.account_id, wanted, limit, cursor)


@router.get("/{delivery_id}", responses=documented(404))
async def read(desks: House, caller: Viewer, delivery_id: Id) -> DeliveryWithRequestShape:
    """One delivery and what is sent; signatures, their times and the values of custom headers are not shown."""
    delivery = await desks.archive.get(caller.account_id, delivery_id)
    request = await desks.archive.request(caller.account_id, delivery_id)
    return DeliveryWithRequestShape(
        **DeliveryShape.model_validate(delivery).model_dump(), request=RequestShape.model_validate(request)
    )


@router.get("/{delivery_id}/attempts", responses=documented(404))
async def attempts(desks: House, caller: Viewer, delivery_id: Id) -> AttemptsShape:
    """Every attempt, the first one first."""
    made = await desks.archive.attempts(caller.account_id, delivery_id)
    return AttemptsShape(data=[AttemptShape.model_validate(each) for each in made])


@router.post(
    "/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryShape,
    responses=documented(
        404,
        still_delivering="this delivery is still under way; replay it when it has ended",
        already_delivered="it was delivered, and captaindns replays only what was not",
        endpoint_inactive=examples.INACTIVE,
        nothing_to_send=_UNWRITTEN,
    ),
)
async def replay(desks: House, caller: Steerer, delivery_id: Id) -> Delivery:
    """Send a finished delivery again: the same bytes, signed anew, with a fresh budget."""
    await desks.interventions.replay(caller.account_id, delivery_id)
    return await desks.archive.get(caller.account_id, delivery_id)


@router.post(
    "/{delivery_id}/retry-now",
    status_code=202,
    response_model=DeliveryShape,
    responses=documented(
        404,
        delivery_ended="this delivery has ended, so no attempt waits; replay it instead",
        not_running="nothing is under way: its workflow was ended by an operator; replay it",
        nothing_waits="an attempt is under way, or due at this very moment; look again",
        endpoint_inactive=examples.INACTIVE,
    ),
)
async def retry_now(desks: House, caller: Steerer, delivery_id: Id) -> Delivery:
    """Make the waiting attempt at once; the waits after it go on as they would have."""
    await desks.interventions.retry_now(caller.account_id, delivery_id)
    return await desks.archive.get(caller.account_id, delivery_id)


@router.post(
    "/{delivery_id}/cancel",
    status_code=202,
    response_model=DeliveryShape,
    responses=documented(404, delivery_ended="this delivery is delivered already"),
)
async def cancel(desks: House, caller: Steerer, delivery_id: Id) -> Delivery:
    """Cancel a delivery: no attempt is made any more, one under way is finished. Replay sends it after all."""
    await desks.interventions.cancel(caller.account_id, delivery_id)
    return await desks.archive.get(caller.account_id, delivery_id)
