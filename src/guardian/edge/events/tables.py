"""The event store's tables as SQLAlchemy knows them; the migrations make them."""

import sqlalchemy as sa

metadata = sa.MetaData()

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("camera", sa.Text),
    sa.Column("label", sa.Text),
    sa.Column("start", sa.Float),
    sa.Column("last_seen", sa.Float),
    sa.Column("end", sa.Float),
    sa.Column("top_score", sa.Float),
    sa.Column("revision", sa.Integer),
    sa.Column("message", sa.LargeBinary),
)
clips = sa.Table(
    "clips",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("camera", sa.Text),
    sa.Column("start", sa.Float),
    sa.Column("reach", sa.Float),
    sa.Column("closed", sa.Boolean),
    sa.Column("truncated", sa.Boolean),
)
event_clips = sa.Table(
    "event_clips",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("clip_id", sa.Text, primary_key=True),
)
pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text),
    sa.Column("kind", sa.Text),
    sa.Column("path", sa.Text),
    sa.Column("start", sa.Float),
    sa.Column("deleted", sa.Boolean),
)
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.Text),
    sa.Column("revision", sa.Integer),
    sa.Column("event", sa.LargeBinary),
    sa.Column("signature", sa.LargeBinary),
    sqlite_autoincrement=True,
)
