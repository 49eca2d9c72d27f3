"""The desk for events that wait for their time: move them, cancel them.

The records say whether an event still waits, and its deliveries are opened in the transaction that lets it go: whatever
races with that is either before it or too late.
"""

import contextlib
from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from zonehook import clock, messages, schedules, temporal
from zonehook.errors import Conflict, Invalid, Unavailable
from zonehook.intake import Intake
from zonehook.messages import AcceptedEvent, EventChange
from zonehook.store import events
from zonehook.store.database import Database

_AFTER_THE_CHANGE = timedelta(seconds=30)  # longer than the records may take to be changed
_TOO_LATE = {
    messages.ACCEPTED: "it is being delivered already",
    messages.PUBLISHED: "it is being delivered already; cancel its deliveries instead",
    messages.CANCELLED: "it was cancelled already; publish another event",
}
NOT_RUNNING = "nothing waits for its time: its workflow was ended by an operator"


class Scheduling:
    """Both raise NotFound; Conflict once the event is let go or cancelled; Unavailable: then all may be asked again."""

    def __init__(self, database: Database, client: Client, intake: Intake) -> None:
        self._database = database
        self._client = client
        self._intake = intake

    async def reschedule(self, account_id: int, event_id: str, deliver_at: datetime) -> None:
        """Moves it; a time that has passed lets it go at once. Raises Invalid, too, for one that is too far ahead.

        Its workflow is told before to look at the records then, too, but not before they are surely changed: a crash
        after that makes nothing later than half a minute from now. And told after, since that time may be now.
        """
        if problem := schedules.deliver_at_problem(deliver_at, clock.now()):
            raise Invalid.field("deliver_at", problem)
        event = await self._waiting(account_id, event_id)
        await self._tell(event, max(deliver_at, clock.now() + _AFTER_THE_CHANGE))
        await self._change(event, deliver_at)
        with contextlib.suppress(Conflict):  # it was quicker
            await self._tell(event)

    async def cancel(self, account_id: int, event_id: str) -> None:
        """No delivery of it is ever opened."""
        event = await self._waiting(account_id, event_id)
        await self._change(event, None)
        with contextlib.suppress(Conflict, Unavailable):  # it finds out when its time comes
            await self._tell(event)

    async def write(self, change: EventChange) -> bool:
        """What was asked for by a signal, into the records alone. Whether it was in time. Raises Unavailable."""
        return await self._database.write(events.change, change)

    async def _waiting(self, account_id: int, event_id: str) -> AcceptedEvent:
        event, _ = await self._intake.find(account_id, event_id)
        if event.status != messages.SCHEDULED:
            raise Conflict("event_not_scheduled", _TOO_LATE[event.status])
        return event

    async def _change(self, event: AcceptedEvent, deliver_at: datetime | None) -> None:
        await self._database.write(events.hold, [event])  # its workflow may not have come to it yet
        if not await self.write(EventChange(event.account_id, event.id, deliver_at)):
            await self._waiting(event.account_id, event.id)
            raise Conflict("event_not_scheduled", _TOO_LATE[messages.PUBLISHED])

    async def _tell(self, event: AcceptedEvent, at: datetime | None = None) -> None:
        handle = self._client.get_workflow_handle(messages.event_workflow_id(event.account_id, event.id))
        try:
            with temporal.as_unavailable():
                await handle.signal(messages.LOOK_AGAIN, at, rpc_timeout=temporal.RPC_TIMEOUT)
        except RPCError as problem:
            if problem.status is not RPCStatusCode.NOT_FOUND:
                raise
            await self._tell_from_its_start(event, at)

    async def _tell_from_its_start(self, event: AcceptedEvent, at: datetime | None) -> None:
        """Of a batch's event no worker may have started the workflow yet."""
        waiting = await self._waiting(event.account_id, event.id)
        try:
            await self._intake.start_held(waiting, messages.LOOK_AGAIN, at)
        except WorkflowAlreadyStartedError:
            await self._waiting(event.account_id, event.id)
            raise Conflict("not_running", NOT_RUNNING) from None
