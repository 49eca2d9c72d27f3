"""An index for each way to narrow a list down."""

from alembic import op

revision = "0004"
down_revision = "0003"

_NEW = {
    "ix_deliveries_all": ("deliveries", ["account_id", "created_at", "id"]),
    "ix_deliveries_event": ("deliveries", ["account_id", "event_id", "created_at", "id"]),
    "ix_deliveries_endpoint": ("deliveries", ["account_id", "endpoint_id", "created_at", "id", "type"]),
    "ix_deliveries_endpoint_status": (
        "deliveries",
        ["account_id", "endpoint_id", "status", "created_at", "id", "type"],
    ),
    "ix_deliveries_status": ("deliveries", ["account_id", "status", "created_at", "id"]),
    "ix_deliveries_status_type": ("deliveries", ["account_id", "status", "type", "created_at", "id"]),
    "ix_deliveries_type": ("deliveries", ["account_id", "type", "created_at", "id"]),
    "ix_endpoints_account_id_created_at_id": ("endpoints", ["account_id", "created_at", "id"]),
    "ix_events_account_id_type_accepted_at_id": ("events", ["account_id", "type", "accepted_at", "id"]),
}
_OLD = {
    "ix_deliveries_account_id_created_at_id": "deliveries",
    "ix_deliveries_account_id_status_created_at_id": "deliveries",
    "ix_deliveries_endpoint_id_created_at_id": "deliveries",
    "ix_deliveries_event_id_id": "deliveries",
    "ix_endpoints_account_id_id": "endpoints",
}


def upgrade() -> None:
    for name, table in _OLD.items():
        op.drop_index(op.f(name), table_name=table)
    for name, (table, columns) in _NEW.items():
        op.create_index(op.f(name), table, columns, unique=False)
