"""SQL that migrations share: row-level security and grants, the same for every tenant table."""

from alembic import op

TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"


def guard(table: str, *, also: str = "") -> None:
    """Force row-level security by tenant on a table; `also` shows more rows to who knows an id or a secret's hash.

    The setting is empty again after a transaction, and no row has an empty tenant: unset means no rows.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    seen = f"{TENANT} OR {also}" if also else TENANT
    op.execute(f"CREATE POLICY tenant ON {table} USING ({seen}) WITH CHECK ({seen})")


def grant(table: str, role: str) -> None:
    """What the daemons do with rows; nothing that changes tables."""
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO "{role}"')


def app_role() -> str:
    """The daemons' role, checked by whoever started the migration."""
    role: str = op.get_context().config.attributes["app_role"]  # type: ignore[union-attr]
    return role
