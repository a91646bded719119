"""Alembic's environment: runs on the connection it is handed."""

from alembic import context

from guardian.control.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
