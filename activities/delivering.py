"""One attempt: load, dress in the dialect, sign, send, judge, remember."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook import clock, dialects, messages, metrics, schedules, verdicts
from zonehook.errors import NotFound, Unavailable
from zonehook.ledger import SUPERSEDED, Duty, Ledger
from zonehook.messages import AtOnce, DeliveryEnd, DeliveryOrder, Sent
from zonehook.net.sender import Sender
from zonehook.net.turns import TooManyAtOnce
from zonehook.verdicts import Attempt, DeliveryStatus, End, Wait

_RECORDS_PATIENCE_SECONDS = 5  # for one visit to the database; two of them and the POST stay within the time limit
_SOON = timedelta(seconds=3)  # when a part of ours was away
_LATER = timedelta(seconds=30)  # when a part of ours is broken
_log = logging.getLogger(__name__)


class Delivering:
    """Makes attempts. Fails to be called again: at the endpoint's next due time, or soon if the fault is ours."""

    def __init__(self, ledger: Ledger, sender: Sender) -> None:
        self._ledger = ledger
        self._sender = sender

    @activity.defn(name=messages.DELIVER)
    async def deliver(self, order: DeliveryOrder) -> DeliveryEnd:
        """The delivery's end; until then an ApplicationError whose next_retry_delay is the time to wait."""
        sent = messages.kept(activity.info().heartbeat_details) or order.unrecorded
        try:
            return await self._deliver(replace(order, at_once=False), sent)
        except ApplicationError as again:
            if again.details:
                activity.heartbeat(*again.details)  # Temporal keeps what could not be written: it must not leave again
            raise

    @activity.defn(name=messages.DELIVER_AT_ONCE)
    async def deliver_at_once(self, order: DeliveryOrder) -> AtOnce:
        """The first attempt, whatever comes of it: its failures are values here, which cost less."""
        try:
            return AtOnce(await self._deliver(order, order.unrecorded), order)
        except ApplicationError as again:
            unrecorded = messages.kept(again.details)
            order = replace(order, at_once=False, unrecorded=unrecorded, told=again.message)
            return AtOnce(None, order, was_made_before=again.type == messages.MADE_BEFORE)

    @activity.defn(name=messages.CANCEL_DELIVERY)
    async def cancel_delivery(self, order: DeliveryOrder) -> DeliveryEnd:
        """How the delivery ended, by this or before. Raises Unavailable, to be called again."""
        return await self._ledger.end(order, End(DeliveryStatus.CANCELLED, "an operator cancelled it"))

    @activity.defn(name=messages.HURRY_DELIVERY)
    async def hurry_delivery(self, order: DeliveryOrder) -> None:
        """Raises Unavailable, to be called again."""
        await self._ledger.hurry(order)

    async def _deliver(self, order: DeliveryOrder, sent: Sent | None) -> DeliveryEnd:
        """The attempt that is due, or only the record of `sent`, which is one that left before."""
        try:
            async with _patience():
                duty = await self._ledger.duty(order)
                if sent is not None and await self._ledger.is_recorded(sent):
                    sent = None
            if sent is None:
                step = _step(order, duty)
                if order.at_once and duty.progress.made and not isinstance(step, End):
                    # This activity is repeated; the second attempt is not for it
                    raise _again("the first attempt was made before", clock.now(), messages.MADE_BEFORE)
                if not isinstance(step, Attempt):
                    return await self._rest(order, duty, step)
                sent = await self._send(order, duty, step.number)
            async with _patience():
                decision = await self._ledger.record(order, duty, sent)
        except ApplicationError:
            raise
        except Exception as problem:  # noqa: BLE001 (whatever it is, it is our fault and not the endpoint's)
            raise _ours(problem, sent) from None
        _tell(order, duty, sent, decision)
        if isinstance(decision, Wait):
            of = f"attempt {sent.number} to {order.host} got {verdicts.answer(sent)}"
            message = f"{of}; the next is due at {decision.until:%H:%M:%S} UTC"
            raise _again(message, decision.until, messages.ATTEMPT_FAILED)
        return DeliveryEnd(decision.status, sent.number, decision.reason)

    async def _rest(self, order: DeliveryOrder, duty: Duty, step: Wait | End) -> DeliveryEnd:
        """No attempt now: wait on, or end."""
        if isinstance(step, Wait):
            due = f"attempt {duty.progress.number + 1} is due at {step.until:%H:%M:%S} UTC"
            raise _again(order.told or due, step.until)
        if not duty.is_superseded:
            async with _patience():
                await self._ledger.end(order, step)
        return DeliveryEnd(step.status, duty.progress.number, step.reason)

    async def _send(self, order: DeliveryOrder, duty: Duty, number: int) -> Sent:
        at, is_trial = clock.now(), duty.row.test
        own = dialects.headers(duty.dialect, duty.secrets, order.delivery_id, at, duty.body, is_trial)
        headers = duty.headers | own
        try:
            answer = await self._sender.post(duty.url, headers, duty.body, order.policy.timeout)
        except TooManyAtOnce as problem:
            raise _sent_away(problem, order, duty) from None
        return Sent(
            id=clock.new_id("att"),
            number=number,
            started_at=answer.started_at,
            duration_ms=answer.duration_ms,
            status_code=answer.status_code,
            error=answer.error,
            excerpt=answer.excerpt,
            retry_after=answer.retry_after,
        )


