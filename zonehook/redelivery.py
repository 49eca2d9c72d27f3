"""The desk that carries recoveries out, turn by turn: what was missed next, and sending that again."""

from dataclasses import replace
from typing import Any

from zonehook import clock, endpoints
from zonehook.errors import Conflict, NotFound
from zonehook.interventions import Interventions
from zonehook.recovery import OVER, MissedBatch, RecoveryOrder, RecoveryStatus, RecoveryTurn
from zonehook.store import endpoints as stored
from zonehook.store import recoveries
from zonehook.store.database import Database
from zonehook.store.recoveries import Failure, Recovery

_MOST_WAITING = 40  # first attempts to its endpoint: fewer than a worker makes to one, so that new events' find a place
_CROWDED_SECONDS = 1.0
_IDLE_SECONDS = 60.0  # until one that is paused looks by itself; a signal is quicker


class Redelivery:
    """Sends `per_second` deliveries to an endpoint again at most, and fewer while it is slower than that."""

    def __init__(self, database: Database, interventions: Interventions, per_second: float) -> None:
        self._database = database
        self._interventions = interventions
        self._per_second = per_second

    async def turn(self, order: RecoveryOrder) -> RecoveryTurn:
        """What is to be done now. Here it pauses, because its endpoint takes nothing, and here it ends. Raises
        Unavailable.
        """
        found = await self._database.read(recoveries.get, order.account_id, order.recovery_id)
        if found is None:  # whoever ordered it crashed before it was written down
            total = await self._database.read(recoveries.count_missed, order)
            found = await self._database.write(recoveries.begin, order, total)
            if found.id != order.recovery_id:
                return RecoveryTurn(RecoveryStatus.CANCELLED, f"{found.id} of this endpoint is under way", 0, (), 0)
        if found.status in OVER:
            return _idle(found)
        stops = await self._stops(order)
        if stops is not None and stops["status"] is not found.status:
            return await self._change(order, stops)
        if found.status is RecoveryStatus.PAUSED:
            return _idle(found)
        limit, seconds = await self._pace(order)
        missed = await self._database.read(recoveries.missed, order, limit)
        if not missed:
            seen = order.done + order.failed  # what was sent again by hand meanwhile is missed no more
            return await self._change(order, _ended(RecoveryStatus.COMPLETED, None) | {"total": seen})
        return RecoveryTurn(found.status, None, found.total, tuple(missed), seconds)

    async def send(self, batch: MissedBatch) -> RecoveryOrder:
        """Sends these again, one after the other, until the endpoint takes nothing; returns the order from there on.

        Called again, after a crash, it sends none of them twice; and none at all any more when the recovery was paused
        or cancelled meanwhile. Raises Unavailable.
        """
        order, failures = batch.order, list[Failure]()
        found = await self._database.read(recoveries.get, order.account_id, order.recovery_id)
        is_running = found is not None and found.status is RecoveryStatus.RUNNING
        for each in batch.missed:
            try:
                is_sent = await self._interventions.replay_after(
                    order.account_id, each.delivery_id, each.run, may_begin=is_running
                )
                if not is_sent and not is_running:
                    break
                order = replace(order, done=order.done + is_sent)
            except (Conflict, NotFound) as refusal:
                if refusal.code == Conflict.INACTIVE:
                    break
                failures.append(Failure(each.delivery_id, refusal.message))
                order = replace(order, failed=order.failed + 1)
            order = replace(order, since=each.created_at, after=each.delivery_id)
        await self._database.write(recoveries.advance, order, failures)
        return order

    async def _stops(self, order: RecoveryOrder) -> dict[str, Any] | None:
        """What is to be written where the endpoint takes nothing."""
        endpoint = await self._database.read(stored.get, order.account_id, order.endpoint_id)
        if endpoint is None:
            return _ended(RecoveryStatus.CANCELLED, "the endpoint was deleted")
        inactive = endpoints.inactive_because(endpoint.disabled_at, endpoint.suppressed_at)
        if inactive is None:
            return None
        told = f"{Conflict.inactive(inactive).message}, then resume this recovery"
        return {"status": RecoveryStatus.PAUSED, "reason": told}

    async def _pace(self, order: RecoveryOrder) -> tuple[int, float]:
        """How many to send now, and the seconds until the next: one at least, lest deliveries whose workflows were
        ended by an operator, and which nobody attempts any more, hold it up.
        """
        usual = max(1, int(min(self._per_second, _MOST_WAITING)))
        seconds = usual / self._per_second
        account_id, endpoint_id = order.account_id, order.endpoint_id
        waiting = await self._database.read(recoveries.count_unattempted, account_id, endpoint_id, _MOST_WAITING)
        room = _MOST_WAITING - waiting
        return (usual, seconds) if room >= usual else (max(1, room), max(seconds, _CROWDED_SECONDS))

    async def _change(self, order: RecoveryOrder, values: dict[str, Any]) -> RecoveryTurn:
        changed = await self._database.write(recoveries.change, order.account_id, order.recovery_id, values)
        return await self.turn(order) if changed is None else _idle(changed)


def _idle(found: Recovery) -> RecoveryTurn:
    return RecoveryTurn(found.status, found.reason, found.total, (), _IDLE_SECONDS)


def _ended(status: RecoveryStatus, reason: str | None) -> dict[str, Any]:
    return {"status": status, "reason": reason, "completed_at": clock.now()}
