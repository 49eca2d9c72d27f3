"""What v2's doors share: the account in the path is the caller's, and the webhook's number is one."""

import re
from typing import Annotated, Any

from fastapi import Depends, Path

from api.doors import may
from api.v2 import refusals
from zonehook.errors import NotFound
from zonehook.roles import Action
from zonehook.tenants import Caller

# SQLite takes no whole number of twenty digits
_NUMBER = re.compile(r"[0-9]{1,18}")
_Account = Annotated[str, Path(description="The account's id", json_schema_extra={"type": "integer"})]
_Webhook = Annotated[str, Path(description="The webhook's id", json_schema_extra={"type": "integer"})]


def _own(caller: Caller, account: str) -> Caller:
    if not _NUMBER.fullmatch(account) or int(account) != caller.account_id:
        raise NotFound("not_found", refusals.NOT_FOUND)
    return caller


def _in_its_account(action: Action) -> Any:
    async def caller(caller: Annotated[Caller, may(action)], account: _Account) -> Caller:
        return _own(caller, account)

    return Depends(caller)


async def _number(webhook: _Webhook) -> int:
    if not _NUMBER.fullmatch(webhook):
        raise no_webhook(webhook)
    return int(webhook)


def no_webhook(number: int | str) -> NotFound:
    return NotFound("not_found", f"Webhook `{str(number)[:60]}` not found")


Viewer = Annotated[Caller, _in_its_account(Action.VIEW_ENDPOINTS)]
Creator = Annotated[Caller, _in_its_account(Action.CREATE_ENDPOINTS)]
Deleter = Annotated[Caller, _in_its_account(Action.DELETE_ENDPOINTS)]
Number = Annotated[int, Depends(_number)]
