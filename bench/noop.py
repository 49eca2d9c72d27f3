"""The engine's floor: the very workflows of Zonehook over activities that do nothing, on the same Temporal server.

No database, no HTTP attempt, a task queue of its own, and the options of worker.py.
"""

import asyncio
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import uvicorn
import uvloop
from temporalio import activity
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.worker import Worker

import worker
from bench import helper
from bench.arrivals import Arrivals
from bench.doors import QUEUE, Doors
from bench.plan import TYPES
from workflows.delivery import Delivery
from workflows.event import Event
from zonehook import dialects, messages, temporal
from zonehook.messages import AcceptedEvent, AtOnce, DeliveryEnd, DeliveryOrder, OpenedDeliveries

_ENDPOINTS = {type_: fan_out for fan_out, type_ in TYPES.items()}
_POLICY = dialects.named("standard").policy


class Nothing:
    """The activities by their real names. The attempt only notes that it was made."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    @activity.defn(name=messages.OPEN_DELIVERIES)
    async def open_deliveries(self, event: AcceptedEvent) -> OpenedDeliveries:
        """As many orders as the real event would have endpoints."""
        orders = tuple(
            DeliveryOrder(
                account_id=0,
                delivery_id=f"{event.id}-{index}",
                endpoint_id=f"ep_{index:026}",
                event_type=event.type,
                host="127.0.0.1",
                policy=_POLICY,
                at_once=True,
            )
            for index in range(_ENDPOINTS[event.type])
        )
        return OpenedDeliveries(orders, next=None)

    @activity.defn(name=messages.DELIVER_AT_ONCE)
    async def deliver_at_once(self, order: DeliveryOrder) -> AtOnce:
        """The same, as the first attempt of an endpoint that is well."""
        return AtOnce(await self.deliver(order), order)

    @activity.defn(name=messages.DELIVER)
    async def deliver(self, order: DeliveryOrder) -> DeliveryEnd:
        """Delivered, without an attempt."""
        self._arrivals.note(int(order.delivery_id.split("-")[1]), time.time())
        return DeliveryEnd("delivered", 1)


async def _work(address: str) -> None:
    arrivals = Arrivals()
    client = await temporal.connect(address)
    doors = Doors(client, arrivals)
    server = uvicorn.Server(
        uvicorn.Config(
            doors.http,
            port=0,
            interface="asgi3",
            http="httptools",
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
    )
    async with _worker(client, arrivals):
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # uvicorn has no event for it
        host, port = server.servers[0].sockets[0].getsockname()
        worker.settle()  # as the real one
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
        hello = {"url": f"http://{host}:{port}", "temporal_server": info.server_version}
        await helper.answer(hello, doors.handle)
        server.should_exit = True
        await serving


def _worker(client: Client, arrivals: Arrivals) -> Worker:
    nothing = Nothing(arrivals)
    activities: list[Callable[..., Any]] = [nothing.open_deliveries, nothing.deliver, nothing.deliver_at_once]
    return worker.on(client, QUEUE, [Event, Delivery], activities, is_sandboxed=False)


if __name__ == "__main__":
    try:
        uvloop.run(_work(sys.argv[1]))
    except Exception:  # noqa: BLE001
        traceback.print_exc()
    os._exit(0)  # temporalio's runtime sometimes aborts in the interpreter's own way out
