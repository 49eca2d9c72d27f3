"""The desk for events: accept one durably, find one again, even before its rows are written."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from zonehook import clock, dialects, events, ids, messages, offers, schedules, temporal
from zonehook.dialects import own
from zonehook.enforcement import Enforcement
from zonehook.errors import Conflict, Invalid, NotFound, Unavailable, ZonehookError
from zonehook.messages import AcceptedEvent, Offer
from zonehook.offers import Offered
from zonehook.store import accounts, deliveries
from zonehook.store import events as stored
from zonehook.store.database import Database
from zonehook.store.deliveries import Delivery
from zonehook.store.events import EventFilter
from zonehook.store.pages import Page


@dataclass(frozen=True)
class Accepted:
    """What the producer is told. `is_duplicate`: the key was known, and this is the first event's id."""

    id: str
    type: str
    accepted_at: datetime
    is_duplicate: bool


class Intake:
    """Accepts events. `starts_eagerly`: this process also works, so Temporal may hand it the first task at once.
    `on_acceptance` is called with the account of each event that is new, samples left out.
    """

    def __init__(
        self,
        database: Database,
        client: Client,
        enforcement: Enforcement,
        starts_eagerly: bool,
        on_acceptance: Callable[[int], None] = lambda _account_id: None,
    ) -> None:
        self._database = database
        self._client = client
        self._starts_eagerly = starts_eagerly
        self._enforcement = enforcement
        self._on_acceptance = on_acceptance

    async def accept(
        self, account_id: int, dialect: str, offered: Offered, catalogue_version: int | None = None
    ) -> Accepted:
        """Durable when it returns: Temporal holds the event's workflow. `dialect` is the account's, and so is the
        version of its catalogue; None: it is looked up.

        Raises Invalid for a malformed event, for one that lacks what the dialect's receivers need and for one that does
        not fit the schema of its type, or is of a type of Zonehook's own; Conflict for a known key with other content;
        Unavailable.
        """
        event = propose(account_id, dialect, offered, clock.now())
        accepted = await self._accept(event, dialect, catalogue_version)
        if not accepted.is_duplicate:
            self._on_acceptance(account_id)
        return accepted

    async def accept_own(self, account_id: int, dialect: str, offered: Offered) -> Accepted:
        """An event that Zonehook publishes itself: no schema of the account's stands in its way. As `accept`."""
        event = _written(_event(account_id, offered, clock.now()), dialect)
        return await self._accept(event, dialect, catalogue_version=0)

    async def _accept(self, event: AcceptedEvent, dialect: str, catalogue_version: int | None) -> Accepted:
        if event.key is not None:
            # Temporal forgets workflows after its retention; the records keep the key
            first = await self._database.read(stored.get, event.account_id, event.id)
            if first is not None:
                return _duplicate(event, first.fingerprint, first.accepted_at)
        await self.enforce(event, dialect, catalogue_version)
        try:
            await self._start(event)
        except WorkflowAlreadyStartedError:
            return await self._duplicate_in_temporal(event)
        return Accepted(event.id, event.type, event.accepted_at, is_duplicate=False)

    async def known(self, proposed: Sequence[AcceptedEvent]) -> list[Accepted | Conflict | None]:
        """What there is of each already, all of them of one account: the first event of its key, or the conflict."""
        keyed = [event.id for event in proposed if event.key is not None]
        recorded = await self._database.read(stored.firsts, proposed[0].account_id, keyed) if keyed else {}
        return list(await asyncio.gather(*(self._known(event, recorded.get(event.id)) for event in proposed)))

    async def _known(self, event: AcceptedEvent, first: tuple[str, datetime] | None) -> Accepted | Conflict | None:
        try:
            if first is not None:
                return _duplicate(event, *first)
            return None if event.key is None else await self._duplicate_in_temporal(event)
        except Conflict as problem:
            return problem
        except RPCError as problem:
            if problem.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def enforce(self, event: AcceptedEvent, dialect: str, catalogue_version: int | None) -> None:
        """Raises Invalid for an event that does not fit the schema of its type."""
        if dialects.named(dialect).catalogue is None:
            found = await self._enforcement.problems_of_event(
                event.account_id, event.type, event.data, catalogue_version
            )
            if found:
                raise Invalid("invalid_event", f"{found[0].field}: {found[0].message}", tuple(found))

    async def start_each(self, accepted: Sequence[AcceptedEvent]) -> None:
        """Starts the workflows of those that have none. Raises Unavailable: then all may be started again."""
        started = await asyncio.gather(*(self._start(event) for event in accepted), return_exceptions=True)
        for problem in started:
            if isinstance(problem, BaseException) and not isinstance(problem, WorkflowAlreadyStartedError):
                raise problem

    async def start_held(self, event: AcceptedEvent, signal: str, argument: object) -> None:
        """Starts the workflow of an event whose row is there, with a signal; one that runs is given that alone. Raises
        WorkflowAlreadyStartedError for one that has ended; Unavailable.
        """
        told = {"start_signal": signal, "start_signal_args": [argument]}
        await self._start(replace(event, is_held=True), WorkflowIDConflictPolicy.USE_EXISTING, **told)

    async def accept_each(
        self, account_id: int, offered: Sequence[Offer], catalogue_version: int | None = None
    ) -> list[str | None]:
        """What came of each, side by side: None for one that is durable now, as after `accept`; otherwise why it was
        refused, in a sentence. Raises Unavailable when one can be neither now: then all may be offered again. The
        version is as for `accept`; 0: no schema stands in their way.
        """
        account = await self._database.read(accounts.get, account_id)
        if account is None:
            return [messages.unknown_account(account_id)] * len(offered)
        return list(
            await asyncio.gather(
                *(self._taken(account_id, account.dialect, each, catalogue_version) for each in offered)
            )
        )

    async def _taken(self, account_id: int, dialect: str, offer: Offer, catalogue_version: int | None) -> str | None:
        try:
            event = offers.read(offer.document.encode())
            await self.accept(account_id, dialect, replace(event, key=event.key or offer.key), catalogue_version)
        except Unavailable:
            raise
        except ZonehookError as refusal:
            return refusal.message
        return None

    async def accept_trial(self, account_id: int, endpoint_id: str, dialect: str, sample: Offered) -> AcceptedEvent:
        """A sample for one endpoint alone, durable when it returns. `dialect` is the endpoint's. Raises as `accept`."""
        event = replace(_written(_event(account_id, sample, clock.now()), dialect), trial_of=endpoint_id)
        await self._start(event)
        return event

    async def find(self, account_id: int, event_id: str) -> tuple[AcceptedEvent, list[Delivery]]:
        """An event and its deliveries, from the moment of its acceptance on. Raises NotFound."""
        event = await self._database.read(stored.get, account_id, event_id)
        if event is None:
            return await self._event_in_temporal(account_id, event_id), []
        return event, await self._database.read(deliveries.of_event, account_id, event_id)

    async def page(self, account_id: int, wanted: EventFilter, limit: int, cursor: str | None) -> Page[AcceptedEvent]:
        return await self._database.read(stored.page, account_id, wanted, limit, cursor)

    async def _start(
        self,
        event: AcceptedEvent,
        where_it_runs: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.FAIL,
        **told: Any,
    ) -> None:
        with temporal.as_unavailable():
            await self._client.start_workflow(
                messages.EVENT_WORKFLOW,
                event,
                id=messages.event_workflow_id(event.account_id, event.id),
                task_queue=messages.TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=where_it_runs,
                memo={"fingerprint": event.fingerprint, "accepted_at": event.accepted_at.isoformat()},
                search_attributes=temporal.search_attributes(event.account_id, event.type),
                static_summary=event.type,
                request_eager_start=self._starts_eagerly,
                task_timeout=messages.TASK_TIMEOUT,
                rpc_timeout=temporal.RPC_TIMEOUT,
                **told,
            )

    async def _duplicate_in_temporal(self, event: AcceptedEvent) -> Accepted:
        with temporal.as_unavailable():
            first = await self._handle(event.account_id, event.id).describe(rpc_timeout=temporal.RPC_TIMEOUT)
            memo = await first.memo()
        return _duplicate(event, memo["fingerprint"], datetime.fromisoformat(memo["accepted_at"]))

    async def _event_in_temporal(self, account_id: int, event_id: str) -> AcceptedEvent:
        """The input of the event's workflow: what there is of an event before its rows are."""
        try:
            with temporal.as_unavailable():
                history = self._handle(account_id, event_id).fetch_history_events(
                    page_size=1, rpc_timeout=temporal.RPC_TIMEOUT
                )
                started = (await anext(history)).workflow_execution_started_event_attributes
        except RPCError as problem:
            if problem.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                raise
            raise NotFound("not_found", f"there is no event {event_id[:60]} in this account") from None
        payloads = started.input.payloads
        decoded = await self._client.data_converter.decode(payloads, [AcceptedEvent])
        event: AcceptedEvent = decoded[0]
        return event

    def _handle(self, account_id: int, event_id: str) -> WorkflowHandle[object, object]:
        return self._client.get_workflow_handle(messages.event_workflow_id(account_id, event_id))


