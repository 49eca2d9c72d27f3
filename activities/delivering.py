"""One attempt: load, dress in the dialect, sign, send, judge, remember."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from zonehook import clock, dialects, messages, verdicts
from zonehook.errors import NotFound, Unavailable
from zonehook.ledger import Duty, Ledger
from zonehook.messages import DeliveryEnd, DeliveryOrder, Sent
from zonehook.net.sender import Sender
from zonehook.verdicts import Attempt, DeliveryStatus, End, Wait

_RECORDS_PATIENCE_SECONDS = 5  # for one visit to the database; two of them and the POST stay within the time limit
_RECORDS_RETRY = timedelta(seconds=3)


class Delivering:
    """Makes attempts. Fails to be called again: at the endpoint's next due time, or soon if the fault is ours."""

    def __init__(self, ledger: Ledger, sender: Sender) -> None:
        self._ledger = ledger
        self._sender = sender

    @activity.defn(name=messages.DELIVER)
    async def deliver(self, order: DeliveryOrder) -> DeliveryEnd:
        """The delivery's end; until then an ApplicationError whose next_retry_delay is the time to wait."""
        sent = _unrecorded(order)
        try:
            duty = await self._duty(order)
            if sent is None:
                match verdicts.before(duty.progress, order.policy, clock.now()):
                    case Attempt(number):
                        sent = await self._send(order, duty, number)
                    case Wait(until):
                        raise _again(f"attempt {duty.progress.number + 1} is due at {until:%H:%M:%S} UTC", until)
                    case End() as end:
                        await self._end(order, end)
                        return DeliveryEnd(end.status, duty.progress.number, end.reason)
            decision = await self._record(order, duty, sent)
        except Unavailable as problem:
            if sent is not None:
                activity.heartbeat(sent)  # Temporal keeps what the database could not: it must not leave again
            raise _again(problem.message, clock.now() + _RECORDS_RETRY) from None
        if isinstance(decision, Wait):
            of = f"attempt {sent.number} to {order.host} got {verdicts.answer(sent)}"
            raise _again(f"{of}; the next is due at {decision.until:%H:%M:%S} UTC", decision.until)
        return DeliveryEnd(decision.status, sent.number, decision.reason)

    @activity.defn(name=messages.CANCEL_DELIVERY)
    async def cancel_delivery(self, order: DeliveryOrder) -> None:
        """Raises Unavailable, to be called again."""
        await self._ledger.end(order, End(DeliveryStatus.CANCELLED, "an operator cancelled it"))

    async def _send(self, order: DeliveryOrder, duty: Duty, number: int) -> Sent:
        started_at = clock.now()
        headers = duty.headers | dialects.headers(duty.secrets, order.delivery_id, started_at, duty.body)
        answer = await self._sender.post(duty.url, headers, duty.body, order.policy.timeout)
        return Sent(
            id=clock.new_id("att"),
            number=number,
            started_at=started_at,
            duration_ms=answer.duration_ms,
            status_code=answer.status_code,
            error=answer.error,
            excerpt=answer.excerpt,
        )

    async def _duty(self, order: DeliveryOrder) -> Duty:
        try:
            async with _patience():
                return await self._ledger.duty(order)
        except NotFound as problem:
            raise ApplicationError(problem.message, type="DeliveryUnknown", non_retryable=True) from None

    async def _record(self, order: DeliveryOrder, duty: Duty, sent: Sent) -> Wait | End:
        async with _patience():
            return await self._ledger.record(order, duty, sent)

    async def _end(self, order: DeliveryOrder, end: End) -> None:
        async with _patience():
            await self._ledger.end(order, end)


@contextlib.asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_RECORDS_PATIENCE_SECONDS):
            yield
    except TimeoutError:
        raise Unavailable("database_unavailable", "the database did not answer in time") from None


def _unrecorded(order: DeliveryOrder) -> Sent | None:
    """An attempt that left before the database went away, as Temporal kept it."""
    details = activity.info().heartbeat_details
    return (
        activity.payload_converter().from_payload(activity.payload_converter().to_payload(details[0]), Sent)
        if details
        else order.unrecorded
    )


def _again(message: str, at: datetime) -> ApplicationError:
    # Benign: an endpoint that does not answer is an everyday thing, no fault of the worker's to log
    return ApplicationError(
        message,
        type="AttemptFailed",
        next_retry_delay=max(at - clock.now(), timedelta(milliseconds=1)),
        category=ApplicationErrorCategory.BENIGN,
    )
