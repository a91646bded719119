"""Clips, and motion recorded while the analyzer was away."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Forwards."""
    op.create_table(
        "clips",
        sa.Column("object_id", sa.String(32), primary_key=True),
        sa.Column("path", sa.String, nullable=False, unique=True),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("end", sa.Float, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.CheckConstraint("state IN ('open', 'closed', 'truncated', 'failed')", name="clips_state"),
    )
    op.create_index("clips_by_end", "clips", ["end"])
    op.create_table(
        "motions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("end", sa.Float, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.CheckConstraint("state IN ('open', 'closed', 'told')", name="motions_state"),
    )


def downgrade() -> None:
    """Backwards."""
    op.drop_table("motions")
    op.drop_index("clips_by_end", "clips")
    op.drop_table("clips")
