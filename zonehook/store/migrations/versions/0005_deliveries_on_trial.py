"""Deliveries of samples, marked as such."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("test", sa.Boolean(), server_default=sa.false(), nullable=False))
