"""The tables. Migrations change the database; a test holds the two against each other."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from zonehook.store.utc import Utc

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


_SEALED = {"sealed": True}  # encrypted; sealed anew whenever the encryption key is rotated


def _table(name: str, *parts: Any) -> Table:
    return Table(name, metadata, *parts)


def _account() -> Column[int]:
    return Column("account_id", ForeignKey("accounts.id"), nullable=False)


accounts = _table(
    "accounts",
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("dialect", String(40), nullable=False),
    Column("plan", String(40), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("catalogue_version", Integer, nullable=False, server_default=text("0")),  # 0: no types were ever registered
    Index(None, "created_at", "id"),
)

members = _table(
    "members",
    Column("id", String(40), primary_key=True),
    _account(),
    Column("email", String(254), nullable=False),  # in lower case
    Column("role", String(20), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("removed_at", Utc),  # and no key of theirs opens anything
    Index(
        "ix_members_email",
        "account_id",
        "email",
        unique=True,
        sqlite_where=text("removed_at IS NULL"),
        postgresql_where=text("removed_at IS NULL"),
    ),
    Index(None, "account_id", "created_at", "id"),
)

api_keys = _table(
    "api_keys",
    Column("id", String(40), primary_key=True),
    Column("account_id", ForeignKey("accounts.id")),  # none: the operator's
    Column("member_id", ForeignKey("members.id")),  # none: the account's own, which acts as its owner
    Column("name", String(200), nullable=False),
    Column("scope", String(20), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("previous_digest", String(64), unique=True),  # opens beside the new one until …
    Column("previous_until", Utc),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("revoked_at", Utc),
    Index(None, "account_id", "created_at", "id"),
)

audit_log = _table(
    "audit_log",
    Column("id", String(40), primary_key=True),
    Column("account_id", ForeignKey("accounts.id")),  # none: of the operator's own keys
    Column("key_id", String(40)),  # none: Zonehook's own doing
    Column("email", String(254)),  # as it was then
    Column("action", String(60), nullable=False),
    Column("object_id", String(40), nullable=False),
    Column("address", String(64)),
    Column("created_at", Utc, nullable=False),
    Index(None, "account_id", "created_at", "id"),
)

# By id, which is a hash of the key: with these nothing is encrypted any more, by nobody
retired_keys = _table(
    "retired_keys",
    Column("id", String(40), primary_key=True),
    Column("retired_at", Utc, nullable=False),
)

endpoints = _table(
    "endpoints",
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),  # what API v2 calls it, over all accounts
    _account(),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("description", Text),
    Column("dialect", String(40), nullable=False),
    Column("secret", LargeBinary, nullable=False, info=_SEALED),
    Column("previous_secret", LargeBinary, info=_SEALED),  # signs beside the new one until …
    Column("previous_secret_until", Utc),
    Column("headers", LargeBinary, nullable=False, info=_SEALED),  # they carry tokens
    Column("disabled_at", Utc),
    Column("suppressed_at", Utc),
    Column("deleted_at", Utc),
    Column("consecutive_failures", Integer, nullable=False),
    Column("is_slow", Boolean, nullable=False, server_default=false()),  # its last answer took long
    Column("is_recovering", Boolean, nullable=False, server_default=false()),  # was inactive; no success since
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Index(None, "account_id", "created_at", "id"),
)

event_types = _table(
    "event_types",
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("description", Text),
    Column("sample", Text),  # JSON text as it was registered, like …
    Column("schema", Text),
)

counters = _table(
    "counters",
    Column("name", String(40), primary_key=True),
    Column("value", Integer, nullable=False),  # the last number that was given
)

announcements = _table(
    "announcements",  # events of our own that Temporal does not hold yet
    Column("id", String(40), primary_key=True),
    _account(),
    Column("dialect", String(40), nullable=False),  # the account's
    Column("type", String(100), nullable=False),
    Column("data", Text, nullable=False),
    Column("actor", Text),
    Column("created_at", Utc, nullable=False),
    Column("parked_because", Text),  # it cannot be published, and is not looked at until the next start
)

tellings = _table(
    "tellings",  # when an endpoint was last the subject of an event of our own
    Column("endpoint_id", ForeignKey("endpoints.id"), primary_key=True),
    Column("type", String(100), primary_key=True),
    Column("told_at", Utc, nullable=False),
)

events = _table(
    "events",
    Column("id", String(40), primary_key=True),
    _account(),
    Column("key", String(255)),
    Column("fingerprint", String(64), nullable=False),
    Column("type", String(100), nullable=False),
    Column("data", Text, nullable=False),  # JSON text as the producer wrote it
    Column("actor", Text),
    Column("subject", String(255)),
    Column("occurred_at", Utc),
    Column("accepted_at", Utc, nullable=False),
    Column("deliver_at", Utc),
    Column("status", String(20), nullable=False, server_default="published"),
    UniqueConstraint("account_id", "key"),
    Index(None, "account_id", "accepted_at", "id"),
    Index(None, "account_id", "type", "accepted_at", "id"),
    Index(
        "ix_events_scheduled",
        "account_id",
        "accepted_at",
        "id",
        sqlite_where=text("status = 'scheduled'"),
        postgresql_where=text("status = 'scheduled'"),
    ),
)

deliveries = _table(
    "deliveries",
    Column("id", String(40), primary_key=True),
    _account(),
    Column("event_id", ForeignKey("events.id"), nullable=False),
    Column("endpoint_id", ForeignKey("endpoints.id"), nullable=False),
    Column("body", LargeBinary),  # the bytes that are sent, frozen; none where they equal those of …
    Column("body_of", ForeignKey("deliveries.id")),  # … another delivery of the event
    Column("type", String(100), nullable=False),
    Column("test", Boolean, nullable=False, server_default=false()),  # a sample, sent on demand
    Column("status", String(20), nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("run", Integer, nullable=False),  # 0, then one more for each replay
    Column("attempts_before_run", Integer, nullable=False),
    Column("first_attempt_at", Utc),  # of this run
    Column("hurried", Boolean, nullable=False, server_default=false()),  # somebody asked for the next attempt at once
    Column("next_retry_at", Utc),
    Column("last_status_code", Integer),
    Column("created_at", Utc, nullable=False),
    Column("completed_at", Utc),
    # For each way to narrow the list down, in its order; what few rows are left to be looked at for stands in the index
    Index("ix_deliveries_all", "account_id", "created_at", "id"),
    Index("ix_deliveries_event", "account_id", "event_id", "created_at", "id"),
    Index("ix_deliveries_endpoint", "account_id", "endpoint_id", "created_at", "id", "type"),
    Index("ix_deliveries_endpoint_status", "account_id", "endpoint_id", "status", "created_at", "id", "type"),
    Index("ix_deliveries_status", "account_id", "status", "created_at", "id"),
    Index("ix_deliveries_status_type", "account_id", "status", "type", "created_at", "id"),
    Index("ix_deliveries_type", "account_id", "type", "created_at", "id"),
)

recoveries = _table(
    "recoveries",
    Column("id", String(40), primary_key=True),
    _account(),
    Column("endpoint_id", ForeignKey("endpoints.id"), nullable=False),
    Column("since", Utc, nullable=False),
    Column("until", Utc, nullable=False),
    Column("statuses", JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("failures", JSON, nullable=False),  # the last few deliveries that could not be sent again, and why
    Column("created_at", Utc, nullable=False),
    Column("completed_at", Utc),  # none: it is under way, or paused
    Index(
        "ix_recoveries_under_way",  # one for each endpoint
        "endpoint_id",
        unique=True,
        sqlite_where=text("completed_at IS NULL"),
        postgresql_where=text("completed_at IS NULL"),
    ),
    Index(None, "account_id", "created_at", "id"),
)

credits = _table(
    "credits",
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("month", String(7), primary_key=True),  # 2026-07
    Column("used", BigInteger, nullable=False),  # events that were accepted
)

request_counts = _table(
    "request_counts",  # of API processes that share a database
    Column("who", String(100), primary_key=True),  # the digest of a key, or an address
    Column("used", Integer, nullable=False),
    Column("resets_at", Utc, nullable=False),
)

attempts = _table(
    "attempts",
    Column("id", String(40), primary_key=True),
    _account(),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("trigger", String(20), nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("status_code", Integer),
    Column("error", String(60)),
    Column("response_excerpt", Text),
    Column("endpoint_id", String(40)),  # its delivery's; none where a worker of an earlier version wrote it
    UniqueConstraint("delivery_id", "number"),
    # All that an endpoint's health is told from: with a million attempts, to look each of them up takes seconds
    Index("ix_attempts_health", "account_id", "endpoint_id", "started_at", "status_code", "duration_ms", "error"),
)
