"""What needs no key: `/healthz`, `/readyz`, `/metrics` tell how the process is, `/ips` where deliveries come from."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy import text

from api.doors import House
from zonehook import metrics, temporal
from zonehook.errors import Unavailable
from zonehook.reading import example

router = APIRouter(tags=["health"])


class HealthShape(BaseModel):
    status: Literal["ok"]

    model_config = example(status="ok")


class ReadinessShape(BaseModel):
    status: Literal["ok", "unavailable"]
    database: bool
    temporal: bool

    model_config = example(status="ok", database=True, temporal=True)


class RangesShape(BaseModel):
    ranges: list[str]

    model_config = example(ranges=["192.0.2.0/28", "2001:db8::/64"])


_METRICS = 'zonehook_attempts_total{dialect="standard",outcome="delivered"} 1842.0\n'
_NOT_READY = {"application/json": {"example": {"status": "unavailable", "database": True, "temporal": False}}}


@router.get("/healthz")
async def healthz() -> HealthShape:
    """The process answers."""
    return HealthShape(status="ok")


@router.get(
    "/readyz",
    response_class=JSONResponse,
    responses={
        200: {"model": ReadinessShape},
        503: {"model": ReadinessShape, "description": "What is not reachable is false", "content": _NOT_READY},
    },
)
async def readyz(desks: House) -> JSONResponse:
    """Database and Temporal are reachable, or 503 with which is not."""
    reachable = {"database": await _database(desks), "temporal": await temporal.is_reachable(desks.client)}
    is_ready = all(reachable.values())
    return JSONResponse({"status": "ok" if is_ready else "unavailable", **reachable}, 200 if is_ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"example": _METRICS}}}})
async def read_metrics() -> Response:
    """What this process counted, for Prometheus."""
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


@router.get("/ips")
async def read_ranges(desks: House) -> RangesShape:
    """The address ranges that deliveries come from, for receivers' firewalls; empty where the operator names none."""
    return RangesShape(ranges=[str(each) for each in desks.source_ranges])


async def _database(desks: House) -> bool:
    try:
        await desks.database.read(lambda conn: conn.execute(text("SELECT 1")))
    except Unavailable:
        return False
    return True
