"""An event that waits for its time: a durable timer, and whoever moves or cancels the event meanwhile."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.durably import durably
    from workflows.waiting import undisturbed, until
    from zonehook import schedules
    from zonehook.messages import AcceptedEvent, EventChange
    from zonehook.reading import Moment

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
_MOST_LOOKS = 100


class Held:
    """What is asked of one event while it waits. The records decide; this only knows when to ask them."""

    def __init__(self) -> None:
        self._asked: deque[datetime | None] = deque()  # the times it is to be moved to; None: cancel
        self._looks: deque[datetime] = deque(maxlen=_MOST_LOOKS)
        self._is_woken = False

    def look_again(self, at: Any) -> None:
        """The records were changed, or are about to be, and are to be asked at that time as well."""
        self._is_woken = True
        if (moment := _moment(at)) is not None:
            self._looks.append(moment)

    def looks_ahead(self) -> tuple[datetime, ...]:
        """What the next run of the workflow must be told."""
        now = workflow.now()
        return tuple(each for each in self._looks if each > now)

    def resume(self, looks: Sequence[datetime]) -> None:
        """What the run before had been told."""
        self._looks = deque((*looks, *self._looks), maxlen=_MOST_LOOKS)

    def move(self, to: Any) -> None:
        """What is no time, or too far ahead, is left alone."""
        moment = _moment(to)
        if moment is not None and schedules.deliver_at_problem(moment, workflow.now()) is None:
            self._asked.append(moment)

    def cancel(self) -> None:
        self._asked.append(None)

    async def until(self, due: datetime, event: AcceptedEvent) -> None:
        """Returns when the records are to be asked: the time has come, or they were changed."""
        workflow.set_current_details(
            f"to be delivered at {due:%Y-%m-%d %H:%M:%S} UTC\n\nSignals: `cancel`; `reschedule` with another time"
        )
        wait = min([due, *self.looks_ahead()]) - workflow.now()
        timer = asyncio.create_task(workflow.sleep(max(wait, datetime.resolution), summary=event.type))
        await until(lambda: timer.done() or self._is_woken or bool(self._asked), self.cancel)
        timer.cancel()
        self._is_woken = False
        while self._asked:
            change = EventChange(event.account_id, event.id, self._asked.popleft())
            await undisturbed(durably(calls.change_event, change), self.cancel)


def _moment(value: Any) -> datetime | None:
    try:
        return _MOMENT.validate_python(value)
    except ValidationError:
        return None
