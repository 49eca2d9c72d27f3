"""What needs no key: `/healthz`, `/readyz`, `/metrics` tell how the process is, `/ips` where deliveries come from."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy import text

from api.doors import House
from zonehook import metrics, temporal
from zonehook.errors import Unavailable

router = APIRouter(tags=["health"])


class RangesShape(BaseModel):
    ranges: list[str]


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "What is not reachable is false"}})
async def readyz(desks: House) -> JSONResponse:
    """Database and Temporal are reachable, or 503 with which is not."""
    reachable = {"database": await _database(desks), "temporal": await temporal.is_reachable(desks.client)}
    is_ready = all(reachable.values())
    return JSONResponse({"status": "ok" if is_ready else "unavailable", **reachable}, 200 if is_ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
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
