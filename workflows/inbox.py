"""An account's inbox: producers signal `publish`, and each signal is taken as an event is that comes over REST."""

import asyncio
import json
import re
from collections import deque
from collections.abc import Sequence
from hashlib import sha256

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.durably import durably, through_the_server
    from workflows.payloads import NOTHING, encoding_problem
    from workflows.waiting import until
    from zonehook import ids, messages
    from zonehook.inbox import INBOX_WORKFLOW, InboxLeft, NotedRefusals, RefusedSignal
    from zonehook.messages import Offer, PublishOrder

_SIDE_BY_SIDE = 2  # batches under way
_BATCH = 25
_BATCH_BYTES = _CARRIED_BYTES = 1024 * 1024  # Temporal takes no more than twice that at once
# A workflow task that waits for an activity of its own worker holds signals up, and after a hundred Temporal ends it
_FEW = 5
_AROUND = 40  # bytes of names and signs around an offer
_RUN_SIGNALS = 2000  # Temporal refuses the 10,001st of a run
_TOLD = 20  # refused signals that are shown
_MOST_TOLD = 300  # characters of a reason; of an excerpt, too
_ID = re.compile("inbox[/-]")  # Temporal's HTTP API has no way to write a slash in an id
_LEFT = TypeAdapter(InboxLeft)


@workflow.defn(name=INBOX_WORKFLOW)
class Inbox:
    """Id `inbox/{account}` or `inbox-{account}`. Stays open, at no cost, until it is cancelled; then it takes what has
    come, and ends.

    Its current details and its query `refused` tell what became no event, and why.
    """

    @workflow.init
    def __init__(self, left: RawValue = NOTHING) -> None:
        was = _read(left)
        self._account_id = _account_id(workflow.info().workflow_id)
        self._offers = deque(was.offers)
        self._bytes = sum(map(_weight, was.offers))
        self._refused = deque(was.refused, maxlen=_TOLD)
        self._signals, self._refusals = was.signals, was.refusals
        self._enough = was.signals + _RUN_SIGNALS
        self._unnoted = 0  # refusals that are not counted yet
        self._has_account = self._account_id is not None
        self._is_cancelled = False

    @workflow.run
    async def run(self, left: RawValue = NOTHING) -> str:
        del left  # read before the first signal
        takers = [asyncio.create_task(self._take()) for _ in range(_SIDE_BY_SIDE)]
        await until(lambda: all(each.done() for each in takers), self._close)
        for each in takers:
            each.result()
        if not self._has_account:
            raise ApplicationError(f"{self._nobody()}; {self._signals} signals were refused", non_retryable=True)
        if self._is_cancelled and not self._offers:
            return f"cancelled; {self._signals} signals had come, {self._refusals} were refused"
        # Whatever came until now is among the offers; while more comes, Temporal lets nobody continue as new
        workflow.continue_as_new(
            InboxLeft(self._signals, self._refusals, tuple(self._refused), tuple(self._offers)),
        )

    # Dynamic: of all handlers this one alone is handed every payload as it came, whatever and how many there are
    @workflow.signal(dynamic=True)
    def signalled(self, name: str, arguments: Sequence[RawValue]) -> None:
        """`publish` with the JSON document that POST /v1/events takes; a refused one is recorded, and stops nothing."""
        self._signals += 1
        document, problem = _document(name, arguments)
        if document is None:
            self._refuse(problem, None)
            return
        # Whatever the run, a signal keeps its number, also when an operator resets the workflow
        key = f"{workflow.info().first_execution_run_id}/{self._signals}/{sha256(document.encode()).hexdigest()[:16]}"
        self._offers.append(Offer(document, key))
        self._bytes += _weight(self._offers[-1])

    @workflow.query
    def refused(self) -> list[RefusedSignal]:
        """The last signals that became no event, the latest first."""
        return list(self._refused)

    def _close(self) -> None:
        self._is_cancelled = True

    async def _take(self) -> None:
        """One batch after the other, until this run is over."""
        while True:
            self._tell()
            await workflow.wait_condition(lambda: bool(self._offers or self._unnoted) or self._is_over())
            if self._unnoted:
                noted, self._unnoted = NotedRefusals(workflow.info().workflow_id, self._unnoted), 0
                await durably(calls.note_refused, noted)
            elif self._is_over():
                return
            elif self._offers:  # not if the other one, woken by the same signal, has taken them
                await self._publish(self._batch())

    def _is_over(self) -> bool:
        if self._is_cancelled or not self._has_account:
            return not self._offers
        is_long = self._signals >= self._enough or workflow.info().is_continue_as_new_suggested()
        return is_long and self._bytes <= _CARRIED_BYTES

    def _batch(self) -> list[Offer]:
        """At least one."""
        batch, size = [self._offers.popleft()], 0
        while self._offers and len(batch) < _BATCH:
            size += _weight(batch[-1])
            if size + _weight(self._offers[0]) > _BATCH_BYTES:
                break
            batch.append(self._offers.popleft())
        self._bytes -= sum(map(_weight, batch))
        return batch

    async def _publish(self, batch: Sequence[Offer]) -> None:
        if self._account_id is None or not self._has_account:
            self._refuse(self._nobody(), *(each.document for each in batch))
            return
        publish = durably if len(batch) <= _FEW else through_the_server
        for each in await publish(calls.publish, PublishOrder(self._account_id, tuple(batch))):
            self._refuse(each.reason, batch[each.place].document)
            self._has_account &= each.reason != messages.unknown_account(self._account_id)

    def _refuse(self, reason: str, *documents: str | None) -> None:
        for document in documents:
            refused = RefusedSignal(workflow.now(), reason[:_MOST_TOLD], _excerpt(document)[:_MOST_TOLD])
            self._refused.appendleft(refused)
        self._refusals += len(documents)
        self._unnoted += len(documents)

    def _nobody(self) -> str:
        if self._account_id is None:
            return "the id of an inbox is inbox/ and the number of an account, such as inbox/1"
        return messages.unknown_account(self._account_id)

    def _tell(self) -> None:
        lines = [f"* {each.at:%Y-%m-%d %H:%M:%S} UTC: {each.reason} ({each.excerpt})" for each in self._refused]
        total = f"{self._signals:,} signals have come, {self._refusals:,} were refused"
        workflow.set_current_details("\n".join([f"{total}; the last of those:" if lines else total, *lines]))


