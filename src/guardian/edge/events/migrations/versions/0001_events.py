"""Events, the clips and pictures that belong to them, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("last_seen", sa.Float, nullable=False),
        sa.Column("end", sa.Float),
        sa.Column("top_score", sa.Float, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
    )
    op.create_index("events_by_camera", "events", ["camera", "start"])
    op.create_index("events_by_start", "events", ["start"])
    op.create_index("events_open", "events", ["id"], sqlite_where=sa.text('"end" IS NULL'))
    op.create_table(
        "clips",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("start", sa.Float, nullable=False),
        # The last durable second while it is being recorded.
        sa.Column("reach", sa.Float, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("truncated", sa.Boolean, nullable=False),
    )
    op.create_index("clips_by_camera", "clips", ["camera", "start"])
    op.create_table(
        "event_clips",
        sa.Column("event_id", sa.Text, sa.ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("clip_id", sa.Text, sa.ForeignKey("clips.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("event_clips_by_clip", "event_clips", ["clip_id"])
    op.create_table(
        "pictures",
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, sa.ForeignKey("events.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("start", sa.Float, nullable=False),
        # Set first, then the file goes, then the row.
        sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_index("pictures_by_event", "pictures", ["event_id"])
    op.create_table(
        "outbox",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        # Positions are never used twice, not even after the newest row was trimmed.
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("outbox", "pictures", "event_clips", "clips", "events"):
        op.drop_table(table)
