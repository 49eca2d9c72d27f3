"""`/v1/audit-log`: who changed what in an account."""

from typing import Annotated

from fastapi import APIRouter

from api import examples
from api.doors import Cursor, House, Limit, may
from api.refusals import documented
from api.v1.shapes import PageShape, Shape, Time
from zonehook.reading import example
from zonehook.roles import Action
from zonehook.store.audit import Entry
from zonehook.store.pages import Page
from zonehook.tenants import Caller

router = APIRouter(prefix="/v1/audit-log", tags=["audit log"])

Reader = Annotated[Caller, may(Action.READ_AUDIT_LOG)]


class EntryShape(Shape):
    id: str
    action: str
    object_id: str
    key_id: str | None
    email: str | None
    address: str | None
    created_at: Time

    model_config = example(
        id=examples.ENTRY,
        action="endpoint.created",
        object_id=examples.ENDPOINT,
        key_id=examples.KEY,
        email=examples.PERSON,
        address="192.0.2.7",
        created_at=examples.REGISTERED,
    )


@router.get("", response_model=PageShape[EntryShape], responses=documented())
async def page(desks: House, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Page[Entry]:
    """Every change to the account, its endpoints, members and keys, newest first: by which key, whose it was then, and
    from which address. `key_id` is null for what Zonehook did itself when it started first.
    """
    return await desks.tenants.audit_log(caller.account_id, limit, cursor)
