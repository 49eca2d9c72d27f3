"""Endpoints are numbered in the order of their creation; what is to be announced waits in a table."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("number", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE endpoints SET number = numbered.place FROM"
        " (SELECT id, ROW_NUMBER() OVER (ORDER BY created_at, id) AS place FROM endpoints) AS numbered"
        " WHERE numbered.id = endpoints.id"
    )
    with op.batch_alter_table("endpoints") as endpoints:
        endpoints.alter_column("number", existing_type=sa.Integer(), nullable=False)
        endpoints.create_unique_constraint(op.f("uq_endpoints_number"), ["number"])
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.execute("INSERT INTO counters (name, value) SELECT 'endpoints', COALESCE(MAX(number), 0) FROM endpoints")
    op.create_table(
        "announcements",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("dialect", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_announcements_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
