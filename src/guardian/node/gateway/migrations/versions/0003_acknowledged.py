"""Up to which position of its outbox an edge's events are here: after a restore, the edge sends the rest again."""

from alembic import op

revision = "0003"
down_revision = "0002"
# Only added to, as 0002 did: code that knows 0001 leaves these tables alone.
oldest_code = "0001"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE acknowledged (edge_id TEXT PRIMARY KEY REFERENCES edges (id), position INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID"
    )


def downgrade() -> None:
    op.execute("DROP TABLE acknowledged")