def propose(account_id: int, dialect: str, offered: Offered, now: datetime) -> AcceptedEvent:
    """The event that a producer offers, if it is well-formed and can be written in this dialect. Raises Invalid."""
    if own.is_own(offered.type):
        raise Invalid.field("type", f"{offered.type} is Zonehook's own; nobody else publishes it", "invalid_event")
    return _written(_event(account_id, offered, now), dialect)


def _written(event: AcceptedEvent, dialect: str) -> AcceptedEvent:
    if found := dialects.problems(dialect, event):
        raise Invalid("invalid_event", found[0].message, tuple(found))
    return event


def _event(account_id: int, offered: Offered, now: datetime) -> AcceptedEvent:
    if problem := events.type_problem(offered.type):
        raise Invalid.field("type", problem)
    for name, document in (("data", offered.data), ("actor", offered.actor)):
        if document is not None and events.is_too_deep(document):
            raise Invalid.field(name, f"{name} nests deeper than {events.MAX_DEPTH} levels")
    deliver_at = offered.deliver_at
    if deliver_at is not None and (problem := schedules.deliver_at_problem(deliver_at, now)):
        raise Invalid.field("deliver_at", problem)
    is_later = deliver_at is not None and deliver_at > now
    occurred_at = _in_utc(offered.occurred_at)
    texts = [offered.type, offered.subject, occurred_at.isoformat() if occurred_at else None]
    if deliver_at is not None:  # fingerprints of those without are older than it is
        texts.append(deliver_at.isoformat())
    return AcceptedEvent(
        account_id=account_id,
        id=clock.new_id("evt") if offered.key is None else ids.derived("evt", account_id, offered.key),
        type=offered.type,
        data=offered.data,
        accepted_at=now,
        fingerprint=events.fingerprint(texts, (offered.data, offered.actor)),
        key=offered.key,
        subject=offered.subject,
        actor=offered.actor,
        occurred_at=occurred_at,
        deliver_at=deliver_at,
        is_held=is_later,
        status=messages.SCHEDULED if is_later else messages.ACCEPTED,
    )


def _in_utc(at: datetime | None) -> datetime | None:
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid.field("occurred_at", "this moment is in no calendar") from None


def _duplicate(event: AcceptedEvent, fingerprint: str, accepted_at: datetime) -> Accepted:
    if fingerprint != event.fingerprint:
        raise Conflict(
            "idempotency_conflict",
            "this id was used before for an event with other content; use a new one for a new event",
        )
    return Accepted(event.id, event.type, accepted_at, is_duplicate=True)
