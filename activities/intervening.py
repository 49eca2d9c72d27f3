"""What an operator orders by a signal, done at the same desk as what comes over REST."""

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook import messages
from zonehook.errors import Unavailable, ZonehookError
from zonehook.interventions import Interventions
from zonehook.messages import ReplayRequest


class Intervening:
    """Holds the desk."""

    def __init__(self, interventions: Interventions) -> None:
        self._interventions = interventions

    @activity.defn(name=messages.REPLAY_DELIVERY)
    async def replay_delivery(self, request: ReplayRequest) -> None:
        """Fails with the desk's sentence: for good when it refuses, to be called again when something is away."""
        try:
            await self._interventions.replay(request.account_id, request.delivery_id)
        except ZonehookError as problem:
            raise ApplicationError(
                problem.message,
                type="Refused",
                non_retryable=not isinstance(problem, Unavailable),
                category=ApplicationErrorCategory.BENIGN,
            ) from None
