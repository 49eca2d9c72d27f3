"""A delivery whose next attempt somebody asked for by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("hurried", sa.Boolean(), server_default=sa.false(), nullable=False))
