"""Puts a backup back: into a fresh installation, or in place of what is there where that was asked for.

Everything is checked before anything is changed. The registry comes last, in one transaction: until then nothing knows
of what was written, and an interrupted restore is simply begun again. Knows nothing of settings.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from retrieval.errors import ConflictError, InvalidInputError
from retrieval.index import ChunkIndex
from services.backup.archive import ArchiveReader, checked
from services.backup.points import point_of, unpacked
from services.backup.taking import Told
from services.blobs import BlobStore
from services.db.database import Database
from services.db.dump import count_documents, load
from services.db.migrate import knows


def read(file: Path, told: Told) -> ArchiveReader:
    """The backup, checked. Raises NotFoundError, InvalidInputError; nothing was changed then."""
    reader = checked(file, lambda done, total: told("Checking", done, total))
    if not knows(str(reader.about.get("revision"))):
        raise InvalidInputError(
            "This backup was made by a newer release of Footnote: restore it with that release.", code="newer_backup"
        )
    return reader


def put_back(
    reader: ArchiveReader,
    *,
    database: Database,
    blobs: BlobStore,
    collection: Callable[[int], ChunkIndex],
    replace: bool,
    told: Told,
) -> None:
    """Blobs, points, registry. Raises ConflictError where documents are here already and `replace` is not said."""
    manifest = reader.manifest
    generation = manifest.get("generation")
    index = collection(int(generation)) if generation is not None else None
    if not replace:
        _refuse_used(database, index)
    _blobs(reader, blobs, int(manifest.get("blobs", 0)), told)
    if index is not None and manifest.get("dimension"):
        index.drop()
        index.prepare(int(manifest["dimension"]))
        _points(reader, index, int(manifest.get("points", 0)), told)
    told("Registry", 0, 1)
    load(database, str(reader.about["revision"]), _tables(reader))
    told("Registry", 1, 1)


def _refuse_used(database: Database, index: ChunkIndex | None) -> None:
    documents = count_documents(database)
    if documents:
        raise ConflictError(
            f"There are {documents:,} documents here already. Restore into a fresh installation, or say --replace: "
            "everything that is here is then lost.",
            code="not_empty",
        )
    if index is not None and index.is_prepared() and index.total():
        raise ConflictError(
            "The index is not empty. Restore beside an empty one, or say --replace: what is in it is then lost.",
            code="not_empty",
        )


def _blobs(reader: ArchiveReader, blobs: BlobStore, total: int, told: Told) -> None:
    for done, (name, data) in enumerate(reader.members("blobs/"), start=1):
        stored = blobs.put_reader(data)
        if stored.sha256 != PurePosixPath(name).name:
            raise InvalidInputError(f"This backup is damaged: {name} is not what it is named.", code="backup_damaged")
        told("Originals", done, total)


def _points(reader: ArchiveReader, index: ChunkIndex, total: int, told: Told) -> None:
    done = 0
    for _, data in reader.members("index/"):
        points = [point_of(row) for row in unpacked(data)]
        index.write(points)
        done += len(points)
        told("Index", done, total)


def _tables(reader: ArchiveReader) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """The rows of each table, in the order in which they were dumped: what others refer to comes first."""
    members = reader.members("registry/")
    for table, parts in groupby(members, key=lambda member: PurePosixPath(member[0]).parts[1]):
        yield table, (row for _, data in parts for row in unpacked(data))
