"""The tables as code sees them; migrations make them, and a test holds the two together.

A table with `tenant_id` is a tenant's: row-level security keys it by `app.tenant_id`. The others belong to people, who
may be in several tenants.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from guardian.control.database.types import HexId, Uuid7Id

metadata = sa.MetaData()
_Time = sa.DateTime(timezone=True)


def _tenant(*, primary: bool = True) -> sa.Column[str]:
    key = sa.ForeignKey("tenants.tenant_id", ondelete="CASCADE")
    return sa.Column("tenant_id", HexId, key, primary_key=primary, nullable=False)


def _column(name: str, type_: sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]]) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False)


def _user(*, primary: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey("users.id", ondelete="CASCADE")
    return sa.Column("user_id", HexId, key, primary_key=primary, nullable=False)


users = sa.Table(
    "users",
    metadata,
    sa.Column("id", HexId, primary_key=True),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    _column("name", sa.Text),
    _column("created_at", _Time),
)
identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    _user(),
)
credentials = sa.Table(
    "credentials", metadata, _user(primary=True), _column("password_hash", sa.Text), _column("changed_at", _Time)
)
login_attempts = sa.Table(
    "login_attempts",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    _column("failures", sa.Integer),
    _column("since", _Time),
)
tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("tenant_id", HexId, primary_key=True),
    _column("name", sa.Text),
    _column("created_at", _Time),
)
live_counters = sa.Table("live_counters", metadata, _tenant(), _column("value", sa.BigInteger))
memberships = sa.Table("memberships", metadata, _tenant(), _user(primary=True), _column("role", sa.Text))
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    _tenant(primary=False),
    _user(),
    _column("created_at", _Time),
    _column("seen_at", _Time),
    _column("expires_at", _Time),
)
nodes = sa.Table(
    "nodes",
    metadata,
    _tenant(),
    sa.Column("id", HexId, primary_key=True),
    _column("name", sa.Text),
    _column("created_at", _Time),
    sa.Column("revoked_at", _Time),
    sa.Column("last_seen", _Time),
    _column("relay_url", sa.Text),
    _column("software_version", sa.Text),
    sa.Column("acknowledged", sa.BigInteger),
)
node_tokens = sa.Table(
    "node_tokens",
    metadata,
    sa.Column("secret_hash", sa.LargeBinary, primary_key=True),
    _tenant(primary=False),
    _column("name", sa.Text),
    _column("created_at", _Time),
    _column("expires_at", _Time),
    sa.Column("spent_at", _Time),
    sa.Column("node_id", HexId),
    sa.Column("tls_public", sa.LargeBinary),
)
edges = sa.Table(
    "edges",
    metadata,
    _tenant(),
    sa.Column("id", HexId, primary_key=True),
    _column("node_id", HexId),
    _column("name", sa.Text),
    _column("sign_public", sa.LargeBinary),
    _column("receive_public", sa.LargeBinary),
    sa.Column("enrolled_at", _Time),
    sa.Column("last_seen", _Time),
    _column("online", sa.Boolean),
    _column("software_version", sa.Text),
    _column("detector_state", sa.Text),
    _column("detector_reason", sa.Text),
    _column("detector_sentence", sa.Text),
    _column("roster_entries", sa.Integer),
    _column("roster_head", sa.LargeBinary),
    _column("roster_fault", sa.Text),
    _column("cpu_percent", sa.Float),
    _column("memory_bytes", sa.BigInteger),
    _column("disk_free_bytes", sa.BigInteger),
    _column("disk_total_bytes", sa.BigInteger),
    _column("outbox_waiting", sa.BigInteger),
)
cameras = sa.Table(
    "cameras",
    metadata,
    _tenant(),
    sa.Column("edge_id", HexId, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    _column("name", sa.Text),
    # Whether the edge still has it; kept for the names of past events.
    _column("present", sa.Boolean),
    _column("state", sa.Text),
    _column("reason", sa.Text),
    _column("sentence", sa.Text),
    _column("fps", sa.Float),
    _column("width", sa.BigInteger),
    _column("height", sa.BigInteger),
    _column("codec", sa.Text),
    sa.Column("last_frame", _Time),
    _column("recording", sa.Boolean),
)
# Partitioned by month of the id; guardian_events_partition() makes the months.
events = sa.Table(
    "events",
    metadata,
    _tenant(),
    sa.Column("id", Uuid7Id, primary_key=True),
    _column("revision", sa.BigInteger),
    _column("node_id", HexId),
    _column("edge_id", HexId),
    _column("camera_id", sa.Text),
    _column("label", sa.Text),
    _column("started_at", _Time),
    sa.Column("ended_at", _Time),
    _column("objects", JSONB),
    _column("counter", sa.BigInteger),
    _column("received_at", _Time),
)
objects = sa.Table("objects", metadata, _tenant(), sa.Column("id", HexId, primary_key=True), _column("node_id", HexId))
event_quarantine = sa.Table(
    "event_quarantine",
    metadata,
    _tenant(),
    sa.Column("id", Uuid7Id, primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True),
    _column("node_id", HexId),
    _column("received_at", _Time),
    _column("summary", JSONB),
)
vault_slots = sa.Table(
    "vault_slots",
    metadata,
    _tenant(),
    sa.Column("id", HexId, primary_key=True),
    _column("slot", JSONB),
    _column("changed_at", _Time),
)
roster_entries = sa.Table(
    "roster_entries",
    metadata,
    _tenant(),
    sa.Column("seq", sa.Integer, primary_key=True),
    _column("payload", sa.LargeBinary),
    _column("signature", sa.LargeBinary),
    _column("created_at", _Time),
)
commands = sa.Table(
    "commands",
    metadata,
    _tenant(),
    sa.Column("id", Uuid7Id, primary_key=True),
    _column("node_id", HexId),
    _column("edge_id", HexId),
    _column("user_id", HexId),
    _column("payload", sa.LargeBinary),
    _column("signature", sa.LargeBinary),
    _column("created_at", _Time),
    sa.Column("accepted", sa.Boolean),
    _column("reason", sa.Text),
    _column("sentence", sa.Text),
    sa.Column("answered_at", _Time),
)
node_orders = sa.Table(
    "node_orders",
    metadata,
    _tenant(),
    sa.Column("id", Uuid7Id, primary_key=True),
    _column("node_id", HexId),
    _column("content", sa.LargeBinary),
    _column("created_at", _Time),
    _column("expires_at", _Time),
    sa.Column("result", sa.LargeBinary),
    sa.Column("answered_at", _Time),
)
image_seeds = sa.Table(
    "image_seeds",
    metadata,
    _tenant(),
    sa.Column("id", HexId, primary_key=True),
    _column("node_id", HexId),
    _column("image", sa.Text),
    _column("image_sha256", sa.LargeBinary),
    _column("name", sa.Text),
    _column("region", sa.LargeBinary),
    _column("size", sa.BigInteger),
    _column("sha256", sa.LargeBinary),
    _column("created_at", _Time),
    _column("expires_at", _Time),
)
