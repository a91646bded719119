"""For whom and which key a token was spent: a node that lost the answer asks again, and nobody else is answered."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
# Only added to: code that knows 0001 leaves the columns empty, and answers a token once.
oldest_code = "0001"


def upgrade() -> None:
    """Empty for tokens that were spent before."""
    op.execute("ALTER TABLE node_tokens ADD COLUMN node_id uuid, ADD COLUMN tls_public bytea")


def downgrade() -> None:
    """Without both."""
    op.execute("ALTER TABLE node_tokens DROP COLUMN node_id, DROP COLUMN tls_public")
