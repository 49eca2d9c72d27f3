"""`/healthz` says that the process answers, `/readyz` whether what it stands on does."""

import os
import signal
from pathlib import Path

import httpx

from tests.running import House, running


async def test_healthy(house: House) -> None:
    """Both are 200 without a key while database and Temporal are there."""
    async with httpx.AsyncClient(base_url=house.credentials["url"], trust_env=False) as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "database": True, "temporal": True})


async def test_while_temporal_is_away(tmp_path: Path, trusting: dict[str, str]) -> None:
    """While Temporal does not answer, /readyz is a 503 that says so, reading goes on, and afterwards all is well."""
    async with running(tmp_path, trusting) as own_house:
        account = own_house.account()
        temporal = int((tmp_path / "temporal.pid").read_text())
        os.kill(temporal, signal.SIGSTOP)
        try:
            alive = await account.client.get("/healthz")
            ready = await account.client.get("/readyz")
            listed = await account.client.get("/v1/webhook-endpoints")
        finally:
            os.kill(temporal, signal.SIGCONT)
        again = await account.client.get("/readyz")

    assert (alive.status_code, listed.status_code) == (200, 200)
    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "database": True, "temporal": False})
    assert (again.status_code, again.json()["temporal"]) == (200, True)
