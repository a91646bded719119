"""The registry of addresses in the tunnel: a number is given once and stays its edge's, revoked or not."""

from alembic import op

revision = "0002"
down_revision = "0001"
# The code before has no hub and asks neither table.
oldest_code = "0001"

_UP = (
    # One row: whom edges were told to trust, and which network their addresses are of.
    """CREATE TABLE hub (
        only INTEGER PRIMARY KEY CHECK (only = 1), public BLOB NOT NULL, network TEXT NOT NULL) STRICT""",
    """CREATE TABLE tunnels (
        number INTEGER PRIMARY KEY AUTOINCREMENT, edge_id TEXT NOT NULL UNIQUE REFERENCES edges (id),
        public BLOB NOT NULL UNIQUE, address TEXT NOT NULL UNIQUE) STRICT""",
)


def upgrade() -> None:
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    for table in ("tunnels", "hub"):
        op.execute(f"DROP TABLE {table}")
