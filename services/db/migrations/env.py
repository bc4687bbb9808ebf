"""Alembic's entry: runs the migrations over the connection that `services/db/migrate.py` opened."""

from alembic import context

from services.db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
