"""Statements about how an endpoint did: all of them read off one index, which holds whatever they ask for."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, not_, or_, select

from zonehook import verdicts
from zonehook.health import Failure, Tally
from zonehook.store.tables import attempts


def tallies(conn: Connection, account_id: int, endpoint_id: str, since: datetime) -> list[Tally]:
    """The attempts since then, those alike counted together: so few rows come of however many."""
    alike = (attempts.c.duration_ms, attempts.c.status_code)
    query = _of(select(*alike, func.count().label("made")), account_id, endpoint_id).where(
        attempts.c.started_at > since
    )
    rows = conn.execute(query.group_by(*alike)).all()
    return [Tally(row.duration_ms, row.status_code, row.made) for row in rows]


def last_success(conn: Connection, account_id: int, endpoint_id: str, confirming: tuple[int, int]) -> datetime | None:
    query = _of(select(attempts.c.started_at), account_id, endpoint_id).where(_confirmed(confirming))
    return conn.execute(query.order_by(attempts.c.started_at.desc()).limit(1)).scalar_one_or_none()


def last_failure(conn: Connection, account_id: int, endpoint_id: str, confirming: tuple[int, int]) -> Failure | None:
    query = _of(select(attempts.c.started_at, attempts.c.status_code, attempts.c.error), account_id, endpoint_id)
    failed = or_(attempts.c.status_code.is_(None), not_(_confirmed(confirming)))
    row = conn.execute(query.where(failed).order_by(attempts.c.started_at.desc()).limit(1)).one_or_none()
    return None if row is None else Failure(row.started_at, verdicts.called(row.status_code, row.error))


def _of(query: Select[Any], account_id: int, endpoint_id: str) -> Select[Any]:
    return query.where(attempts.c.account_id == account_id, attempts.c.endpoint_id == endpoint_id)


def _confirmed(confirming: tuple[int, int]) -> ColumnElement[bool]:
    lowest, highest = confirming
    return and_(attempts.c.status_code >= lowest, attempts.c.status_code <= highest)
