"""Has folders synced soon after something changed in them, where the operating system tells. Runs in the scheduler.

The schedule stays: it finds what was missed. Knows nothing of what a sync does.
"""

import threading
from pathlib import Path

import structlog

from ingest.connectors.folder_watch import changed_folders
from retrieval.errors import FootnoteError
from services.db.syncs import Syncs

# After a fault, such as the system's limit of watched folders: the schedules do until then.
PAUSE_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class Watching:
    """Runs until `stop` is set."""

    def __init__(self, syncs: Syncs) -> None:
        self._syncs = syncs

    def run(self, stop: threading.Event) -> None:
        """Watch the folders of data sources that have a schedule, whichever these are at the time."""
        while not stop.is_set():
            try:
                self._watch(stop)
            except FootnoteError as error:
                _log.warning("watching_failed", code=error.code)
                stop.wait(PAUSE_SECONDS)
            except Exception:
                _log.exception("watching_failed")
                stop.wait(PAUSE_SECONDS)

    def _watch(self, stop: threading.Event) -> None:
        folders = self._syncs.watched()
        for changed in changed_folders({source: Path(path) for source, path in folders.items()}, stop=stop):
            if changed:
                self._syncs.hasten(changed)
            if self._syncs.watched() != folders:
                return
