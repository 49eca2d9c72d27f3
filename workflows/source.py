"""A connection, an API key, a customer's usage or a host: facts come in as signals, the events that follow go out."""

import asyncio
import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.durably import durably, through_the_server
    from workflows.payloads import NOTHING, encoding_problem
    from workflows.waiting import until
    from zonehook import sources
    from zonehook.errors import ZonehookError
    from zonehook.inbox import NotedRefusals
    from zonehook.messages import Offer, PublishOrder
    from zonehook.sources import Derived, Fact, SourceTerms, Step, Told
    from zonehook.sources.messages import SOURCE_WORKFLOW, RefusedFact, SourceEnd, SourceLeft, SourceOrder

_BATCH = 25
_FEW = 5  # to be published within a workflow task, which holds up signals meanwhile
_RUN_FACTS = 2000  # Temporal refuses the 10,001st signal of a run
_TOLD = 20  # refusals that are shown
_MOST_TOLD = 300  # characters of a reason
_ENDED = 3  # of what ended, and was created again, while this workflow went on
_LONGEST_TIMER = timedelta(days=365)
_LEFT = TypeAdapter(SourceLeft)


@dataclass(frozen=True)
class _Heard:
    """A signal as it came, and when. `problem`: why its argument cannot be read."""

    name: str
    document: bytes
    problem: str | None
    at: datetime


@workflow.defn(name=SOURCE_WORKFLOW)
class Source:
    """Id `host/{account}/{id}`, and so on; begun by its first signal, it ends when what it follows has ended.

    Its current details and its queries tell how things stand, and what was refused; its result, how things stood last.
    """

    @workflow.init
    def __init__(self, left: RawValue = NOTHING) -> None:
        self._order, self._id = _whose(workflow.info().workflow_id)
        self._source = sources.named(self._order.source)
        self._adapter: TypeAdapter[Any] = TypeAdapter(self._source.state)
        was, self._state, self._problem = _read(left, self._adapter)
        self._facts, self._events, self._refusals = was.facts, was.events, was.refusals
        self._refused = deque(was.refused, maxlen=_TOLD)
        self._ended = deque(was.ended, maxlen=_ENDED)
        self._offers = deque(was.offers)
        self._heard: deque[_Heard] = deque()
        self._enough = was.facts + _RUN_FACTS
        self._unnoted = 0  # refusals that are not counted yet
        self._terms = SourceTerms()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = workflow.now()
        self._is_cancelled = False

    @workflow.run
    async def run(self, left: RawValue = NOTHING) -> SourceEnd:
        del left  # read before the first signal
        if self._problem is not None:
            raise ApplicationError(self._problem, non_retryable=True)
        working = asyncio.create_task(self._work())
        await until(working.done, self._close)
        working.result()
        if self._is_cancelled or self._state is None:
            return self._end()
        workflow.continue_as_new(
            SourceLeft(
                state=self._state_text(),
                facts=self._facts,
                events=self._events,
                refusals=self._refusals,
                refused=tuple(self._refused),
                offers=tuple(self._offers),
                ended=tuple(self._ended),
            )
        )

    # Dynamic: of all handlers this one alone is handed every payload as it came, whatever and how many there are
    @workflow.signal(dynamic=True)
    def signalled(self, name: str, arguments: Sequence[RawValue]) -> None:
        """A fact, by the name of its signal: see docs/sources.md. A refused one is recorded, and stops nothing."""
        document, problem = _document(arguments)
        self._heard.append(_Heard(name, document, problem, workflow.now()))
        self._facts += 1

    @workflow.query
    def state(self) -> dict[str, Any]:
        """How things stand. `state` is null for what is not there (any more); `ended`: how it stood before its ends."""
        due = None if self._state is None else self._source.due(self._state)
        return {
            "source": self._source.name,
            "id": self._id,
            "state": self._adapter.dump_python(self._state, mode="json"),
            "ended": [json.loads(each) for each in self._ended],
            "due": due,
            "facts": self._facts,
            "unjudged": len(self._heard),
            "events": self._events,
            "refusals": self._refusals,
        }

    @workflow.query
    def refused(self) -> list[RefusedFact]:
        """The last facts that were refused, and events that could not be published, the latest first."""
        return list(self._refused)

    def _close(self) -> None:
        self._is_cancelled = True

    async def _work(self) -> None:
        """Until this run is over: all that was heard was judged, and but for a batch, published."""
        self._terms = await durably(calls.open_source, self._order)
        while True:
            self._judge()
            workflow.set_current_details(self._details())
            if self._unnoted:
                noted, self._unnoted = NotedRefusals(workflow.info().workflow_id, self._unnoted), 0
                await durably(calls.note_refused, noted)
            elif self._is_long():
                return
            elif self._offers:
                await self._publish()
            elif self._is_cancelled or self._state is None:
                return
            else:
                self._set_alarm()
                await workflow.wait_condition(lambda: bool(self._heard) or self._is_cancelled or self._rang())

    def _is_long(self) -> bool:
        """What is carried to the next run is little: Temporal takes no more than 2 MB of it, and would try for ever."""
        if self._heard or len(self._offers) > _BATCH or self._state is None or self._is_cancelled:
            return False
        return self._facts >= self._enough or workflow.info().is_continue_as_new_suggested()

    def _judge(self) -> None:
        """What was heard, in the order it came, until there is a batch to publish. What was due before a fact happened
        comes before it; a fact that does not say when it did may have waited for a worker since before that.
        """
        while self._heard and len(self._offers) < _BATCH:
            heard = self._heard.popleft()
            try:
                fact = self._fact(heard)
                at = fact.at or heard.at
                if fact.at is not None:
                    self._pass(min(at, workflow.now()))
                self._take(self._source.hear(self._state, fact, Told(self._id, at, self._terms)))
            except ZonehookError as refusal:
                self._refuse(heard.name, refusal.message)
        if not self._heard:  # what waits may have happened before what is due
            self._pass(workflow.now())

    def _fact(self, heard: _Heard) -> Fact:
        """Raises ZonehookError."""
        problem = self._terms.refusal or heard.problem
        if problem is not None:
            raise ZonehookError("refused", problem)
        return sources.read(self._source, heard.name, heard.document, heard.at)

    def _pass(self, until: datetime) -> None:
        self._take(sources.passed(self._source, self._state, self._id, self._terms, until))

    def _take(self, step: Step[Any]) -> None:
        if step.state is None and self._state is not None:
            self._ended.appendleft(self._state_text())
        self._state = step.state
        for event in step.events:
            self._events += 1
            document = _document_of(event, self._id)
            # Whatever the run, an event keeps its number; what is created again later has another first run, and what
            # follows after an operator's reset says something else
            key = f"{self._source.name}/{self._id}/{workflow.info().first_execution_run_id}/{self._events}"
            self._offers.append(Offer(document, f"{key}/{sha256(document.encode()).hexdigest()[:16]}"))

    async def _publish(self) -> None:
        batch = tuple(self._offers.popleft() for _ in range(min(len(self._offers), _BATCH)))
        order = PublishOrder(self._order.account_id, batch, is_derived=True)
        publish = durably if len(batch) <= _FEW else through_the_server
        for each in await publish(calls.publish, order):
            self._refuse(json.loads(batch[each.place].document)["type"], each.reason)

    def _set_alarm(self) -> None:
        """One timer at a time: one that will ring too early is left alone, and set again when it has rung."""
        due = self._source.due(self._state)
        if self._alarm is not None and (self._alarm.done() or due is None or due < self._alarm_at):
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None and due is not None:
            self._alarm_at = min(due, workflow.now() + _LONGEST_TIMER)
            self._alarm = asyncio.create_task(asyncio.sleep((self._alarm_at - workflow.now()).total_seconds()))

    def _rang(self) -> bool:
        return self._alarm is not None and self._alarm.done()

    def _refuse(self, name: str, reason: str) -> None:
        self._refusals += 1
        self._unnoted += 1
        self._refused.appendleft(RefusedFact(workflow.now(), name[:60], reason[:_MOST_TOLD]))

    def _state_text(self) -> str:
        return self._adapter.dump_json(self._state).decode()

    def _end(self) -> SourceEnd:
        """What was there when it was cancelled counts as ended."""
        ended = [] if self._state is None else [self._state_text()]
        told = f"{'cancelled' if self._is_cancelled else 'over'}: {self._totals()}"
        return SourceEnd(told, tuple(json.loads(each) for each in (*ended, *self._ended)))

    def _totals(self) -> str:
        return f"{self._facts:,} facts came, {self._events:,} events followed, {self._refusals:,} were refused"

    def _details(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self._totals()}."
        state = "nothing of the kind" if self._state is None else self._state_text()[:2000]
        yield f"\n`{state}`\n"
        for each in self._refused:
            yield f"* {each.at:%Y-%m-%d %H:%M:%S} UTC: {each.name} was refused: {each.reason}"


