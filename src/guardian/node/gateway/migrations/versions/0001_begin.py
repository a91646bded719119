"""Edges and their tokens, events and the objects they name, the roster, commands."""

from alembic import op

revision = "0001"
down_revision = None

_UP = (
    """CREATE TABLE edges (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, sign_public BLOB NOT NULL UNIQUE, receive_public BLOB NOT NULL,
        enrolled_at TEXT NOT NULL, revoked_at TEXT, status BLOB, status_at TEXT) STRICT""",
    """CREATE TABLE tokens (
        hash BLOB PRIMARY KEY, name TEXT NOT NULL, expires_at TEXT NOT NULL, spent_at TEXT,
        edge_id TEXT REFERENCES edges (id)) STRICT""",
    """CREATE TABLE events (
        id TEXT PRIMARY KEY, revision INTEGER NOT NULL, position INTEGER NOT NULL,
        edge_id TEXT NOT NULL REFERENCES edges (id), event BLOB NOT NULL,
        signature BLOB NOT NULL, received_at TEXT NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX events_position ON events (position)",
    "CREATE TABLE objects (id TEXT PRIMARY KEY, edge_id TEXT NOT NULL REFERENCES edges (id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE roster (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, signature BLOB NOT NULL) STRICT",
    """CREATE TABLE commands (
        id TEXT PRIMARY KEY, edge_id TEXT NOT NULL REFERENCES edges (id), payload BLOB NOT NULL,
        signature BLOB NOT NULL, received_at TEXT NOT NULL,
        result BLOB, confirmed INTEGER NOT NULL DEFAULT 0) STRICT""",
    "CREATE INDEX commands_open ON commands (edge_id) WHERE result IS NULL",
    "CREATE INDEX commands_unconfirmed ON commands (id) WHERE result IS NOT NULL AND confirmed = 0",
)


def upgrade() -> None:
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    for table in ("commands", "roster", "objects", "events", "tokens", "edges"):
        op.execute(f"DROP TABLE {table}")
