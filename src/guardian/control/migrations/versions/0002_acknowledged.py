"""Up to which position of its own a node's summaries are here: after a restore, the node sends the rest again."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
# Only added to: code that knows 0001 leaves the column empty, and nothing is asked of the node then.
oldest_code = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE nodes ADD COLUMN acknowledged bigint")


def downgrade() -> None:
    op.execute("ALTER TABLE nodes DROP COLUMN acknowledged")
