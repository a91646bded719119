"""Which key a token was spent for: an edge that lost the answer asks again, and nobody else is answered."""

from alembic import op

revision = "0004"
down_revision = "0003"
# Only added to: code that knows 0001 leaves the column empty, and answers a token once.
oldest_code = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE tokens ADD COLUMN tls_public BLOB")


def downgrade() -> None:
    op.execute("ALTER TABLE tokens DROP COLUMN tls_public")
