"""The turns of a recovery, at the desks that REST leads to."""

import contextlib

from temporalio import activity

from activities.again import again_later
from zonehook import messages
from zonehook.errors import Conflict, NotFound
from zonehook.recoveries import Recoveries
from zonehook.recovery import MissedBatch, RecoveryOrder, RecoveryTurn, Steering, Verb
from zonehook.redelivery import Redelivery
from zonehook.roles import Actor


class Recovering:
    """Holds the desks. Everything fails, to be called again, while the database or Temporal is away."""

    def __init__(self, redelivery: Redelivery, recoveries: Recoveries) -> None:
        self._redelivery = redelivery
        self._recoveries = recoveries

    @activity.defn(name=messages.LOOK_AT_RECOVERY)
    async def look_at_recovery(self, order: RecoveryOrder) -> RecoveryTurn:
        with again_later():
            return await self._redelivery.turn(order)

    @activity.defn(name=messages.SEND_MISSED_AGAIN)
    async def send_missed_again(self, batch: MissedBatch) -> RecoveryOrder:
        with again_later():
            return await self._redelivery.send(batch)

    @activity.defn(name=messages.STEER_RECOVERY)
    async def steer_recovery(self, steering: Steering) -> None:
        """What cannot be, such as to resume while the endpoint takes nothing, leaves all as it is."""
        with again_later(), contextlib.suppress(Conflict, NotFound):
            await self._recoveries.write(Actor(steering.account_id), steering.recovery_id, Verb(steering.verb))
