"""`/v2/whoami` and `/v2/accounts`: for clients that look up the account's id."""

from typing import Annotated

from fastapi import APIRouter

from api import examples
from api.doors import Desks, House, may
from api.v1.shapes import Shape, Time
from api.v2.refusals import documented
from zonehook.reading import example
from zonehook.roles import Action
from zonehook.tenants import Caller

Viewer = Annotated[Caller, may(Action.VIEW_ACCOUNT)]
router = APIRouter(prefix="/v2", tags=["dnsimple v2"])


class AccountShape(Shape):
    id: int
    email: str
    name: str
    plan_identifier: str
    created_at: Time
    updated_at: Time

    model_config = example(
        id=examples.ACCOUNT,
        email=examples.PERSON,
        name="Bücher GmbH",
        plan_identifier="pro",
        created_at=examples.OPENED,
        updated_at=examples.OPENED,
    )


class Identity(Shape):
    user: None
    account: AccountShape


class IdentityAnswer(Shape):
    data: Identity


class AccountsAnswer(Shape):
    data: list[AccountShape]


@router.head("/whoami", include_in_schema=False)
@router.get("/whoami", responses=documented())
async def whoami(desks: House, caller: Viewer) -> IdentityAnswer:
    """Whose key this is: an account's, so `user` is null."""
    return IdentityAnswer(data=Identity(user=None, account=await _account(desks, caller.account_id)))


@router.head("/accounts", include_in_schema=False)
@router.get("/accounts", responses=documented())
async def accounts(desks: House, caller: Viewer) -> AccountsAnswer:
    """The accounts that the key reaches: its own."""
    return AccountsAnswer(data=[await _account(desks, caller.account_id)])


async def _account(desks: Desks, account_id: int) -> AccountShape:
    account = await desks.tenants.account(account_id)
    owner = await desks.members.first_owner(account_id)
    return AccountShape(
        id=account.id,
        email=owner.email if owner else "",  # clients in typed languages take no null here
        name=account.name,
        plan_identifier=account.plan,
        created_at=account.created_at,
        updated_at=account.created_at,
    )
