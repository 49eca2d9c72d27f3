"""The bytes of a delivery in its own row, one statement less for each; endpoints that answer slowly are known."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("is_slow", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("deliveries") as deliveries:
        deliveries.add_column(sa.Column("body", sa.LargeBinary(), nullable=True))
        deliveries.add_column(sa.Column("body_of", sa.String(length=40), nullable=True))
    op.execute("UPDATE deliveries SET body = (SELECT bytes FROM bodies WHERE bodies.id = deliveries.body_id)")
    with op.batch_alter_table("deliveries") as deliveries:
        deliveries.drop_constraint(op.f("fk_deliveries_body_id"), type_="foreignkey")
        deliveries.drop_column("body_id")
        deliveries.create_foreign_key(op.f("fk_deliveries_body_of"), "deliveries", ["body_of"], ["id"])
    op.drop_table("bodies")