def _step(order: DeliveryOrder, duty: Duty) -> Attempt | Wait | End:
    return SUPERSEDED if duty.is_superseded else verdicts.before(duty.progress, order.policy, clock.now())


@contextlib.asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_RECORDS_PATIENCE_SECONDS):
            yield
    except TimeoutError:
        raise Unavailable("database_unavailable", "the database did not answer in time") from None


def _tell(order: DeliveryOrder, duty: Duty, sent: Sent, decision: Wait | End) -> None:
    """Counts the attempt and logs one that failed, in the same words as the API shows it."""
    outcome = verdicts.outcome(sent)
    metrics.attempt(duty.dialect, outcome, sent.duration_ms / 1000)
    if decision != End(DeliveryStatus.DELIVERED):
        _log.info("attempt %s of %s to %s: %s", sent.number, order.delivery_id, order.host, outcome)


def _sent_away(problem: TooManyAtOnce, order: DeliveryOrder, duty: Duty) -> ApplicationError:
    """Nobody's fault: it uses no attempt and moves no schedule, and is not sent past the end of its window."""
    first = duty.progress.first_attempt_at
    return _again(problem.message, schedules.postponed(order.policy, first, clock.now(), problem.again_after))


def _ours(problem: Exception, sent: Sent | None) -> ApplicationError:
    """A fault of ours: it uses no attempt and moves no schedule; the same attempt is due again soon."""
    if isinstance(problem, NotFound):
        return ApplicationError(problem.message, type="DeliveryUnknown", non_retryable=True)
    if isinstance(problem, Unavailable):
        return _again(problem.message, clock.now() + _SOON, unrecorded=sent)
    _log.error("an attempt failed by a fault of ours", exc_info=problem)
    message = f"a fault of ours ({type(problem).__name__}), see the worker's log"
    return _again(message, clock.now() + _LATER, unrecorded=sent)


def _again(
    message: str, at: datetime, kind: str = messages.NOT_YET, unrecorded: Sent | None = None
) -> ApplicationError:
    """`unrecorded` goes along for the workflow, in case it goes on with another activity."""
    # Benign: an endpoint that does not answer is an everyday thing, no fault of the worker's to log
    return ApplicationError(
        message,
        *([unrecorded] if unrecorded else []),
        type=kind,
        next_retry_delay=max(at - clock.now(), timedelta(milliseconds=1)),
        category=ApplicationErrorCategory.BENIGN,
    )
