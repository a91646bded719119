"""Alembic environment of a camera's index."""
