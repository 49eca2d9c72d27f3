"""`/v2/whoami` and `/v2/accounts`: for clients that look up the account's id."""

from fastapi import APIRouter

from api.doors import House, Reader
from api.v1.shapes import Shape, Time
from api.v2.refusals import documented
from zonehook.store.accounts import Account

router = APIRouter(prefix="/v2", tags=["dnsimple v2"])


class AccountShape(Shape):
    id: int
    email: str
    name: str
    plan_identifier: str
    created_at: Time
    updated_at: Time


class Identity(Shape):
    user: None
    account: AccountShape


class IdentityAnswer(Shape):
    data: Identity


class AccountsAnswer(Shape):
    data: list[AccountShape]


@router.head("/whoami", include_in_schema=False)
@router.get("/whoami", responses=documented())
async def whoami(desks: House, caller: Reader) -> IdentityAnswer:
    """Whose key this is: an account's, so `user` is null."""
    account = await desks.tenants.account(caller.account_id)
    return IdentityAnswer(data=Identity(user=None, account=_shape(account)))


@router.head("/accounts", include_in_schema=False)
@router.get("/accounts", responses=documented())
async def accounts(desks: House, caller: Reader) -> AccountsAnswer:
    """The accounts that the key reaches: its own."""
    account = await desks.tenants.account(caller.account_id)
    return AccountsAnswer(data=[_shape(account)])


def _shape(account: Account) -> AccountShape:
    return AccountShape(
        id=account.id,
        email=_email(account),
        name=account.name,
        plan_identifier=account.plan,
        created_at=account.created_at,
        updated_at=account.created_at,
    )


def _email(_account: Account) -> str:
    return ""  # clients in typed languages take no null here
