"""Everything the first release needs."""

from alembic import op

from guardian.control.migrations.security import app_role, grant, guard

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PEOPLE = {
    "users": """
        id uuid PRIMARY KEY,
        email text NOT NULL UNIQUE,
        name text NOT NULL,
        created_at timestamptz NOT NULL""",
    "identities": """
        issuer text NOT NULL,
        subject text NOT NULL,
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        PRIMARY KEY (issuer, subject)""",
    "credentials": """
        user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
        password_hash text NOT NULL,
        changed_at timestamptz NOT NULL""",
    "login_attempts": """
        key bytea PRIMARY KEY,
        failures integer NOT NULL,
        since timestamptz NOT NULL""",
}
_TENANT = "tenant_id uuid NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE"
TENANTS = {
    "tenants": """
        tenant_id uuid PRIMARY KEY,
        name text NOT NULL,
        created_at timestamptz NOT NULL""",
    "live_counters": f"""
        {_TENANT} PRIMARY KEY,
        value bigint NOT NULL""",
    "memberships": f"""
        {_TENANT},
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        role text NOT NULL CHECK (role IN ('owner')),
        PRIMARY KEY (tenant_id, user_id)""",
    "sessions": f"""
        token_hash bytea PRIMARY KEY,
        {_TENANT},
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        created_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL""",
    "nodes": f"""
        {_TENANT},
        id uuid NOT NULL UNIQUE,
        name text NOT NULL,
        created_at timestamptz NOT NULL,
        revoked_at timestamptz,
        last_seen timestamptz,
        relay_url text NOT NULL,
        software_version text NOT NULL,
        PRIMARY KEY (tenant_id, id)""",
    "node_tokens": f"""
        secret_hash bytea PRIMARY KEY,
        {_TENANT},
        name text NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        spent_at timestamptz""",
    "edges": f"""
        {_TENANT},
        id uuid NOT NULL,
        node_id uuid NOT NULL,
        name text NOT NULL,
        sign_public bytea NOT NULL,
        receive_public bytea NOT NULL,
        enrolled_at timestamptz,
        last_seen timestamptz,
        online boolean NOT NULL,
        software_version text NOT NULL,
        detector_state text NOT NULL,
        detector_reason text NOT NULL,
        detector_sentence text NOT NULL,
        roster_entries integer NOT NULL,
        roster_head bytea NOT NULL,
        roster_fault text NOT NULL,
        cpu_percent double precision NOT NULL,
        memory_bytes bigint NOT NULL,
        disk_free_bytes bigint NOT NULL,
        disk_total_bytes bigint NOT NULL,
        outbox_waiting bigint NOT NULL,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, node_id) REFERENCES nodes (tenant_id, id) ON DELETE CASCADE""",
    "cameras": f"""
        {_TENANT},
        edge_id uuid NOT NULL,
        id text NOT NULL,
        name text NOT NULL,
        present boolean NOT NULL,
        state text NOT NULL,
        reason text NOT NULL,
        sentence text NOT NULL,
        fps double precision NOT NULL,
        width bigint NOT NULL,
        height bigint NOT NULL,
        codec text NOT NULL,
        last_frame timestamptz,
        recording boolean NOT NULL,
        PRIMARY KEY (tenant_id, edge_id, id),
        FOREIGN KEY (tenant_id, edge_id) REFERENCES edges (tenant_id, id) ON DELETE CASCADE""",
    "events": f"""
        {_TENANT},
        id uuid NOT NULL,
        revision bigint NOT NULL,
        node_id uuid NOT NULL,
        edge_id uuid NOT NULL,
        camera_id text NOT NULL,
        label text NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        objects jsonb NOT NULL,
        counter bigint NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id)""",
    "objects": f"""
        {_TENANT},
        id uuid NOT NULL,
        node_id uuid NOT NULL,
        PRIMARY KEY (tenant_id, id)""",
    "event_quarantine": f"""
        {_TENANT},
        id uuid NOT NULL,
        revision bigint NOT NULL,
        node_id uuid NOT NULL,
        received_at timestamptz NOT NULL,
        summary jsonb NOT NULL,
        PRIMARY KEY (tenant_id, id, revision)""",
    "vault_slots": f"""
        {_TENANT},
        id uuid NOT NULL,
        slot jsonb NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id)""",
    "roster_entries": f"""
        {_TENANT},
        seq integer NOT NULL,
        payload bytea NOT NULL,
        signature bytea NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, seq)""",
    "commands": f"""
        {_TENANT},
        id uuid NOT NULL,
        node_id uuid NOT NULL,
        edge_id uuid NOT NULL,
        user_id uuid NOT NULL,
        payload bytea NOT NULL,
        signature bytea NOT NULL,
        created_at timestamptz NOT NULL,
        accepted boolean,
        reason text NOT NULL,
        sentence text NOT NULL,
        answered_at timestamptz,
        PRIMARY KEY (tenant_id, id)""",
}
# Rows that are looked for before their tenant is known: by the one who knows the id or the secret.
BEFORE_TENANT = {
    "memberships": "user_id = nullif(current_setting('app.user_id', true), '')::uuid",
    "sessions": "token_hash = decode(nullif(current_setting('app.secret_hash', true), ''), 'hex')",
    "node_tokens": "secret_hash = decode(nullif(current_setting('app.secret_hash', true), ''), 'hex')",
}
INDEXES = (
    "CREATE INDEX sessions_expiry ON sessions (tenant_id, expires_at)",
    "CREATE INDEX memberships_user ON memberships (user_id)",
    "CREATE INDEX login_attempts_since ON login_attempts (since)",
    "CREATE INDEX events_start ON events (tenant_id, started_at DESC, id DESC)",
    "CREATE INDEX events_camera ON events (tenant_id, camera_id, started_at DESC, id DESC)",
    "CREATE INDEX events_counter ON events (tenant_id, counter)",
    "CREATE INDEX commands_waiting ON commands (tenant_id, node_id, created_at) WHERE answered_at IS NULL",
)
# The daemons own no table, so they cannot add a partition; this does it for them, and nothing else.
# A UUIDv7 begins with 48 bits of milliseconds: a month of ids is a range of uuid.
PARTITION = """
CREATE PROCEDURE guardian_events_partition(at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
    name text := 'events_' || to_char(first, 'YYYYMM');
    home text := {schema};
    low uuid := (lpad(to_hex((extract(epoch FROM first) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
    high uuid := (lpad(to_hex((extract(epoch FROM first + interval '1 month') * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid;
BEGIN
    IF at < '2020-01-01' OR at > now() + interval '62 days' THEN
        RAISE EXCEPTION 'no partition for this time' USING ERRCODE = '22007';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('guardian_events_partition', 0));
    IF to_regclass(format('%I.%I', home, name)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I.%I (LIKE %I.events INCLUDING ALL)', home, name, home);
    EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', home, name);
    EXECUTE format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', home, name);
    EXECUTE format('CREATE POLICY tenant ON %I.%I USING (tenant_id = '
        'nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', home, name);
    EXECUTE format('ALTER TABLE %I.events ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
        home, home, name, low, high);
END
$$
"""


