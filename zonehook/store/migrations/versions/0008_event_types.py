"""Event types that accounts with an open catalogue register, and how often each account has changed its own."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("catalogue_version", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "event_types",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("sample", sa.Text(), nullable=True),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_event_types_account_id")),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_event_types")),
    )
