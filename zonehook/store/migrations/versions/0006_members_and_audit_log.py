"""Members with roles; API keys that expire, are revoked and rotated; the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index(op.f("ix_accounts_created_at_id"), "accounts", ["created_at", "id"])
    op.create_table(
        "members",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_members_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
    )
    is_here = sa.text("removed_at IS NULL")
    op.create_index(
        "ix_members_email",
        "members",
        ["account_id", "email"],
        unique=True,
        sqlite_where=is_here,
        postgresql_where=is_here,
    )
    op.create_index(op.f("ix_members_account_id_created_at_id"), "members", ["account_id", "created_at", "id"])
    with op.batch_alter_table("api_keys") as api_keys:
        api_keys.add_column(sa.Column("member_id", sa.String(length=40), nullable=True))
        api_keys.add_column(sa.Column("previous_digest", sa.String(length=64), nullable=True))
        api_keys.add_column(sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True))
        api_keys.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        api_keys.add_column(sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
        api_keys.create_foreign_key(op.f("fk_api_keys_member_id"), "members", ["member_id"], ["id"])
        api_keys.create_unique_constraint(op.f("uq_api_keys_previous_digest"), ["previous_digest"])
        api_keys.create_index(op.f("ix_api_keys_account_id_created_at_id"), ["account_id", "created_at", "id"])
    op.create_table(
        "audit_log",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("object_id", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audit_log_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_account_id_created_at_id"), "audit_log", ["account_id", "created_at", "id"])
