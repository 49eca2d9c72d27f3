"""`/v1/recoveries`, and ordering one: what an endpoint missed, sent again in bulk."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from api import bodies, examples
from api.doors import Cursor, House, Id, Limit, may
from api.refusals import documented
from api.v1.shapes import PageShape, Shape, Time
from zonehook.reading import Body, Moment, example
from zonehook.recovery import Verb
from zonehook.roles import Action
from zonehook.store.pages import Page
from zonehook.store.recoveries import Recovery
from zonehook.tenants import Caller

router = APIRouter(prefix="/v1", tags=["recoveries"])

Viewer = Annotated[Caller, may(Action.VIEW_DELIVERIES)]
Steerer = Annotated[Caller, may(Action.STEER_DELIVERIES)]


_ENDED = "this recovery is completed already; start another"


class NewRecovery(Body):
    since: Moment
    until: Moment | None = None
    statuses: Annotated[list[Literal["failed", "cancelled", "skipped"]], Field(min_length=1, max_length=3)] = Field(
        default=["failed", "cancelled", "skipped"]
    )

    model_config = example(since=examples.ACCEPTED, statuses=["failed", "skipped"])


class FailureShape(Shape):
    delivery_id: str
    reason: str

    model_config = example(
        delivery_id=examples.DELIVERY, reason="it was delivered, and captaindns replays only what was not"
    )


class RecoveryShape(Shape):
    id: str
    endpoint_id: str
    status: Literal["running", "paused", "completed", "cancelled"]
    reason: str | None
    since: Time
    until: Time
    statuses: list[str]
    total: int
    done: int
    failed: int
    failures: list[FailureShape]
    created_at: Time
    completed_at: Time | None

    model_config = example(
        id=examples.RECOVERY,
        endpoint_id=examples.ENDPOINT,
        status="running",
        reason=None,
        since=examples.ACCEPTED,
        until=examples.RECOVERED,
        statuses=["failed", "skipped"],
        total=1204,
        done=350,
        failed=0,
        failures=[],
        created_at=examples.RECOVERED,
        completed_at=None,
    )


@router.post(
    "/webhook-endpoints/{endpoint_id}/recover",
    status_code=202,
    response_model=RecoveryShape,
    responses=documented(
        404,
        413,
        recovery_under_way=f"{examples.RECOVERY} of this endpoint is running; await its end, or cancel it first",
        endpoint_inactive=examples.INACTIVE,
    ),
    openapi_extra=bodies.describe(NewRecovery),
)
async def recover(desks: House, caller: Steerer, endpoint_id: Id, request: Request) -> Recovery:
    """Send again what an endpoint missed: its deliveries created from `since` to before `until` (now at the latest)
    that failed, were cancelled or skipped, each as `replay` does, the oldest first and at a pace.
    """
    wanted = await bodies.parse(request, NewRecovery)
    return await desks.recoveries.start(caller, endpoint_id, wanted.since, wanted.until, wanted.statuses)


@router.get("/recoveries", response_model=PageShape[RecoveryShape], responses=documented())
async def page(desks: House, caller: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[Recovery]:
    """The account's recoveries, newest first."""
    return await desks.recoveries.page(caller.account_id, limit, cursor)


@router.get("/recoveries/{recovery_id}", response_model=RecoveryShape, responses=documented(404))
async def read(desks: House, caller: Viewer, recovery_id: Id) -> Recovery:
    """How far a recovery is: of `total` deliveries `done` were sent again, and `failed` could not be, the last of them
    with their reasons in `failures`. What becomes of those sent again, each of them tells.
    """
    return await desks.recoveries.get(caller.account_id, recovery_id)


@router.post(
    "/recoveries/{recovery_id}/pause",
    status_code=202,
    response_model=RecoveryShape,
    responses=documented(404, recovery_ended=_ENDED),
)
async def pause(desks: House, caller: Steerer, recovery_id: Id) -> Recovery:
    """Send nothing further until it is resumed; the few deliveries it is at just now are sent."""
    return await desks.recoveries.steer(caller, recovery_id, Verb.PAUSE)


@router.post(
    "/recoveries/{recovery_id}/resume",
    status_code=202,
    response_model=RecoveryShape,
    responses=documented(404, recovery_ended=_ENDED, endpoint_inactive=examples.INACTIVE),
)
async def resume(desks: House, caller: Steerer, recovery_id: Id) -> Recovery:
    """Go on where it paused, by hand or because its endpoint took nothing."""
    return await desks.recoveries.steer(caller, recovery_id, Verb.RESUME)


@router.post(
    "/recoveries/{recovery_id}/cancel",
    status_code=202,
    response_model=RecoveryShape,
    responses=documented(404, recovery_ended=_ENDED),
)
async def cancel(desks: House, caller: Steerer, recovery_id: Id) -> Recovery:
    """End it; what was sent again already goes on."""
    return await desks.recoveries.steer(caller, recovery_id, Verb.CANCEL)
