"""The desk for recoveries: order one, look at it, pause it, go on, cancel it. What it then does is in `redelivery`."""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from zonehook import clock, endpoints, messages, temporal, verdicts
from zonehook.errors import Conflict, Invalid, NotFound, Unavailable
from zonehook.recovery import OVER, RecoveryOrder, RecoveryStatus, Verb
from zonehook.roles import Actor
from zonehook.store import endpoints as stored
from zonehook.store import recoveries
from zonehook.store.database import Database
from zonehook.store.pages import Page
from zonehook.store.recoveries import Recovery

_WRITTEN: dict[Verb, tuple[str, dict[str, Any]]] = {
    Verb.PAUSE: ("recovery.paused", {"status": RecoveryStatus.PAUSED, "reason": "it was paused by hand"}),
    Verb.RESUME: ("recovery.resumed", {"status": RecoveryStatus.RUNNING, "reason": None}),
    Verb.CANCEL: ("recovery.cancelled", {"status": RecoveryStatus.CANCELLED, "reason": "it was cancelled by hand"}),
}


class Recoveries:
    """Each endpoint has one under way at most."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database = database
        self._client = client

    async def start(
        self, actor: Actor, endpoint_id: str, since: datetime, until: datetime | None, statuses: Sequence[str]
    ) -> Recovery:
        """Sends again what the endpoint missed from `since` to before `until`, now at the latest; `statuses` are some
        of verdicts.MISSED. Durable when it returns: Temporal holds its workflow, which writes it down where a crash
        kept this from it.

        Raises NotFound; Invalid for times that hold nothing; Conflict when the endpoint takes nothing, or another of
        its recoveries is under way; Unavailable, and then it may have begun: the next call's Conflict names it.
        """
        order = _order(actor, endpoint_id, since, until, statuses)
        await self._check_active(actor.account_id, endpoint_id)
        other = await self._database.read(recoveries.under_way, actor.account_id, endpoint_id)
        if other is not None:
            raise _beside(other)
        total = await self._database.read(recoveries.count_missed, order)
        await self._start(order)
        begun = await self._database.write(recoveries.begin, order, total)
        if begun.id != order.recovery_id:  # two were ordered at once; this one's workflow may not know it yet
            await self._terminate(order)
            ended = {"status": RecoveryStatus.CANCELLED, "completed_at": clock.now()}
            # Where it found the other one over before it was terminated, it has written itself down
            await self._database.write(recoveries.change, order.account_id, order.recovery_id, ended)
            raise _beside(begun)
        return begun

    async def get(self, account_id: int, recovery_id: str) -> Recovery:
        """Raises NotFound."""
        found = await self._database.read(recoveries.get, account_id, recovery_id)
        if found is None:
            raise NotFound("not_found", f"there is no recovery {recovery_id[:60]} in this account")
        return found

    async def page(self, account_id: int, limit: int, cursor: str | None) -> Page[Recovery]:
        return await self._database.read(recoveries.page, account_id, limit, cursor)

    async def steer(self, actor: Actor, recovery_id: str, verb: Verb) -> Recovery:
        """Pauses, resumes or cancels it; again changes nothing. The records are written first: its workflow asks them
        before each batch, and at least once a minute, whether it hears the signal or not.

        Raises NotFound; Conflict when it has ended, or is to be resumed while its endpoint takes nothing; Unavailable.
        """
        steered = await self.write(actor, recovery_id, verb)
        with contextlib.suppress(RPCError, Unavailable), temporal.as_unavailable():
            handle = self._client.get_workflow_handle(f"recovery/{recovery_id}")
            await handle.signal(messages.LOOK_AGAIN, rpc_timeout=temporal.RPC_TIMEOUT)
        return steered

    async def write(self, actor: Actor, recovery_id: str, verb: Verb) -> Recovery:
        """The same without telling the workflow, which is who calls it."""
        found = await self.get(actor.account_id, recovery_id)
        if found.status in OVER:
            raise _ended(found)
        action, values = _WRITTEN[verb]
        if found.status is values["status"]:
            return found
        if verb is Verb.RESUME:
            await self._check_active(actor.account_id, found.endpoint_id)
        if verb is Verb.CANCEL:
            values = values | {"completed_at": clock.now()}
        changed = await self._database.write(recoveries.change_by, actor, recovery_id, action, values)
        if changed is None:
            raise _ended(await self.get(actor.account_id, recovery_id))
        return changed

    async def _check_active(self, account_id: int, endpoint_id: str) -> None:
        endpoint = await self._database.read(stored.get, account_id, endpoint_id)
        if endpoint is None:
            raise NotFound.endpoint(endpoint_id)
        inactive = endpoints.inactive_because(endpoint.disabled_at, endpoint.suppressed_at)
        if inactive is not None:
            raise Conflict.inactive(inactive)

    async def _start(self, order: RecoveryOrder) -> None:
        with temporal.as_unavailable():
            await self._client.start_workflow(
                messages.RECOVERY_WORKFLOW,
                order,
                id=order.workflow_id,
                task_queue=messages.TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=temporal.search_attributes(order.account_id, endpoint_id=order.endpoint_id),
                static_summary=f"what {order.endpoint_id} missed since {order.since:%Y-%m-%d %H:%M:%S} UTC",
                task_timeout=messages.TASK_TIMEOUT,
                rpc_timeout=temporal.RPC_TIMEOUT,
            )

    async def _terminate(self, order: RecoveryOrder) -> None:
        """Raises Unavailable: its workflow must not begin, later, what was refused now."""
        try:
            with temporal.as_unavailable():
                handle = self._client.get_workflow_handle(order.workflow_id)
                await handle.terminate("another of this endpoint is under way", rpc_timeout=temporal.RPC_TIMEOUT)
        except RPCError as problem:
            if problem.status is not RPCStatusCode.NOT_FOUND:  # it found out by itself, and ended
                raise


def _order(
    actor: Actor, endpoint_id: str, since: datetime, until: datetime | None, statuses: Sequence[str]
) -> RecoveryOrder:
    now = clock.now()
    if since >= now:
        raise Invalid.field("since", "since lies in the future; give the moment from which on deliveries were missed")
    if until is not None and until <= since:
        raise Invalid.field("until", "until must be later than since")
    return RecoveryOrder(
        account_id=actor.account_id,
        recovery_id=clock.new_id("rcv"),
        endpoint_id=endpoint_id,
        since=since,
        until=now if until is None else min(until, now),
        statuses=tuple(status for status in verdicts.MISSED if status in statuses),
        ordered_at=now,
        key_id=actor.key_id,
        email=actor.email,
        address=actor.address,
    )


def _beside(other: Recovery) -> Conflict:
    to_do = "resume or cancel it" if other.status is RecoveryStatus.PAUSED else "await its end, or cancel it first"
    return Conflict("recovery_under_way", f"{other.id} of this endpoint is {other.status}; {to_do}")


def _ended(found: Recovery) -> Conflict:
    return Conflict("recovery_ended", f"this recovery is {found.status} already; start another")
