"""Waits for changes in folders, so that a sync can follow soon after one. Knows nothing of what a sync is.

The operating system tells (inotify on Linux, by watchfiles); where it does not, as on many network file systems, the
schedule of the data source is what remains.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from watchfiles import watch

_SETTLE_MS = 2000
_STEP_MS = 200
_WAIT_MS = 5000


def changed_folders(
    folders: Mapping[str, Path], *, stop: threading.Event, settle_ms: int = _SETTLE_MS
) -> Iterator[frozenset[str]]:
    """The names of the folders in which something changed, each time a burst of changes is over.

    `settle_ms` is the longest that one burst is collected. An empty set comes when nothing changed for a while, so that
    the caller can watch other folders. Folders that cannot be reached are left out. Ends when `stop` is set.
    """
    present = {name: path.resolve() for name, path in folders.items() if os.path.isdir(path)}
    if not present:
        stop.wait(_WAIT_MS / 1000)
        if not stop.is_set():
            yield frozenset()
        return
    for changes in watch(
        *set(present.values()),
        stop_event=stop,
        debounce=settle_ms,
        step=min(_STEP_MS, settle_ms),
        rust_timeout=_WAIT_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
        watch_filter=None,
    ):
        paths = [Path(path) for _, path in changes]
        yield frozenset(name for name, folder in present.items() if any(path.is_relative_to(folder) for path in paths))
