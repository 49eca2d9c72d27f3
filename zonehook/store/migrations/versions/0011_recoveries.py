"""Recoveries: what an endpoint missed, sent again in bulk."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "recoveries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.String(length=40), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statuses", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_recoveries_account_id")),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name=op.f("fk_recoveries_endpoint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recoveries")),
    )
    is_under_way = sa.text("completed_at IS NULL")
    op.create_index(
        "ix_recoveries_under_way",
        "recoveries",
        ["endpoint_id"],
        unique=True,
        sqlite_where=is_under_way,
        postgresql_where=is_under_way,
    )
    op.create_index(op.f("ix_recoveries_account_id_created_at_id"), "recoveries", ["account_id", "created_at", "id"])
