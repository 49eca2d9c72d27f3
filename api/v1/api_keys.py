"""`/v1/api-keys`: list, create, rotate, revoke. What a key is, is shown once."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from api import bodies, examples
from api.doors import Cursor, House, Id, Limit, may
from api.refusals import documented
from api.v1.shapes import PageShape, Shape, Time
from zonehook.keyring import Wanted
from zonehook.keys import Scope
from zonehook.reading import Body, Moment, Text, example
from zonehook.roles import Action
from zonehook.store.api_keys import ApiKey
from zonehook.store.pages import Page
from zonehook.tenants import Caller

router = APIRouter(prefix="/v1/api-keys", tags=["api keys"])

Manager = Annotated[Caller, may(Action.MANAGE_KEYS)]
MAX_GRACE_SECONDS = 30 * 24 * 3600


class NewKey(Body):
    name: Annotated[Text, Field(min_length=1, max_length=200)]
    scope: Literal["manage", "read", "publish"]
    member_id: Annotated[Text, Field(max_length=40)] | None = None
    expires_at: Moment | None = None

    model_config = example(
        name="the shop", scope="publish", member_id=examples.MEMBER, expires_at="2027-07-02T00:00:00Z"
    )


class Rotation(Body):
    grace_seconds: Annotated[int, Field(ge=0, le=MAX_GRACE_SECONDS, strict=True)] = 0

    model_config = example(grace_seconds=3600)


class KeyShape(Shape):
    id: str
    name: str
    scope: Literal["manage", "read", "publish"]
    member_id: str | None
    created_at: Time
    expires_at: Time | None
    previous_until: Time | None

    model_config = example(
        id=examples.KEY,
        name="the shop",
        scope="publish",
        member_id=examples.MEMBER,
        created_at=examples.OPENED,
        expires_at="2027-07-02T00:00:00Z",
        previous_until=None,
    )


class NewKeyShape(KeyShape):
    key: str

    model_config = example(KeyShape, key=examples.API_KEY)


@router.post("", status_code=201, responses=documented(413), openapi_extra=bodies.describe(NewKey))
async def create(desks: House, caller: Manager, request: Request) -> NewKeyShape:
    """Create a key; `key` is shown this once. It does what its member's role and its scope both allow; without
    `member_id` it is held by whoever holds the key that creates it.
    """
    wanted = await bodies.parse(request, NewKey)
    made, key = await desks.keyring.create(
        caller, Wanted(wanted.name, Scope(wanted.scope), wanted.member_id, wanted.expires_at)
    )
    return _shown(made, key)


@router.get("", response_model=PageShape[KeyShape], responses=documented())
async def page(desks: House, caller: Manager, limit: Limit = 50, cursor: Cursor = None) -> Page[ApiKey]:
    """The account's keys, newest first, without those that were revoked."""
    return await desks.keyring.page(caller.account_id, limit, cursor)


@router.post(
    "/{key_id}/rotate",
    responses=documented(404, 413, key_expired="this key has expired, and rotated it would stay so; create a new one"),
    openapi_extra=bodies.describe(Rotation, is_required=False),
)
async def rotate(desks: House, caller: Manager, key_id: Id, request: Request) -> NewKeyShape:
    """Replace what a key is; `key` is shown this once. The old one goes on for `grace_seconds`, by default for none."""
    wanted = await bodies.parse(request, Rotation, is_required=False)
    made, key = await desks.keyring.rotate(caller, key_id, timedelta(seconds=wanted.grace_seconds))
    return _shown(made, key)


@router.delete("/{key_id}", status_code=204, responses=documented(404))
async def revoke(desks: House, caller: Manager, key_id: Id) -> None:
    """Revoke a key: it opens nothing from now on."""
    await desks.keyring.revoke(caller, key_id)


def _shown(made: ApiKey, key: str) -> NewKeyShape:
    return NewKeyShape(**KeyShape.model_validate(made).model_dump(), key=key)
