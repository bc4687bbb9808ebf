"""Takes a backup while everything runs on: the registry at one moment first, then what it refers to.

Points come before blobs: chunks of an overtaken version go after a minute, blobs are held. What was overtaken all the
same is missing in the backup, and a restore embeds it again. Knows nothing of where the file goes afterwards.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from retrieval.errors import NotFoundError
from retrieval.index import ChunkIndex
from services.backup.archive import ArchiveWriter, written
from services.backup.points import packed, point_row
from services.blobs import BlobStore
from services.db.database import Database
from services.db.dump import Snapshot, snapshot

ROWS = 2_000
POINTS = 1_000
T = TypeVar("T")
Told = Callable[[str, int, int], None]


@dataclass(slots=True)
class Taken:
    """What went into a backup. `absent` blobs were gone or damaged already: `footnote verify` names their documents."""

    tables: dict[str, int] = field(default_factory=dict)
    points: int = 0
    blobs: int = 0
    absent: list[str] = field(default_factory=list)
    dimension: int = 0
    generation: int | None = None

    def manifest(self) -> dict[str, Any]:
        return {
            "tables": self.tables,
            "generation": self.generation,
            "dimension": self.dimension,
            "points": self.points,
            "blobs": self.blobs,
            "absent": self.absent,
        }


def take(
    file: Path,
    *,
    database: Database,
    blobs: BlobStore,
    collection: Callable[[int], ChunkIndex],
    release: str,
    told: Told,
) -> Taken:
    """Write a backup to `file`. `told` hears what is being written, how much of it, and of how much.

    Raises UnavailableError where a part does not answer or the disk is full: then there is no file.
    """
    taken = Taken()
    with blobs.holds.hold() as keep, snapshot(database) as still:
        told = _keeping(keep, told)
        taken.generation = still.generation
        about = {"footnote": release, "revision": still.revision, "taken_at": datetime.now(UTC).isoformat()}
        with written(file, about, taken.manifest) as archive:
            _registry(archive, still, taken, told)
            names, active = sorted(still.blobs()), still.active_versions()
            still.close()  # the rest takes longer, and a database keeps what an open snapshot may still ask for
            if taken.generation is not None:
                _points(archive, collection(taken.generation), active, taken, told)
            _blobs(archive, blobs, names, taken, told)
    return taken


def _keeping(keep: Callable[[], None], told: Told) -> Told:
    """Tells on, and keeps the hold on the blobs: what the snapshot needs is not cleared away before it is copied."""

    def telling(what: str, done: int, total: int) -> None:
        keep()
        told(what, done, total)

    return telling


def _registry(archive: ArchiveWriter, still: Snapshot, taken: Taken, told: Told) -> None:
    tables = still.tables()
    for done, table in enumerate(tables):
        told("Registry", done, len(tables))
        count = 0
        for part, rows in enumerate(_parts(still.rows(table), ROWS)):
            archive.add(f"registry/{table}/{part:06}.jsonl.gz", packed(rows))
            count += len(rows)
        taken.tables[table] = count
    told("Registry", len(tables), len(tables))


def _points(archive: ArchiveWriter, index: ChunkIndex, active: dict[str, int], taken: Taken, told: Told) -> None:
    if not index.is_prepared():
        return
    total = index.total()
    seen = 0

    def wanted() -> Iterator[dict[str, Any]]:
        nonlocal seen
        for page in index.scan(vectors=True):
            for point in page:
                if active.get(point.payload.get("document_id", "")) == point.payload.get("version"):
                    taken.dimension = len(point.dense or [])
                    yield point_row(point)
            seen += len(page)
            told("Index", seen, max(total, seen))

    for part, rows in enumerate(_parts(wanted(), POINTS)):
        archive.add(f"index/{part:06}.jsonl.gz", packed(rows))
        taken.points += len(rows)


def _blobs(archive: ArchiveWriter, blobs: BlobStore, names: list[str], taken: Taken, told: Told) -> None:
    for done, name in enumerate(names, start=1):
        added = False
        with suppress(NotFoundError), blobs.open(name) as file:
            added = archive.add_file(f"blobs/{name}", file, name)
        if added:
            taken.blobs += 1
        else:
            taken.absent.append(name)
        told("Originals", done, len(names))


def _parts(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(rows)
    while part := list(islice(rest, size)):
        yield part
