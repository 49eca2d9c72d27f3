"""Looking whether an event's deliveries are over, again and again until the time is up."""

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.again import again_later
from zonehook import clock, messages
from zonehook.errors import NotFound
from zonehook.messages import Outcome, OutcomeRequest
from zonehook.outcomes import Outcomes
from zonehook.verdicts import Outcome as Summary

_FIRST_PAUSE = 0.5
_SLOWER = 1.5
_LONGEST_PAUSE = 30.0
_SLOWEST = 12  # from this try on the pauses are longest


class Awaiting:
    """Holds the desk."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    @activity.defn(name=messages.AWAIT_OUTCOME)
    async def await_outcome(self, request: OutcomeRequest) -> Outcome:
        """Fails, to be called again, while deliveries are under way and while the database is away; for good when there
        is no such event.
        """
        info = activity.info()
        try:
            with again_later():
                found, endpoints = await self._outcomes.standing(request.account_id, request.event_id)
        except NotFound as problem:
            raise ApplicationError(problem.message, type="Refused", non_retryable=True) from None
        left = (info.scheduled_time - clock.now()).total_seconds() + request.seconds
        if found is not Summary.PENDING or left <= 0:
            return Outcome(found, endpoints)
        pause = min(_FIRST_PAUSE * _SLOWER ** min(info.attempt, _SLOWEST), _LONGEST_PAUSE, left)
        raise ApplicationError(
            "deliveries are under way",
            type=messages.NOT_YET,
            next_retry_delay=timedelta(seconds=pause),
            category=ApplicationErrorCategory.BENIGN,
        )
