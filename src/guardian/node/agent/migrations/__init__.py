"""Alembic: the schema of `agent.db`."""
