"""Statements about what was told of endpoints: who wants to hear it, and that it is not told too often."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Text, cast, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from zonehook.dialects import own
from zonehook.store.tables import accounts, endpoints, tellings

_NOT_AGAIN = timedelta(hours=1)


def audience(conn: Connection, account_id: int, event_type: str) -> str | None:
    """The account's dialect, if one of its endpoints names this type among its subscriptions."""
    subscriptions = cast(endpoints.c.events, Text)  # a JSON list of names, none of which needs escaping
    listening = exists().where(
        endpoints.c.account_id == account_id,
        endpoints.c.deleted_at.is_(None),
        or_(*(subscriptions.contains(f'"{name}"') for name in own.naming(event_type))),
    )
    dialect: str | None = conn.execute(
        select(accounts.c.dialect).where(accounts.c.id == account_id, listening)
    ).scalar_one_or_none()
    return dialect


def note(conn: Connection, endpoint_id: str, event_type: str, at: datetime) -> bool:
    """Whether this may be told of the endpoint: it was not in the hour before. Of two at once the second waits for the
    first to be committed, and may not.
    """
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    noting = (
        dialect.insert(tellings)
        .values(endpoint_id=endpoint_id, type=event_type, told_at=at)
        .on_conflict_do_update(
            index_elements=["endpoint_id", "type"], set_={"told_at": at}, where=tellings.c.told_at <= at - _NOT_AGAIN
        )
        .returning(tellings.c.endpoint_id)
    )
    return conn.execute(noting).first() is not None
