"""Statements about recoveries, and about the deliveries that they are to send again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, tuple_, update

from zonehook.recovery import Missed, RecoveryOrder, RecoveryStatus
from zonehook.roles import Actor
from zonehook.store import accounts, audit, pages
from zonehook.store.pages import Page
from zonehook.store.tables import deliveries, recoveries
from zonehook.verdicts import DeliveryStatus

_TOLD = 20  # deliveries that could not be sent again, of which the reason is kept


@dataclass(frozen=True)
class Failure:
    """A delivery that could not be sent again, and why, in a sentence."""

    delivery_id: str
    reason: str


@dataclass(frozen=True)
class Recovery:
    """A recovery as its account sees it. `failures` are the last few of those that `failed` counts."""

    id: str
    endpoint_id: str
    status: RecoveryStatus
    reason: str | None
    since: datetime
    until: datetime
    statuses: list[str]
    total: int
    done: int
    failed: int
    failures: list[Failure]
    created_at: datetime
    completed_at: datetime | None


_SEEN = [recoveries.c[name] for name in Recovery.__dataclass_fields__]


def begin(conn: Connection, order: RecoveryOrder, total: int) -> Recovery:
    """Writes it down unless it was before. Returns it, or the other one of its endpoint that is under way."""
    accounts.hold(conn, order.account_id)  # of two at once for an endpoint, the second finds the first
    found = get(conn, order.account_id, order.recovery_id) or under_way(conn, order.account_id, order.endpoint_id)
    if found is not None:
        return found
    values = {
        "id": order.recovery_id, "account_id": order.account_id, "endpoint_id": order.endpoint_id,
        "since": order.since, "until": order.until, "statuses": list(order.statuses),
        "status": RecoveryStatus.RUNNING, "total": total, "done": 0, "failed": 0, "failures": [],
        "created_at": order.ordered_at,
    }  # fmt: skip
    row = conn.execute(insert(recoveries).values(values).returning(*_SEEN)).one()
    actor = Actor(order.account_id, key_id=order.key_id, email=order.email, address=order.address)
    audit.note(conn, actor, "recovery.started", order.recovery_id)
    return _recovery(row)


def get(conn: Connection, account_id: int, recovery_id: str) -> Recovery | None:
    row = conn.execute(_of(account_id).where(recoveries.c.id == recovery_id)).one_or_none()
    return None if row is None else _recovery(row)


def under_way(conn: Connection, account_id: int, endpoint_id: str) -> Recovery | None:
    """The one of this endpoint that has not ended; there is one at most."""
    is_its = (recoveries.c.endpoint_id == endpoint_id) & recoveries.c.completed_at.is_(None)
    row = conn.execute(_of(account_id).where(is_its)).one_or_none()
    return None if row is None else _recovery(row)


def page(conn: Connection, account_id: int, limit: int, cursor: str | None) -> Page[Recovery]:
    """Newest first."""
    rows, next_cursor = pages.fetch(conn, _of(account_id), recoveries.c.created_at, recoveries.c.id, limit, cursor)
    return Page([_recovery(row) for row in rows], next_cursor)


def change(conn: Connection, account_id: int, recovery_id: str, values: dict[str, Any]) -> Recovery | None:
    """How it stands after the change; None where there is none that has not ended."""
    is_it = (recoveries.c.id == recovery_id) & (recoveries.c.account_id == account_id)
    changed = update(recoveries).where(is_it, recoveries.c.completed_at.is_(None)).values(values)
    row = conn.execute(changed.returning(*_SEEN)).one_or_none()
    return None if row is None else _recovery(row)


def change_by(conn: Connection, actor: Actor, recovery_id: str, action: str, values: dict[str, Any]) -> Recovery | None:
    """The same, noted in the audit log."""
    changed = change(conn, actor.account_id, recovery_id, values)
    if changed is not None:
        audit.note(conn, actor, action, recovery_id)
    return changed


def advance(conn: Connection, order: RecoveryOrder, failures: Sequence[Failure]) -> None:
    """Writes how far it came. One that came further in the meantime, or ended, stays as it is but for that."""
    seen = order.done + order.failed
    row = conn.execute(
        select(recoveries.c.failures, recoveries.c.total)
        .where(
            recoveries.c.id == order.recovery_id,
            recoveries.c.account_id == order.account_id,
            recoveries.c.done + recoveries.c.failed < seen,
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        return
    told = [*row.failures, *(vars(each) for each in failures)][-_TOLD:]
    values = {"done": order.done, "failed": order.failed, "failures": told, "total": max(row.total, seen)}
    conn.execute(update(recoveries).where(recoveries.c.id == order.recovery_id).values(values))


def count_missed(conn: Connection, order: RecoveryOrder) -> int:
    """How many deliveries there are to be sent again."""
    found = _missed(order, func.count()).where(deliveries.c.status.in_(order.statuses))
    return int(conn.execute(found).scalar_one())


def missed(conn: Connection, order: RecoveryOrder, limit: int) -> list[Missed]:
    """The next deliveries to be sent again, the oldest first."""
    found: list[Missed] = []
    for status in order.statuses:  # one by one, each in the order of its index: nothing is sorted or looked at in vain
        query = _missed(order, deliveries.c.id, deliveries.c.run, deliveries.c.created_at)
        in_turn = query.where(deliveries.c.status == status).order_by(deliveries.c.created_at, deliveries.c.id)
        found += [Missed(*row) for row in conn.execute(in_turn.limit(limit))]
    return sorted(found, key=lambda each: (each.created_at, each.delivery_id))[:limit]


def count_unattempted(conn: Connection, account_id: int, endpoint_id: str, most: int) -> int:
    """How many deliveries to this endpoint wait for the first attempt of their run, counted up to `most`."""
    waiting = select(deliveries.c.id).where(
        deliveries.c.account_id == account_id,
        deliveries.c.endpoint_id == endpoint_id,
        deliveries.c.status == DeliveryStatus.PENDING,
    )
    return conn.execute(select(func.count()).select_from(waiting.limit(most).subquery())).scalar_one()


def _missed(order: RecoveryOrder, *columns: Any) -> Select[Any]:
    place = tuple_(deliveries.c.created_at, deliveries.c.id)
    types = (deliveries.c.created_at.type, deliveries.c.id.type)
    return select(*columns).where(
        deliveries.c.account_id == order.account_id,
        deliveries.c.endpoint_id == order.endpoint_id,
        place > tuple_(order.since, order.after, types=types),
        deliveries.c.created_at < order.until,
    )


def _of(account_id: int) -> Select[Any]:
    return select(*_SEEN).where(recoveries.c.account_id == account_id)


def _recovery(row: Row[Any]) -> Recovery:
    own = {"status": RecoveryStatus(row.status), "failures": [Failure(**each) for each in row.failures]}
    return Recovery(**{**row._mapping, **own})
