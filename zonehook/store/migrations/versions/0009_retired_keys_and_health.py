"""Encryption keys that are retired, and whose endpoint an attempt was made to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "retired_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retired_keys")),
    )
    op.add_column("attempts", sa.Column("endpoint_id", sa.String(length=40), nullable=True))
    op.execute(
        "UPDATE attempts SET endpoint_id ="
        " (SELECT deliveries.endpoint_id FROM deliveries WHERE deliveries.id = attempts.delivery_id)"
    )
    op.create_index(
        op.f("ix_attempts_health"),
        "attempts",
        ["account_id", "endpoint_id", "started_at", "status_code", "duration_ms", "error"],
        unique=False,
    )
