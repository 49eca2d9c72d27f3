"""`/v2/{account}/webhooks`: list, register, read and remove, with the vendor's numbers and shapes."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api import bodies, examples
from api.doors import House
from api.v1.shapes import Shape, Time
from api.v2.doors import Creator, Deleter, Number, Viewer, no_webhook
from api.v2.refusals import documented
from zonehook import addresses
from zonehook.dialects import dnsimple
from zonehook.endpoints import Endpoint
from zonehook.errors import NotFound
from zonehook.reading import Text, example
from zonehook.registration import Registration
from zonehook.tenants import Caller

router = APIRouter(prefix="/v2/{account}", tags=["dnsimple v2"])


def _present(value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ValueError("can't be blank")
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


class NewWebhook(BaseModel):
    """What else a client sends is ignored, as the vendor does."""

    model_config = ConfigDict(
        extra="ignore",
        validate_default=True,
        json_schema_extra={"required": ["url"], "examples": [{"url": examples.URL}]},
    )

    url: Annotated[Text, BeforeValidator(_present), Field(max_length=addresses.MAX_URL_LENGTH)] = ""


class Webhook(Shape):
    id: int
    url: str
    suppressed_at: Time | None

    model_config = example(id=examples.WEBHOOK, url=examples.URL, suppressed_at=None)


class WebhookAnswer(Shape):
    data: Webhook


class WebhooksAnswer(Shape):
    data: list[Webhook]


@router.head("/webhooks", include_in_schema=False)
@router.get("/webhooks", responses=documented(404))
async def page(
    desks: House, caller: Viewer, sort: Annotated[Literal["id:asc", "id:desc"], Query()] = "id:asc"
) -> WebhooksAnswer:
    """All webhooks of the account, by id. Endpoints of other vendors' dialects are listed in v1 alone."""
    found = await desks.registry.all_numbered(caller.account_id, dnsimple.NAMES, descending=sort == "id:desc")
    return WebhooksAnswer(data=[_shape(each) for each in found])


@router.post(
    "/webhooks", status_code=201, responses=documented(402, 404, 413), openapi_extra=bodies.describe(NewWebhook)
)
async def register(desks: House, caller: Creator, request: Request) -> WebhookAnswer:
    """Register a webhook; it gets every event of DNSimple's catalogue. Only `url` is looked at."""
    wanted = await bodies.parse(request, NewWebhook, is_required=False)
    registration = Registration(url=wanted.url, events=[], dialect=_dialect(caller))
    endpoint, _ = await desks.registry.register(caller, registration)
    return WebhookAnswer(data=_shape(endpoint))


@router.head("/webhook/{webhook}", include_in_schema=False)
@router.get("/webhook/{webhook}", responses=documented(404), deprecated=True, name="read one, as an example spells it")
@router.head("/webhooks/{webhook}", include_in_schema=False)
@router.get("/webhooks/{webhook}", responses=documented(404))
async def read(desks: House, caller: Viewer, number: Number) -> WebhookAnswer:
    """One webhook."""
    return WebhookAnswer(data=_shape(await _found(desks, caller, number)))


@router.delete("/webhooks/{webhook}", status_code=204, responses=documented(404))
async def remove(desks: House, caller: Deleter, number: Number) -> None:
    """Remove a webhook; what was still to be delivered to it is cancelled."""
    endpoint = await _found(desks, caller, number)
    try:
        await desks.registry.delete(caller, endpoint.id)
    except NotFound:  # somebody else was quicker
        raise no_webhook(number) from None


async def _found(desks: House, caller: Caller, number: int) -> Endpoint:
    try:
        return await desks.registry.numbered(caller.account_id, number, dnsimple.NAMES)
    except NotFound:
        raise no_webhook(number) from None


def _dialect(caller: Caller) -> str:
    """The old payload for accounts that chose it: the documentation of that time knows no other way to register."""
    return caller.dialect if caller.dialect in dnsimple.NAMES else dnsimple.DIALECT.name


def _shape(endpoint: Endpoint) -> Webhook:
    return Webhook(id=endpoint.number, url=endpoint.url, suppressed_at=endpoint.suppressed_at)
