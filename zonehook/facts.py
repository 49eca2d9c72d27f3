"""The desk for facts that producers tell about connections, API keys, usage and hosts."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from temporalio.client import Client
from temporalio.common import (
    WorkflowIDConflictPolicy,
)
from temporalio.service import RPCError

from zonehook import clock, dialects, messages, sources, temporal
from zonehook.errors import Invalid, Unavailable
from zonehook.sources import Source
from zonehook.sources.messages import SOURCE_WORKFLOW, SourceOrder, SourceTerms, source_workflow_id
from zonehook.store import accounts
from zonehook.store.database import Database


@dataclass(frozen=True)
class Taken:
    """What the producer is told. What follows from the fact is its source's business."""

    source: str
    id: str
    signal: str
    accepted_at: datetime


class Facts:
    """`terms` hold for the sources of every account."""

    def __init__(self, database: Database, client: Client, terms: SourceTerms) -> None:
        self._database = database
        self._client = client
        self._terms = terms

    async def tell(self, account_id: int, dialect: str, name: str, id_: str, signal: str, document: bytes) -> Taken:
        """Durable when it returns: Temporal holds the signal. `dialect` is the account's, `document` the fact's JSON.

        Raises NotFound for a source or signal there is not; Invalid for a fact or an id that is wrong, and where the
        dialect has no such events; Unavailable, also while as many signals wait as Temporal holds of one workflow.
        """
        source = sources.named(name)
        now = clock.now()
        for field, problem in (("source", _dialect_problem(source, dialect)), ("id", sources.id_problem(source, id_))):
            if problem is not None:
                raise Invalid.field(field, problem)
        fact = sources.read(source, signal, document, now)
        told = fact.model_dump(mode="json", exclude_unset=True) | {"at": (fact.at or now).isoformat()}
        with temporal.as_unavailable(), _full_as_unavailable():
            await self._client.start_workflow(
                SOURCE_WORKFLOW,
                id=source_workflow_id(account_id, name, id_),
                task_queue=messages.TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=temporal.search_attributes(account_id),
                static_summary=f"{name} {id_} of account {account_id}",
                start_signal=signal,
                start_signal_args=[told],
                rpc_timeout=temporal.RPC_TIMEOUT,
            )
        return Taken(name, id_, signal, now)

    async def terms(self, order: SourceOrder) -> SourceTerms:
        """What holds for a source of this account. Raises Unavailable."""
        account = await self._database.read(accounts.get, order.account_id)
        if account is None:
            return replace(self._terms, refusal=f"there is no account {order.account_id}")
        return replace(self._terms, refusal=_dialect_problem(sources.named(order.source), account.dialect))


@contextlib.contextmanager
def _full_as_unavailable() -> Iterator[None]:
    """Temporal takes no 10,001st signal of a run; its status for that is the one of a malformed request."""
    try:
        yield
    except RPCError as problem:
        if "limit for signal events" not in problem.message:
            raise
        raise Unavailable(
            "source_busy", "too many facts about this wait for a worker already; tell it again later"
        ) from problem


def _dialect_problem(source: Source[Any], dialect: str) -> str | None:
    """Why accounts of this dialect have no such source; None where they have."""
    if all(map(dialects.named(dialect).knows, source.types)):
        return None
    return f"accounts of dialect {dialect} have no {source.name}: there are no events {', '.join(source.types)} there"
