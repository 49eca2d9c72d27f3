"""When an endpoint was last reported on, which of them are recovering, and announcements that cannot be published."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "tellings",
        sa.Column("endpoint_id", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name=op.f("fk_tellings_endpoint_id")),
        sa.PrimaryKeyConstraint("endpoint_id", "type", name=op.f("pk_tellings")),
    )
    op.add_column("endpoints", sa.Column("is_recovering", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE endpoints SET is_recovering = TRUE WHERE suppressed_at IS NOT NULL OR disabled_at IS NOT NULL")
    with op.batch_alter_table("announcements") as announcements:
        announcements.alter_column("actor", existing_type=sa.Text(), nullable=True)
        announcements.add_column(sa.Column("parked_because", sa.Text(), nullable=True))
