"""Runs migrations on the connection that `zonehook.store.migrate` opened."""

from alembic import context

from zonehook.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