def upgrade() -> None:
    """Tables, row-level security, grants, this month's and the next month's partitions."""
    role = app_role()
    for table, columns in PEOPLE.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        grant(table, role)
    for table, columns in TENANTS.items():
        parts = " PARTITION BY RANGE (id)" if table == "events" else ""
        op.execute(f"CREATE TABLE {table} ({columns}){parts}")
        guard(table, also=BEFORE_TENANT.get(table, ""))
        grant(table, role)
    for index in INDEXES:
        op.execute(index)
    # An operator lists tenants; their names are all the owner's role is shown.
    op.execute("CREATE POLICY operator ON tenants FOR SELECT TO CURRENT_USER USING (true)")
    schema = op.get_bind().exec_driver_sql("SELECT quote_literal(current_schema())").scalar_one()
    op.execute(PARTITION.replace("{schema}", schema))
    op.execute("REVOKE ALL ON PROCEDURE guardian_events_partition FROM PUBLIC")
    op.execute(f'GRANT EXECUTE ON PROCEDURE guardian_events_partition TO "{role}"')
    op.execute("CALL guardian_events_partition(now())")
    op.execute("CALL guardian_events_partition(now() + interval '1 month')")


def downgrade() -> None:
    """An empty database again."""
    op.execute("DROP PROCEDURE guardian_events_partition")
    for table in reversed([*PEOPLE, *TENANTS]):
        op.execute(f"DROP TABLE {table}")
