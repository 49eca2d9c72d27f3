"""`/v1/accounts`: the operator opens and changes accounts. `/v1/account`: the caller's own."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api import bodies, examples
from api.doors import AccountId, Cursor, House, Limit, TheOperator, may
from api.refusals import documented
from api.v1.shapes import PageShape, Shape, Time
from zonehook.reading import Body, Text, example
from zonehook.roles import Action
from zonehook.store.accounts import Account
from zonehook.store.pages import Page
from zonehook.tenants import Caller

router = APIRouter(tags=["accounts"])

Viewer = Annotated[Caller, may(Action.VIEW_ACCOUNT)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Plan = Annotated[Text, Field(max_length=40)]


class NewAccount(Body):
    name: Name
    dialect: Annotated[Text, Field(max_length=40)] = "standard"
    plan: Plan = "unlimited"
    owner_email: Annotated[Text, Field(max_length=254)] | None = None

    model_config = example(name="Bücher GmbH", dialect="standard", plan="pro", owner_email=examples.PERSON)


class AccountChanges(Body):
    # None is no value of these: a field that is left out stays as it is
    name: Name = ""
    plan: Plan = ""

    model_config = example(plan="business")


class AccountShape(Shape):
    id: int
    name: str
    dialect: str
    plan: str
    created_at: Time

    model_config = example(
        id=examples.ACCOUNT, name="Bücher GmbH", dialect="standard", plan="pro", created_at=examples.OPENED
    )


class NewAccountShape(AccountShape):
    api_key: str

    model_config = example(AccountShape, api_key=examples.API_KEY)


@router.post("/v1/accounts", status_code=201, responses=documented(413), openapi_extra=bodies.describe(NewAccount))
async def open_account(desks: House, operator: TheOperator, request: Request) -> NewAccountShape:
    """Open an account. `api_key` is its owner's, shown this once; with `owner_email` the owner is its first member."""
    wanted = await bodies.parse(request, NewAccount)
    account, key = await desks.tenants.open_account(
        wanted.name, wanted.dialect, wanted.plan, wanted.owner_email, operator
    )
    return NewAccountShape(**AccountShape.model_validate(account).model_dump(), api_key=key)


@router.get("/v1/accounts", response_model=PageShape[AccountShape], responses=documented())
async def page(desks: House, _operator: TheOperator, limit: Limit = 50, cursor: Cursor = None) -> Page[Account]:
    """All accounts, newest first."""
    return await desks.tenants.page(limit, cursor)


@router.get("/v1/accounts/{account_id}", response_model=AccountShape, responses=documented(404))
async def read(desks: House, _operator: TheOperator, account_id: AccountId) -> Account:
    """One account."""
    return await desks.tenants.account(account_id)


@router.patch(
    "/v1/accounts/{account_id}",
    response_model=AccountShape,
    responses=documented(404, 413),
    openapi_extra=bodies.describe(AccountChanges),
)
async def change(desks: House, operator: TheOperator, account_id: AccountId, request: Request) -> Account:
    """Change name or plan; what is left out stays, and so does the dialect: its endpoints and producers speak it."""
    wanted = await bodies.parse(request, AccountChanges)
    return await desks.tenants.change_account(operator, account_id, wanted.model_dump(exclude_unset=True))


@router.get("/v1/account", response_model=AccountShape, responses=documented())
async def read_own(desks: House, caller: Viewer) -> Account:
    """The account that this key belongs to."""
    return await desks.tenants.account(caller.account_id)
