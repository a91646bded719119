"""Alembic's environment of the uplink's store; run through `guardian.common.database` with an open connection."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
