"""How many events an account had accepted in a month."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "credits",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_credits_account_id")),
        sa.PrimaryKeyConstraint("account_id", "month", name=op.f("pk_credits")),
    )
