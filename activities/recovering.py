"""The turns of a recovery, at the desks that REST leads to."""

import contextlib
from collections.abc import Awaitable
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook import messages
from zonehook.errors import Conflict, NotFound, Unavailable
from zonehook.recoveries import Recoveries
from zonehook.recovery import MissedBatch, RecoveryOrder, RecoveryTurn, Steering, Verb
from zonehook.redelivery import Redelivery
from zonehook.roles import Actor

Answer = TypeVar("Answer")


class Recovering:
    """Holds the desks. Everything fails, to be called again, while the database or Temporal is away."""

    def __init__(self, redelivery: Redelivery, recoveries: Recoveries) -> None:
        self._redelivery = redelivery
        self._recoveries = recoveries

    @activity.defn(name=messages.LOOK_AT_RECOVERY)
    async def look_at_recovery(self, order: RecoveryOrder) -> RecoveryTurn:
        return await _later(self._redelivery.turn(order))

    @activity.defn(name=messages.SEND_MISSED_AGAIN)
    async def send_missed_again(self, batch: MissedBatch) -> RecoveryOrder:
        return await _later(self._redelivery.send(batch))

    @activity.defn(name=messages.STEER_RECOVERY)
    async def steer_recovery(self, steering: Steering) -> None:
        """What cannot be, such as to resume while the endpoint takes nothing, leaves all as it is."""
        with contextlib.suppress(Conflict, NotFound):
            await _later(self._recoveries.write(Actor(steering.account_id), steering.recovery_id, Verb(steering.verb)))


async def _later(doing: Awaitable[Answer]) -> Answer:
    try:
        return await doing
    except Unavailable as problem:
        raise ApplicationError(problem.message, category=ApplicationErrorCategory.BENIGN) from None
