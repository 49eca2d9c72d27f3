"""`/public/v1/resolve`: the cheap call by which CaptainDNS's users watch over their key and their credits."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api import bodies
from api.doors import may
from api.refusals import documented
from api.v1.shapes import Shape
from zonehook import canary
from zonehook.reading import Body, example
from zonehook.roles import Action
from zonehook.tenants import Caller

router = APIRouter(prefix="/public/v1", tags=["captaindns"])

Looker = Annotated[Caller, may(Action.VIEW_NAMES)]


class Question(Body):
    domain: Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9.-]+$")]

    model_config = example(domain="example.com")


class AnswerShape(Shape):
    domain: str
    resolves: bool

    model_config = example(domain="example.com", resolves=True)


@router.post("/resolve", responses=documented(413), openapi_extra=bodies.describe(Question))
async def resolve(_caller: Looker, request: Request) -> AnswerShape:
    """Tell whether a name resolves to public addresses. It costs no credits, and `X-Credits-Remaining`, as on every
    answer, tells how many are left.
    """
    domain = (await bodies.parse(request, Question)).domain
    return AnswerShape(domain=domain, resolves=await canary.resolves(domain))
