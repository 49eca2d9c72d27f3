"""What every door shares: the desks behind it, who is calling, and how a page is asked for."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BeforeValidator
from temporalio.client import Client

from zonehook import ids
from zonehook.addresses import Network
from zonehook.archive import Archive
from zonehook.batches import Batches
from zonehook.catalogues import Catalogues
from zonehook.credits import Credits
from zonehook.errors import NotFound
from zonehook.facts import Facts
from zonehook.intake import Intake
from zonehook.interventions import Interventions
from zonehook.keyring import Keyring
from zonehook.members import Members
from zonehook.outcomes import Outcomes
from zonehook.recoveries import Recoveries
from zonehook.registry import Registry
from zonehook.roles import Action
from zonehook.scheduling import Scheduling
from zonehook.store.api_keys import KnownKey
from zonehook.store.database import Database
from zonehook.tenants import Caller, Operator, Tenants
from zonehook.trials import Trials

_bearer = HTTPBearer(auto_error=False, description="An API key: `zhk_…`")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True)
class Desks:
    """The desks the doors lead to, and what they stand on, for the question whether it is there."""

    tenants: Tenants
    members: Members
    keyring: Keyring
    registry: Registry
    intake: Intake
    facts: Facts
    outcomes: Outcomes
    batches: Batches
    scheduling: Scheduling
    catalogues: Catalogues
    trials: Trials
    archive: Archive
    interventions: Interventions
    recoveries: Recoveries
    credits: Credits
    database: Database
    client: Client
    source_ranges: tuple[Network, ...]  # which deliveries leave from


async def _desks(request: Request) -> Desks:  # async: FastAPI gives a thread to what is not
    desks: Desks = request.app.state.desks
    return desks


House = Annotated[Desks, Depends(_desks)]


def may(action: Action) -> Any:
    """The caller, whom the table of `zonehook.roles` lets do this: `caller: Annotated[Caller, may(Action.…)]`."""

    async def caller(desks: House, credentials: Credentials, request: Request) -> Caller:
        return desks.tenants.admitted(await _known(desks, credentials, request), action, _address(request))

    return Depends(caller)


async def _operator(desks: House, credentials: Credentials, request: Request) -> Operator:
    return desks.tenants.admitted_operator(await _known(desks, credentials, request), _address(request))


TheOperator = Annotated[Operator, Depends(_operator)]


async def _known(desks: Desks, credentials: HTTPAuthorizationCredentials | None, request: Request) -> KnownKey:
    """The key that came. The edge counts it, and tells its account's credits, whatever becomes of the request."""
    request.state.key = known = await desks.tenants.known(credentials.credentials if credentials else None)
    return known


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def _existing(text: str) -> str:
    if not ids.is_id(text):
        raise NotFound("not_found", f"there is no {text[:60]} in this account")
    return text


def _numbered(text: str) -> int:
    if not ids.is_number(text):
        raise NotFound("not_found", f"there is no account {text[:60]}")
    return int(text)


Id = Annotated[str, Path(), AfterValidator(_existing)]
AccountId = Annotated[int, Path(), BeforeValidator(_numbered)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=200)]
IdFilter = Annotated[str | None, Query(pattern=ids.PATTERN)]
