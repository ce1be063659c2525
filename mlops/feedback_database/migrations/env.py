"""Alembic's way in: it runs this file with the connection that `FeedbackDatabase.open` made."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="feedback_version")
with context.begin_transaction():
    context.run_migrations()
