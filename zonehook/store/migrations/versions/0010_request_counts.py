"""How often somebody called in this minute, for API processes that share a database."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "request_counts",
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("resets_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("who", name=op.f("pk_request_counts")),
    )
