"""An operator's orders to nodes, and their answers; a token among those is sealed to who asked for it."""

from alembic import op

from guardian.control.migrations.security import app_role, grant, guard

revision = "0003"
down_revision = "0002"
# The code before carries no orders and asks no such table.
oldest_code = "0001"


def upgrade() -> None:
    """The table, its row-level security and its grant."""
    op.execute(
        """CREATE TABLE node_orders (
            tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE, id uuid NOT NULL, node_id uuid NOT NULL,
            content bytea NOT NULL, created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
            result bytea, answered_at timestamptz,
            PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, node_id) REFERENCES nodes ON DELETE CASCADE)"""
    )
    guard("node_orders")
    grant("node_orders", app_role())
    op.execute("CREATE INDEX node_orders_waiting ON node_orders (tenant_id, node_id) WHERE answered_at IS NULL")


def downgrade() -> None:
    """Gone with what was in it."""
    op.execute("DROP TABLE node_orders")
