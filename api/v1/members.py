"""`/v1/members`: the people of an account and their roles."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from api import bodies, examples
from api.doors import Cursor, House, Id, Limit, may
from api.refusals import documented
from api.v1.shapes import PageShape, Shape, Time
from zonehook.reading import Body, Text, example
from zonehook.roles import Action, Role
from zonehook.store.members import Member
from zonehook.store.pages import Page
from zonehook.tenants import Caller

router = APIRouter(prefix="/v1/members", tags=["members"])

Viewer = Annotated[Caller, may(Action.VIEW_MEMBERS)]
Manager = Annotated[Caller, may(Action.MANAGE_MEMBERS)]
RoleName = Literal["owner", "admin", "member"]
_LAST_OWNER = "this is the last owner of the account; make somebody else an owner first"


class NewMember(Body):
    email: Annotated[Text, Field(max_length=254)]
    role: RoleName

    model_config = example(email=examples.PERSON, role="admin")


class MemberChanges(Body):
    role: RoleName

    model_config = example(role="owner")


class MemberShape(Shape):
    id: str
    email: str
    role: RoleName
    created_at: Time

    model_config = example(id=examples.MEMBER, email=examples.PERSON, role="admin", created_at=examples.OPENED)


@router.post(
    "",
    status_code=201,
    response_model=MemberShape,
    responses=documented(413, member_exists="ada@example.com is a member already; change the role instead"),
    openapi_extra=bodies.describe(NewMember),
)
async def add(desks: House, caller: Manager, request: Request) -> Member:
    """Add a person. Keys are made for them by `POST /v1/api-keys` with their `member_id`; only an owner adds owners."""
    wanted = await bodies.parse(request, NewMember)
    return await desks.members.add(caller, wanted.email, Role(wanted.role))


@router.get("", response_model=PageShape[MemberShape], responses=documented())
async def page(desks: House, caller: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[Member]:
    """The account's members, newest first."""
    return await desks.members.page(caller.account_id, limit, cursor)


@router.patch(
    "/{member_id}",
    response_model=MemberShape,
    responses=documented(404, 413, last_owner=_LAST_OWNER),
    openapi_extra=bodies.describe(MemberChanges),
)
async def change_role(desks: House, caller: Manager, member_id: Id, request: Request) -> Member:
    """Change a member's role; their keys follow at once, and those of a new owner are revoked. Only an owner makes
    owners, and the last one stays.
    """
    wanted = await bodies.parse(request, MemberChanges)
    return await desks.members.change_role(caller, member_id, Role(wanted.role))


@router.delete("/{member_id}", status_code=204, responses=documented(404, last_owner=_LAST_OWNER))
async def remove(desks: House, caller: Manager, member_id: Id) -> None:
    """Remove a member; their keys open nothing from now on. The last owner stays."""
    await desks.members.remove(caller, member_id)
