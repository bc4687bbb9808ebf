"""A bucket of an S3-compatible object store as a data source.

A revision is an object's ETag, so an object that was copied to another key keeps it. Knows nothing of how requests are
signed.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ingest.connectors.contract import Batch, Fetched, Item
from ingest.connectors.names import file_name_of, shown_id, why_no_id
from ingest.connectors.options import S3Options
from ingest.connectors.s3_bucket import S3Bucket, S3Object
from ingest.connectors.selection import Selection
from ingest.file_names import is_document_path


class S3Connector:
    """Lists all keys each time: one request for a thousand objects. External ids are keys, the prefix included."""

    def __init__(self, options: S3Options, bucket: S3Bucket, *, max_bytes: int) -> None:
        self.lists_everything = False
        self._bucket = bucket
        self._selection = Selection(options.include, options.exclude)
        self._max_bytes = max_bytes

    def close(self) -> None:
        self._bucket.close()

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        for page in self._bucket.pages():
            taken = [found for found in page if is_document_path(found.key) and self._selection.takes(found.key)]
            failed = [(shown_id(found.key), reason) for found in taken if (reason := self._why_not(found)) is not None]
            items = [_item(found) for found in taken if self._why_not(found) is None]
            yield Batch(tuple(items), failed=tuple(failed))
        self.lists_everything = True

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        path = folder / item.file_name
        etag = self._bucket.download(item.external_id, path, known_etag=known_revision, max_bytes=self._max_bytes)
        return None if etag is None else Fetched(path, replace(item, revision=etag or item.revision))

    def _why_not(self, found: S3Object) -> str | None:
        if found.size > self._max_bytes:
            return f"The object has {found.size / 2**20:,.4g} MiB; at most {self._max_bytes / 2**20:,.4g} are read."
        return why_no_id(found.key)


def _item(found: S3Object) -> Item:
    return Item(
        external_id=found.key,
        revision=found.etag,
        file_name=file_name_of(found.key.rpartition("/")[2]),
        modified_at=found.modified_at,
    )
