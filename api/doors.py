"""What every door shares: the desks behind it, who is calling, and how a page is asked for."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator
from temporalio.client import Client

from zonehook import ids
from zonehook.archive import Archive
from zonehook.catalogues import Catalogues
from zonehook.errors import NotFound
from zonehook.intake import Intake
from zonehook.interventions import Interventions
from zonehook.keys import Scope
from zonehook.registry import Registry
from zonehook.store.database import Database
from zonehook.tenants import Caller, Tenants
from zonehook.trials import Trials

_bearer = HTTPBearer(auto_error=False, description="An API key: `zhk_…`")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True)
class Desks:
    """The desks the doors lead to, and what they stand on, for the question whether it is there."""

    tenants: Tenants
    registry: Registry
    intake: Intake
    catalogues: Catalogues
    trials: Trials
    archive: Archive
    interventions: Interventions
    database: Database
    client: Client


async def _desks(request: Request) -> Desks:  # async: FastAPI gives a thread to what is not
    desks: Desks = request.app.state.desks
    return desks


House = Annotated[Desks, Depends(_desks)]


def _holder(*scopes: Scope) -> Callable[..., Coroutine[Any, Any, Caller]]:
    async def holder(desks: House, credentials: Credentials) -> Caller:
        return await desks.tenants.caller(credentials.credentials if credentials else None, scopes)

    return holder


async def _operator(desks: House, credentials: Credentials) -> str:
    return await desks.tenants.operator(credentials.credentials if credentials else None)


Reader = Annotated[Caller, Depends(_holder(Scope.MANAGE, Scope.READ))]
Manager = Annotated[Caller, Depends(_holder(Scope.MANAGE))]
Publisher = Annotated[Caller, Depends(_holder(Scope.MANAGE, Scope.PUBLISH))]
Operator = Annotated[str, Depends(_operator)]


def _existing(text: str) -> str:
    if not ids.is_id(text):
        raise NotFound("not_found", f"there is no {text[:60]} in this account")
    return text


Id = Annotated[str, Path(), AfterValidator(_existing)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=200)]
IdFilter = Annotated[str | None, Query(pattern=ids.PATTERN)]
