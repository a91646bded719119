"""Alembic: the schema of `node.db`."""
