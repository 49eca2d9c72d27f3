"""Events that wait for their time, and how far each event is; all there were are published."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("events", sa.Column("deliver_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("events", sa.Column("status", sa.String(20), server_default="published", nullable=False))
    waiting = sa.text("status = 'scheduled'")
    op.create_index(
        "ix_events_scheduled", "events", ["account_id", "accepted_at", "id"],
        sqlite_where=waiting, postgresql_where=waiting,
    )  # fmt: skip
