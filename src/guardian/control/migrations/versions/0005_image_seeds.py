"""Seeds for images: what a tenant's machine is told, until it is fetched or expires."""

from alembic import op

from guardian.control.migrations.security import app_role, grant, guard

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
# The code before makes no images and asks no such table.
oldest_code = "0001"


def upgrade() -> None:
    """The table, its row-level security and its grant."""
    op.execute(
        """CREATE TABLE image_seeds (
            tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE, id uuid NOT NULL, node_id uuid NOT NULL,
            image text NOT NULL, image_sha256 bytea NOT NULL, name text NOT NULL, region bytea NOT NULL,
            size bigint NOT NULL, sha256 bytea NOT NULL,
            created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, node_id) REFERENCES nodes ON DELETE CASCADE)"""
    )
    guard("image_seeds")
    # A seed holds secrets of a household that may never come back: any daemon deletes it then, and still sees none.
    op.execute("CREATE POLICY expired ON image_seeds FOR DELETE USING (expires_at < now())")
    grant("image_seeds", app_role())
    op.execute("CREATE INDEX image_seeds_expiry ON image_seeds (expires_at)")


def downgrade() -> None:
    """Gone with what was in it."""
    op.execute("DROP TABLE image_seeds")
