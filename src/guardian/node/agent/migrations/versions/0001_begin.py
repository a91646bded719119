"""How far the agent got with what it passes on."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE cursor (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID")


def downgrade() -> None:
    op.execute("DROP TABLE cursor")
