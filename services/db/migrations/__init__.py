"""Alembic's scripts: one file a change of the registry's tables."""