def _read(left: RawValue, adapter: TypeAdapter[Any]) -> tuple[SourceLeft, Any, str | None]:
    """What the last run left, and the state in it; nothing where a producer started the workflow, with whatever input.
    And why what a run of its own left cannot be read: then it fails, rather than that it forgets what it was told.
    """
    if workflow.info().continued_run_id is None:
        return SourceLeft(), None, None
    try:
        was = _LEFT.validate_json(left.payload.data)
        return was, None if was.state is None else adapter.validate_json(was.state), None
    except ValidationError as problem:
        return SourceLeft(), None, f"what the last run left cannot be read: {problem}"[:1000]


def _whose(workflow_id: str) -> tuple[SourceOrder, str]:
    found = sources.of_workflow(workflow_id)
    if found is None:
        raise ApplicationError(
            "the id of a source's workflow is such as host/1/home-7: the source, the number of the account and an id;"
            " a connection's is a UUID in lower case",
            non_retryable=True,
        )
    return found


def _document(arguments: Sequence[RawValue]) -> tuple[bytes, str | None]:
    """The text of a signal's argument, and why it cannot be read."""
    if not arguments:
        return b"{}", None
    if len(arguments) > 1:
        return b"", f"a fact is one argument; {len(arguments)} came"
    if problem := encoding_problem(arguments[0]):
        return b"", problem
    return arguments[0].payload.data[: sources.MAX_FACT_BYTES + 1], None


def _document_of(event: Derived, subject: str) -> str:
    return json.dumps({"type": event.type, "data": event.data, "subject": subject, "occurred_at": event.at.isoformat()})
