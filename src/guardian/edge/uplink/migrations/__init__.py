"""Alembic: the schema of `uplink.db`."""
