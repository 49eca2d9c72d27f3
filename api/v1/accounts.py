"""`/v1/accounts`: the operator opens accounts."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api import bodies
from api.bodies import Body, Text
from api.doors import House, Operator
from api.refusals import documented
from api.v1.shapes import Shape, Time

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


class NewAccount(Body):
    name: Annotated[Text, Field(min_length=1, max_length=200)]
    dialect: Annotated[Text, Field(max_length=40)] = "standard"
    plan: Annotated[Text, Field(max_length=40)] = "unlimited"


class NewAccountShape(Shape):
    id: int
    name: str
    dialect: str
    plan: str
    created_at: Time
    api_key: str


@router.post("", status_code=201, responses=documented(413), openapi_extra=bodies.describe(NewAccount))
async def open_account(desks: House, _operator: Operator, request: Request) -> NewAccountShape:
    """Open an account. `api_key` is shown this once."""
    wanted = await bodies.parse(request, NewAccount)
    account, key = await desks.tenants.open_account(wanted.name, wanted.dialect, wanted.plan)
    return NewAccountShape(
        id=account.id,
        name=account.name,
        dialect=account.dialect,
        plan=account.plan,
        created_at=account.created_at,
        api_key=key,
    )
