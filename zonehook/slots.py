"""How many workflow tasks a worker has in hand, and which kind it takes next."""

import asyncio
import threading
import time

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

_PROMPT_SECONDS = 0.25  # a task in hand for longer awaits a receiver: it needs no CPU, and keeps nobody from it


class _Permit(SlotPermit):
    def __init__(self, is_new: bool) -> None:
        self.is_new = is_new
        self.began: float | None = None  # none while a task is still polled for


class WorkflowSlots(CustomSlotSupplier):
    """Goes on with workflows of its own first. `most` tasks at a time in all; of workflows it does not hold, one only
    while fewer than `busy` tasks are at work: begun sooner, they would share the CPU with the work that is at hand, and
    all would end late. What is late is written singly at Temporal, where what is in time is written together.
    """

    def __init__(self, most: int, busy: int) -> None:
        self._most = most
        self._busy = busy
        self._held: set[_Permit] = set()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()  # slots are released from threads of the SDK

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """A permit, as soon as there may be one more."""
        turn = (asyncio.get_running_loop(), asyncio.Event())
        while True:
            with self._lock:
                permit = self._permit(is_new=not ctx.is_sticky)
                if permit is not None:
                    self._waiting.discard(turn)
                    return permit
                turn[1].clear()
                self._waiting.add(turn)
            await self._awaken(turn)

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """For a workflow that this process started itself: Temporal gives it the first task with the answer."""
        with self._lock:
            return self._permit(is_new=False)

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """A task came."""
        assert isinstance(ctx.permit, _Permit)  # noqa: S101 (ours)
        ctx.permit.began = time.monotonic()
        self._tell()

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """It is done, or none came."""
        assert isinstance(ctx.permit, _Permit)  # noqa: S101
        with self._lock:
            self._held.discard(ctx.permit)
        self._tell()

    def _permit(self, is_new: bool) -> _Permit | None:
        now = time.monotonic()
        if is_new:
            is_full = sum(_is_at_work(each, now) for each in self._held) >= self._busy
        else:
            is_full = len(self._held) >= self._most
        if is_full:
            return None
        permit = _Permit(is_new)
        self._held.add(permit)
        return permit

    async def _awaken(self, turn: tuple[asyncio.AbstractEventLoop, asyncio.Event]) -> None:
        try:
            async with asyncio.timeout(_PROMPT_SECONDS):
                await turn[1].wait()
        except TimeoutError:
            pass  # those at work may have become those that wait
        finally:
            with self._lock:
                self._waiting.discard(turn)

    def _tell(self) -> None:
        with self._lock:
            for loop, event in self._waiting:
                loop.call_soon_threadsafe(event.set)


def _is_at_work(permit: _Permit, now: float) -> bool:
    if permit.began is None:
        return permit.is_new  # its task may come at any moment
    return now - permit.began < _PROMPT_SECONDS
