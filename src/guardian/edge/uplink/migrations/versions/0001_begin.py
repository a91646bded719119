"""The cursor into the outbox, what the node refused, commands carried out, names members gave cameras."""

from alembic import op

revision = "0001"
down_revision = None

_UP = (
    "CREATE TABLE cursor (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE refused (position INTEGER PRIMARY KEY, reason TEXT NOT NULL, sentence TEXT NOT NULL) STRICT",
    """CREATE TABLE commands (
        id TEXT PRIMARY KEY, accepted INTEGER NOT NULL, reason TEXT NOT NULL, sentence TEXT NOT NULL,
        done_at TEXT NOT NULL, reported INTEGER NOT NULL DEFAULT 0) STRICT""",
    "CREATE TABLE camera_names (camera TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID",
)


def upgrade() -> None:
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    for table in ("camera_names", "commands", "refused", "cursor"):
        op.execute(f"DROP TABLE {table}")
