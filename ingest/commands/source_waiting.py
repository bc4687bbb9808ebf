"""Waits for a sync, then for the documents that it brought. Knows nothing of how either is shown."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from ingest.client import Client
from ingest.problems import ServerUnreachableError
from ingest.source_resources import DataSource

T = TypeVar("T")
INTERVAL_S = 0.7
# The scheduler looks every second and needs one more to start a process.
PATIENCE_S = 20.0
# A server that is restarted is back within this time.
_AWAY_S = 30.0
# More than these are not counted: it is only to show that the number falls.
COUNTED = 1000


def each_look(
    client: Client, name: str, number: int, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[DataSource]:
    """The data source again and again, last with the end of the sync `number` or a later one."""
    while True:
        source = _patiently(lambda: client.sources.get(name), sleep)
        yield source
        sync = source.setup.sync if source.setup else None
        if source.setup is None or source.setup.paused:
            return
        if sync is not None and sync.number >= number and sync.outcome is not None:
            return
        sleep(INTERVAL_S)


def each_count(client: Client, name: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """How many of its documents are not ready yet, until it is none."""
    while True:
        left = _patiently(lambda: _unfinished(client, name), sleep)
        yield left
        if not left:
            return
        sleep(INTERVAL_S)


def _unfinished(client: Client, name: str) -> int:
    states = ("running", "queued")
    return sum(sum(1 for _ in islice(client.documents(state=state, data_source=name), COUNTED)) for state in states)


def _patiently(ask: Callable[[], T], sleep: Callable[[float], None]) -> T:
    since = time.monotonic()
    while True:
        try:
            return ask()
        except ServerUnreachableError:
            if time.monotonic() - since > _AWAY_S:
                raise
            sleep(INTERVAL_S)
