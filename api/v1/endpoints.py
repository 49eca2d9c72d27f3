"""`/v1/webhook-endpoints`: register, list, read, change, switch, delete."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api import bodies, examples
from api.doors import Cursor, House, Id, Limit, may
from api.refusals import documented
from api.v1.shapes import DeliveryShape, EndpointShape, HealthShape, PageShape, Shape
from zonehook import addresses, endpoints
from zonehook.endpoints import Endpoint
from zonehook.health import Health
from zonehook.reading import Body, Text, example
from zonehook.registration import Registration
from zonehook.roles import Action
from zonehook.store.deliveries import Delivery
from zonehook.store.pages import Page
from zonehook.tenants import Caller

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["endpoints"])

Viewer = Annotated[Caller, may(Action.VIEW_ENDPOINTS)]
Creator = Annotated[Caller, may(Action.CREATE_ENDPOINTS)]
Changer = Annotated[Caller, may(Action.CHANGE_ENDPOINTS)]
Deleter = Annotated[Caller, may(Action.DELETE_ENDPOINTS)]
Tester = Annotated[Caller, may(Action.SEND_TESTS)]
Rotator = Annotated[Caller, may(Action.ROTATE_SECRET)]
Revealer = Annotated[Caller, may(Action.REVEAL_SECRET)]
Url = Annotated[Text, Field(max_length=addresses.MAX_URL_LENGTH)]
Subscriptions = Annotated[list[Text], Field(max_length=endpoints.MAX_SUBSCRIPTIONS)]
Description = Annotated[Text, Field(max_length=500)]
Headers = Annotated[dict[Text, Text], Field(max_length=endpoints.MAX_HEADERS)]


_KEPT_BY_NOBODY = {"Cache-Control": "no-store"}  # of answers with a secret


_NOT_REVEALED = {
    "secret_not_revealed": "a captaindns endpoint's secret is shown once, when it is made; rotate it to get a new one",
    "no_signing_secret": "this endpoint has no signing secret; rotate it to have one made",
}


class NewEndpoint(Body):
    url: Url
    events: Subscriptions = Field(default=[])
    description: Description | None = None
    dialect: Annotated[Text, Field(max_length=40)] | None = None
    secret: Annotated[Text, Field(max_length=256)] | None = None
    headers: Headers = Field(default={})

    model_config = example(
        url=examples.URL,
        events=[examples.TYPE],
        description="The shop's own zones",
        headers={"X-Team": "dns"},
    )


class EndpointChanges(Body):
    # None is no value of these but for the description: a field that is left out stays as it is
    url: Url = ""
    events: Subscriptions = Field(default=[])
    description: Description | None = None
    headers: Headers = Field(default={})

    model_config = example(events=[examples.TYPE, "domain.delete"], description="The shop's zones, until they go")


class Trial(Body):
    type: Text | None = None

    model_config = example(type=examples.TYPE)


class NewEndpointShape(EndpointShape):
    signing_secret: str | None

    model_config = example(EndpointShape, signing_secret=examples.SECRET)


class SecretShape(Shape):
    signing_secret: str

    model_config = example(signing_secret=examples.SECRET)


@router.post("", status_code=201, responses=documented(402, 413), openapi_extra=bodies.describe(NewEndpoint))
async def register(desks: House, caller: Creator, request: Request, response: Response) -> NewEndpointShape:
    """Register an endpoint. `signing_secret` is shown this once; null where the dialect signs nothing."""
    wanted = await bodies.parse(request, NewEndpoint)
    registration = Registration(**wanted.model_dump(exclude={"dialect"}), dialect=wanted.dialect or caller.dialect)
    endpoint, secret = await desks.registry.register(caller, registration)
    response.headers.update(_KEPT_BY_NOBODY)
    return NewEndpointShape(**EndpointShape.model_validate(endpoint).model_dump(), signing_secret=secret)


@router.get("", response_model=PageShape[EndpointShape], responses=documented())
async def page(desks: House, caller: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[Endpoint]:
    """The account's endpoints, newest first."""
    return await desks.registry.page(caller.account_id, limit, cursor)


