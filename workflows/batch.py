"""Events that were accepted together: hold them until each has its own workflow."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import calls
    from workflows.durably import durably
    from workflows.waiting import undisturbed
    from zonehook import messages
    from zonehook.messages import EventBatch

_AT_ONCE = 25  # so many are started well within the time limit of a local activity


@workflow.defn(name=messages.BATCH_WORKFLOW)
class Batch:
    """Id `batch/{account}/{digest}`. A Cancel of Temporal's stops none of its events: they were accepted."""

    @workflow.run
    async def run(self, batch: EventBatch) -> str:
        for first in range(0, len(batch.events), _AT_ONCE):
            part = EventBatch(batch.events[first : first + _AT_ONCE])
            await undisturbed(durably(calls.start_events, part))
        return f"{len(batch.events)} events started"