def _read(left: RawValue) -> InboxLeft:
    """What the last run left; nothing where a producer started the workflow, with whatever input."""
    try:
        return _LEFT.validate_json(left.payload.data)
    except ValidationError:
        return InboxLeft()


def _account_id(workflow_id: str) -> int | None:
    number = _ID.sub("", workflow_id, count=1)
    return int(number) if _ID.match(workflow_id) and ids.is_number(number) else None


def _document(name: str, arguments: Sequence[RawValue]) -> tuple[str | None, str]:
    """The text of a signal; or None, and why it cannot be read."""
    if name != messages.PUBLISH:
        return None, f"there is no signal {name[:60]}; send publish"
    if len(arguments) != 1:
        return None, f"publish takes one argument, the event; {len(arguments)} came"
    if problem := encoding_problem(arguments[0]):
        return None, problem
    payload = arguments[0].payload
    if len(payload.data) > messages.MAX_DOCUMENT_BYTES:
        return None, f"an event has at most {messages.MAX_DOCUMENT_BYTES} bytes; this one has {len(payload.data)}"
    try:
        return payload.data.decode(), ""
    except UnicodeDecodeError:
        return None, "the event is not UTF-8"


def _weight(offer: Offer) -> int:
    """Bytes that it takes in a message."""
    return len(to_json(offer.document)) + len(offer.key) + _AROUND


def _excerpt(document: str | None) -> str:
    """What its producer will know it by. No more of it: what the rest says may be secret."""
    if document is None:
        return "it was not read"
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return f"{len(document)} characters"
    named = [f"{name} {found[name]!r:.100}" for name in ("type", "id") if isinstance(found.get(name), str)]
    return ", ".join([*named, f"{len(document)} characters"])