@router.get("/{endpoint_id}", response_model=EndpointShape, responses=documented(404))
async def read(desks: House, caller: Viewer, endpoint_id: Id) -> Endpoint:
    """One endpoint."""
    return await desks.registry.get(caller.account_id, endpoint_id)


@router.get("/{endpoint_id}/health", response_model=HealthShape, responses=documented(404))
async def health(desks: House, caller: Viewer, endpoint_id: Id) -> Health:
    """How an endpoint does: its last success and failure, and of the last 24 hours how many attempts there were, the
    share that was confirmed, and the milliseconds that half (`p50_ms`) and 95 in 100 of them (`p95_ms`) stayed within.
    """
    return await desks.archive.health(caller.account_id, endpoint_id)


@router.patch(
    "/{endpoint_id}",
    response_model=EndpointShape,
    responses=documented(404, 413),
    openapi_extra=bodies.describe(EndpointChanges),
)
async def change(desks: House, caller: Changer, endpoint_id: Id, request: Request) -> Endpoint:
    """Change url, events, description or headers; what is left out stays."""
    wanted = await bodies.parse(request, EndpointChanges)
    changes = wanted.model_dump(exclude_unset=True)
    return await desks.registry.change(caller, endpoint_id, changes)


@router.delete("/{endpoint_id}", status_code=204, responses=documented(404))
async def delete(desks: House, caller: Deleter, endpoint_id: Id) -> None:
    """Delete an endpoint; what was still to be delivered to it is cancelled."""
    await desks.registry.delete(caller, endpoint_id)


@router.post("/{endpoint_id}/disable", response_model=EndpointShape, responses=documented(404))
async def disable(desks: House, caller: Changer, endpoint_id: Id) -> Endpoint:
    """Disable an endpoint: deliveries that fall due are cancelled, and new events skipped; replay sends them."""
    return await desks.registry.disable(caller, endpoint_id)


@router.post("/{endpoint_id}/enable", response_model=EndpointShape, responses=documented(404))
async def enable(desks: House, caller: Changer, endpoint_id: Id) -> Endpoint:
    """Deliver to an endpoint again that was disabled."""
    return await desks.registry.enable(caller, endpoint_id)


@router.post("/{endpoint_id}/clear-suppression", response_model=EndpointShape, responses=documented(404))
async def clear_suppression(desks: House, caller: Changer, endpoint_id: Id) -> Endpoint:
    """Deliver again to an endpoint that failed too often, and count its failures anew."""
    return await desks.registry.clear_suppression(caller, endpoint_id)


@router.post(
    "/{endpoint_id}/test",
    status_code=202,
    response_model=DeliveryShape,
    responses=documented(404, 413, endpoint_inactive=examples.INACTIVE),
    openapi_extra=bodies.describe(Trial, is_required=False),
)
async def test(desks: House, caller: Tester, endpoint_id: Id, request: Request) -> Delivery:
    """Deliver a sample to this endpoint alone, by default of the first type it subscribes to. It goes the way of every
    event, and says that it is a test: `"test": true` here, the header `zonehook-test` at the receiver.
    """
    wanted = await bodies.parse(request, Trial, is_required=False)
    return await desks.trials.send(caller.account_id, endpoint_id, wanted.type)


@router.post("/{endpoint_id}/rotate-secret", responses=documented(404))
async def rotate_secret(desks: House, caller: Rotator, endpoint_id: Id, response: Response) -> SecretShape:
    """A new signing secret, shown this once. In standard and DNSimple the old one signs beside it for 24 hours."""
    secret = await desks.registry.rotate_secret(caller, endpoint_id)
    response.headers.update(_KEPT_BY_NOBODY)
    return SecretShape(signing_secret=secret)


@router.post(
    "/{endpoint_id}/reveal-secret",
    responses=documented(404, **_NOT_REVEALED),
)
async def reveal_secret(desks: House, caller: Revealer, endpoint_id: Id, response: Response) -> SecretShape:
    """The present signing secret once more, in standard, NovaDNS and DNSimple. Elsewhere a 409: it is shown once."""
    secret = await desks.registry.reveal_secret(caller, endpoint_id)
    response.headers.update(_KEPT_BY_NOBODY)
    return SecretShape(signing_secret=secret)
