"""Brings the registry's tables up to this release. Safe to call from several processes at once.

Knows nothing of what the tables mean.
"""

import time
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from retrieval.errors import ConflictError
from services.db.database import Database, TablesInUseError

LOCK = 0x466F6F74  # any number, the same in all our processes
# Whoever waits to change a table keeps all who come later from reading it. Where a long transaction, such as a backup,
# holds that table, they are let through again after this time, which is less than a request may take.
LOCK_MS = 5_000
TRIES = 5
PAUSE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class NewerRegistryError(ConflictError):
    """The tables are a newer release's already: this one has nothing to bring them up to."""

    code = "newer_registry"


def migrate(database: Database) -> None:
    """Run every migration that is missing. Processes that start together wait, however long, for the first to finish.

    Raises NewerRegistryError where a newer release was here; TablesInUseError where others hold the tables all the
    time. Nothing was changed then.
    """
    with database.read() as session:  # most starts find nothing to do, and wait for nobody
        if _is_current(session.connection()):
            return
    for attempt in range(1, TRIES + 1):
        try:
            _migrate(database)
        except TablesInUseError:
            if attempt == TRIES:
                raise
            _log.warning("tables_in_use", next="the migration is tried again")
            time.sleep(PAUSE_SECONDS)
        else:
            return


def upgrade(connection: Connection, revision: str) -> None:
    """Run what is missing up to a revision, in the caller's transaction."""
    command.upgrade(_config(connection), revision)


def knows(revision: str) -> bool:
    """Whether this release has the revision: a newer one's it has not."""
    return revision in _known()


def _migrate(database: Database) -> None:
    with database.rewriting() as connection:
        if not database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            # Only from here on: this limit would hold for the wait for another process's migration too.
            connection.execute(select(func.set_config("lock_timeout", str(LOCK_MS), True)))
        if not _is_current(connection):  # asked again: whoever was waited for may be of a newer release
            upgrade(connection, "head")


def _is_current(connection: Connection) -> bool:
    """Whether nothing is missing. Raises NewerRegistryError."""
    present = set(MigrationContext.configure(connection).get_current_heads())
    if unknown := present - _known():
        raise NewerRegistryError(
            f"The registry is of a newer release of Footnote (revision {min(unknown)}): use that one or a later one."
        )
    return present == set(_scripts().get_heads())


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
