"""Moved: guardian.cli.demo.postgres (import from there)."""
from guardian.cli.demo.postgres import APP, OWNER, SUPERUSER, Postgres, PostgresError  # noqa: F401
