"""The process of one sync: claims it, carries it out, records its end. Knows nothing of how it was started.

`attach` ties it to its parent: it dies with the scheduler, whatever happens to that one, and takes along what its
connector started.
"""

import os
import resource
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog

from ingest.connectors.contract import Connector
from retrieval.errors import FootnoteError
from services.blobs import BlobStore
from services.db.jobs import LeaseLostError
from services.db.source_items import SourceItems
from services.db.syncs import SyncLease, Syncs
from services.sync.beat import Beat
from services.sync.sync import Counters, StepAsideError, Sync

# Address space, of which our own libraries take a part; a reader that leaks ends here and not the machine.
MEMORY_BYTES = 4 * 2**30
_log = structlog.get_logger(__name__)


class _StoppedError(BaseException):
    """Raised by SIGTERM in whatever the sync is doing; no connector catches it by accident."""


@dataclass(frozen=True, slots=True)
class SyncParts:
    """What a sync works with. `connect` makes the connector of a lease, `folder` is ours for the sync alone."""

    syncs: Syncs
    items: SourceItems
    blobs: BlobStore
    ring: Callable[[tuple[str, ...]], None]
    connect: Callable[[SyncLease], Connector]
    folder: Path
    limit: int
    name: str


def sync(parts: SyncParts, source_id: str) -> None:
    """Carry out the data source's sync if it is due and nobody else does it; its end is in the registry."""
    lease = parts.syncs.claim(source_id, parts.name)
    if lease is None:
        return
    log = _log.bind(data_source=lease.source_id, number=lease.number)
    signal.signal(signal.SIGTERM, _stop)
    counters = Counters()
    try:
        _carry_out(parts, lease, counters)
        log.info("sync_ended", **asdict(counters))
    except LeaseLostError:
        log.info("sync_overtaken")
    except _StoppedError:
        _record(partial(parts.syncs.release, lease, asdict(counters)))
        log.info("sync_stopped")
    except StepAsideError:
        _record(partial(parts.syncs.release, lease, asdict(counters)))
        log.info("sync_stepped_aside")
    except FootnoteError as error:
        log.warning("sync_failed", code=error.code)
        _record(partial(parts.syncs.fail, lease, error, asdict(counters)))
    except Exception as error:
        log.exception("sync_crashed")
        crash = FootnoteError(f"Its connector failed with {type(error).__name__}.", code="connector_crashed")
        _record(partial(parts.syncs.fail, lease, crash, asdict(counters)))


def attach() -> None:
    """Die when standard input closes, which the scheduler keeps open as long as it lives."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    threading.Thread(target=_die_with_parent, name="lifeline", daemon=True).start()


def _die_with_parent() -> None:
    while os.read(0, 1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _carry_out(parts: SyncParts, lease: SyncLease, counters: Counters) -> None:
    shutil.rmtree(parts.folder, ignore_errors=True)  # left by a sync that was killed
    parts.folder.mkdir(parents=True, mode=0o700)
    try:
        with closing(parts.connect(lease)) as connector:
            run = Sync(
                lease,
                connector,
                syncs=parts.syncs,
                items=parts.items,
                blobs=parts.blobs,
                ring=parts.ring,
                folder=parts.folder,
                limit=parts.limit,
                counters=counters,
            )
            with Beat(parts.syncs, lease, run):
                run.run()
    finally:
        shutil.rmtree(parts.folder, ignore_errors=True)


def _stop(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _StoppedError


def _record(end: Callable[[], None]) -> None:
    try:
        end()
    except FootnoteError as failure:  # overtaken, or the database is away: the lease runs out by itself
        _log.warning("sync_end_not_recorded", code=failure.code)
