"""Brings the registry's tables up to this release. Safe to call from several processes at once.

Knows nothing of what the tables mean.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from services.db.database import Database

_LOCK = 0x466F6F74  # any number, the same in all our processes


def migrate(database: Database) -> None:
    """Run every migration that is missing. Processes that start together wait for the first to finish."""
    with database.connection() as connection, connection.begin():
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        upgrade(connection, "head")


def upgrade(connection: Connection, revision: str) -> None:
    """Run what is missing up to a revision, in the caller's transaction."""
    command.upgrade(_config(connection), revision)


def knows(revision: str) -> bool:
    """Whether this release has the revision: a newer one's it has not."""
    return revision in {script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions()}


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
