"""The two ways to set the no-op shape going: a loop in its worker's process, and HTTP as the real system has it."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from bench.arrivals import Arrivals
from zonehook import messages, temporal
from zonehook.messages import AcceptedEvent

QUEUE = "zonehook-bench-noop"
_FINGERPRINT = "0" * 64


class Doors:
    """Starts events' workflows exactly as `zonehook.intake` does, without what is around it."""

    def __init__(self, client: Client, arrivals: Arrivals) -> None:
        self._client = client
        self._arrivals = arrivals

    async def handle(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the bench asks over the pipe."""
        match asked["ask"]:
            case "expect":
                return self._arrivals.expect(asked["first"], asked["count"])
            case "start":
                return await self._start_all(asked["type"], asked["first"], asked["events"], asked["in_flight"])
            case _:
                return await self._arrivals.come(asked["seconds"])

    async def http(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Every request is an event, and is answered 202 when its workflow is started."""
        if scope["type"] != "http":
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        event = json.loads(body)
        await self._start(event["type"], event["data"]["n"], json.dumps(event["data"]))
        await send({"type": "http.response.start", "status": 202, "headers": [], "trailers": False})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    async def _start_all(self, type_: str, first: int, events: int, in_flight: int) -> dict[str, Any]:
        numbers = iter(range(first, first + events))

        async def start_some() -> None:
            for number in numbers:
                await self._start(type_, number, json.dumps({"n": number, "filler": "x" * 200}))

        began = time.time()
        await asyncio.gather(*(start_some() for _ in range(in_flight)))
        return {"began": began}

    async def _start(self, type_: str, number: int, data: str) -> None:
        accepted_at = datetime.now(UTC)
        await self._client.start_workflow(
            messages.EVENT_WORKFLOW,
            AcceptedEvent(0, f"noop-{number}", type_, data, accepted_at, _FINGERPRINT),
            id=f"event/0/noop-{number}",
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={"fingerprint": _FINGERPRINT, "accepted_at": accepted_at.isoformat()},
            search_attributes=temporal.search_attributes(0, type_),
            static_summary=type_,
            request_eager_start=True,
            task_timeout=messages.TASK_TIMEOUT,
            rpc_timeout=temporal.RPC_TIMEOUT,
        )
