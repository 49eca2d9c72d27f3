"""What a worker takes on: its own workflows before new ones, and never more than it can finish in time."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.worker import SlotPermit

from zonehook.slots import WorkflowSlots

AT_ONCE = 0.05  # a slot that is free is given without waiting for anything
NEW: Any = SimpleNamespace(is_sticky=False)
STICKY: Any = SimpleNamespace(is_sticky=True)


async def given(slots: WorkflowSlots, kind: Any) -> SlotPermit | None:
    """The permit that is there at once, if one is."""
    try:
        return await asyncio.wait_for(slots.reserve_slot(kind), AT_ONCE)
    except TimeoutError:
        return None


def begin(slots: WorkflowSlots, permit: SlotPermit | None) -> None:
    """A task came for this permit."""
    used: Any = SimpleNamespace(permit=permit)
    slots.mark_slot_used(used)


def end(slots: WorkflowSlots, permit: SlotPermit | None) -> None:
    """Its task is done."""
    released: Any = SimpleNamespace(permit=permit)
    slots.release_slot(released)


@pytest.fixture
async def busy() -> tuple[WorkflowSlots, list[SlotPermit | None]]:
    """Two tasks are at work where two may be before new ones wait; five may be in all."""
    slots = WorkflowSlots(most=5, busy=2)
    permits = [await given(slots, STICKY), await given(slots, STICKY)]
    for each in permits:
        begin(slots, each)
    return slots, permits


async def test_a_new_workflow_waits_while_others_are_at_work(
    busy: tuple[WorkflowSlots, list[SlotPermit | None]],
) -> None:
    """None is taken on beside two that are at work; the next is as soon as one of them is done."""
    slots, (first, _) = busy
    waiting = asyncio.create_task(slots.reserve_slot(NEW))
    assert not (await asyncio.wait({waiting}, timeout=AT_ONCE))[0]

    end(slots, first)

    assert await asyncio.wait_for(waiting, AT_ONCE)


async def test_polls_for_new_workflows_count_before_their_tasks_come() -> None:
    """No more polls for new workflows are under way than there may be tasks: all could be answered at one moment."""
    slots = WorkflowSlots(most=5, busy=2)
    assert [bool(await given(slots, NEW)) for _ in range(3)] == [True, True, False]


async def test_own_workflows_go_on_up_to_the_most(busy: tuple[WorkflowSlots, list[SlotPermit | None]]) -> None:
    """Tasks of workflows at hand, and of those this process started, are taken on however many are at work."""
    slots, _ = busy
    assert await given(slots, STICKY)
    assert slots.try_reserve_slot(NEW)
    assert slots.try_reserve_slot(NEW)
    assert slots.try_reserve_slot(NEW) is None
    assert await given(slots, STICKY) is None


async def test_who_awaits_a_receiver_keeps_nobody_waiting(
    busy: tuple[WorkflowSlots, list[SlotPermit | None]],
) -> None:
    """Tasks that go on for long make room for a new one, although none of them is done."""
    slots, _ = busy
    assert await asyncio.wait_for(slots.reserve_slot(NEW), 10)


async def test_who_stops_waiting_takes_nothing(busy: tuple[WorkflowSlots, list[SlotPermit | None]]) -> None:
    """A worker that stops while it waits leaves every slot as it was."""
    slots, permits = busy
    waiting = asyncio.create_task(slots.reserve_slot(NEW))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    for each in permits:
        end(slots, each)
    assert [bool(await given(slots, NEW)) for _ in range(3)] == [True, True, False]
