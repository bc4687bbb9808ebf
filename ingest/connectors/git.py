"""A Git repository as a data source: the files of one branch, changes by diff since the last commit that was read.

A revision is a blob's id, so a renamed file keeps it. Knows nothing of how git is run.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from ingest.connectors.contract import Batch, Fetched, Item, ItemGoneError
from ingest.connectors.git_repository import Blob, GitRepository
from ingest.connectors.names import file_name_of, shown_id, why_no_id
from ingest.connectors.options import GitOptions
from ingest.connectors.selection import Selection
from ingest.file_names import is_document_path

BATCH = 200


class GitConnector:
    """The cursor holds the commit that was read, and the selection it was read with: another one lists all anew."""

    def __init__(self, options: GitOptions, repository: GitRepository, *, max_bytes: int) -> None:
        self.lists_everything = False
        self._options = options
        self._repository = repository
        self._selection = Selection(options.include, options.exclude)
        self._max_bytes = max_bytes

    def close(self) -> None:
        self._repository.close()

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        head = self._repository.update()
        if head is None:
            self.lists_everything = True
            yield Batch(())
            return
        before = self._before(cursor)
        if before == head:
            yield Batch((), cursor=self._cursor(head))
            return
        if before is None:
            blobs, deleted = self._repository.files(head), tuple[str, ...]()
        else:
            blobs, deleted = self._repository.difference(before, head)
        kept = [blob for blob in blobs if self._takes(blob.path)]
        times = self._repository.times(head, {blob.path for blob in kept}, since=before)
        for start in range(0, max(1, len(kept)), BATCH):
            part = kept[start : start + BATCH]
            last = start + BATCH >= len(kept)
            self._repository.expect(part)
            yield self._batch(part, times, deleted if last else (), self._cursor(head) if last else None)
        self.lists_everything = before is None

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        head = self._repository.head or self._repository.update()
        blob = None if head is None else self._repository.blob(head, item.external_id)
        if head is None or blob is None:
            raise ItemGoneError("The file is no longer in the branch.")
        if blob.id == known_revision:
            return None
        path = folder / item.file_name
        self._repository.write(blob, path, max_bytes=self._max_bytes)
        modified_at = item.modified_at
        if blob.id != item.revision:
            modified_at = self._repository.times(head, {blob.path}, since=None).get(blob.path)
        return Fetched(path, self._item(blob, modified_at))

    def _batch(
        self, blobs: list[Blob], times: dict[str, datetime], deleted: tuple[str, ...], cursor: str | None
    ) -> Batch:
        items: list[Item] = []
        failed: list[tuple[str, str]] = []
        for blob in blobs:
            reason = why_no_id(blob.path)
            if reason is None:
                items.append(self._item(blob, times.get(blob.path)))
            else:
                failed.append((shown_id(blob.path), reason))
        gone = tuple(path for path in deleted if why_no_id(path) is None)
        return Batch(tuple(items), gone, tuple(failed), cursor)

    def _item(self, blob: Blob, modified_at: datetime | None) -> Item:
        web = self._options.web_url
        return Item(
            external_id=blob.path,
            revision=blob.id,
            file_name=file_name_of(blob.path.rpartition("/")[2]),
            url=None if web is None else f"{web.rstrip('/')}/{quote(blob.path)}",
            modified_at=modified_at,
        )

    def _takes(self, path: str) -> bool:
        return is_document_path(path) and self._selection.takes(path)

    def _cursor(self, head: str) -> str:
        return json.dumps({"commit": head, **self._chosen()})

    def _before(self, cursor: str | None) -> str | None:
        """The commit to compare with; None where there is none that counts."""
        try:
            saved = json.loads(cursor or "")
        except ValueError:
            return None
        commit = saved.pop("commit", "") if isinstance(saved, dict) else ""
        return commit if saved == self._chosen() and self._repository.has_commit(commit) else None

    def _chosen(self) -> dict[str, object]:
        options = self._options
        return {"branch": options.branch, "include": list(options.include), "exclude": list(options.exclude)}
