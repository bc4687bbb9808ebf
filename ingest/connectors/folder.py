"""A folder on this machine as a data source: every file that is no program, archive, hidden or temporary.

A file's external id is its path below the folder, with slashes. Links are not followed, neither when listing nor when
reading, even if somebody swaps a folder for one in between. Knows nothing of watching.

Where grants come from modes, what is shut against the server is listed as far as its mode tells who may read it: its
fetch fails, but nobody else reads on what was read before.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ingest.connectors.contract import Batch, ConnectorError, Fetched, Item, ItemError, ItemGoneError
from ingest.connectors.folder_names import names_in_cursor, names_to_cursor
from ingest.connectors.names import file_name_of, shown_id, why_no_id
from ingest.connectors.options import FolderOptions
from ingest.connectors.policy import ConnectorPolicy
from ingest.connectors.posix_grants import Readers
from ingest.connectors.selection import Selection
from ingest.file_names import is_hidden_or_temporary, is_program_or_archive
from retrieval.errors import ForbiddenError

BATCH = 200
_UNSEEN = "unseen"
_NOT_PERMITTED = "The server may not read it."
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def permitted_path(text: str, policy: ConnectorPolicy) -> Path:
    """The real path of `text`. Raises ForbiddenError unless it lies in a folder that the operator allows."""
    path = Path(os.path.realpath(text))
    # Behind a link that leads round in a circle nothing is resolved, and `..` would lead past it to links out of here.
    is_real = path == Path(os.path.realpath(path))
    if not is_real or not any(path.is_relative_to(root.resolve()) for root in policy.folder_roots):
        raise ForbiddenError(f"{text} is not inside a folder that the operator allows.", code="path_refused")
    return path


class FolderConnector:
    """Lists every file each time: a listing costs one look at each file, no reading.

    A revision is size, time of change and inode, so a file that is renamed keeps it. With grants from modes the cursor
    holds the names that were listed: those below a folder that was closed since then cannot be seen any more.
    """

    def __init__(self, options: FolderOptions, policy: ConnectorPolicy) -> None:
        self.lists_everything = False
        self._root = permitted_path(options.path, policy)
        self._selection = Selection(options.include, options.exclude)
        self._readers = Readers() if options.grants_from == "posix_group" else None
        self._max_bytes = policy.max_item_bytes
        self._names: set[str] = set()  # listed so far, or known below what could not be opened
        self._known: frozenset[str] = frozenset()  # what the cursor holds
        self._unread: list[tuple[str, str]] = []

    def close(self) -> None:
        """Nothing is held between calls."""

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        if not self._is_reached():
            raise ConnectorError(f"{self._root} is not a folder, or cannot be reached now.")
        items: list[Item] = []
        failed: list[tuple[str, str]] = []
        self._known = names_in_cursor(str(self._root), cursor) if self._readers is not None else frozenset()
        self._names, self._unread = set(), []
        for found in self._enter("", self._root, None):
            if isinstance(found, Item):
                items.append(found)
            else:
                failed.append(found)
            if len(items) + len(failed) >= BATCH:
                yield Batch(tuple(items), failed=tuple(failed))
                items, failed = [], []
        # What an unreadable folder holds is not known, so its documents must not be taken for gone.
        self.lists_everything = not self._unread
        saved = None if self._readers is None else names_to_cursor(str(self._root), self._names)
        yield Batch(tuple(items), failed=tuple(failed + self._unread), cursor=saved)

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        if item.revision == _UNSEEN:
            raise ItemError(_NOT_PERMITTED)  # should it be open by now, the next listing tells who may read it
        with ExitStack() as opened:
            source = self._opened(item.external_id, opened)
            before = os.fstat(source)
            revision = _revision(before)
            if revision == known_revision:
                return None
            self._refuse(before)
            path = folder / item.file_name
            with os.fdopen(os.dup(source), "rb") as reader, path.open("wb") as copy:
                shutil.copyfileobj(reader, copy, 1 << 20)
            if _revision(os.fstat(source)) != revision:
                raise ItemError("The file changed while it was read; the next sync reads it again.")
        listed = self._item(item.external_id, before, item.grants)
        return Fetched(path, listed)

    def _is_reached(self) -> bool:
        return os.path.isdir(self._root)  # not `Path.is_dir`, which raises where a folder above it is shut

    def _enter(self, prefix: str, path: str | Path, above: int | None) -> Iterator[Item | tuple[str, str]]:
        """What lies in a folder and below it, or what is known of that where it cannot be opened."""
        try:
            handle = os.open(path, _DIRECTORY, dir_fd=above)
            try:
                yield from self._walk(prefix, handle)
            finally:
                os.close(handle)
        except OSError as error:
            if not self._is_reached():
                raise ConnectorError(f"{self._root} cannot be reached any more.") from error
            self._unread.append((shown_id(prefix.rstrip("/") or "."), _said(error)))
            yield from self._shut(prefix, path, above)

    def _walk(self, prefix: str, handle: int) -> Iterator[Item | tuple[str, str]]:
        if self._readers is not None:
            self._readers.enter(prefix, os.fstat(handle))
        with os.scandir(handle) as entries:
            is_folder = {entry.name: _is_folder(entry) for entry in entries}
        for name in sorted(is_folder):
            if not is_folder[name] and (found := self._look(prefix + name, name, handle)) is not None:
                yield found
        for name in sorted(is_folder):
            if is_folder[name] and not name.startswith("."):
                yield from self._enter(f"{prefix}{name}/", name, handle)

    def _shut(self, prefix: str, path: str | Path, above: int | None) -> Iterator[Item]:
        """What was listed below a folder that cannot be opened now, with the most that the folder's mode grants."""
        if self._readers is None:
            return
        try:
            found = os.stat(path, dir_fd=above, follow_symlinks=False)
        except OSError:
            found = None
        self._readers.enter(prefix, found)
        known = self._known - self._names
        below = sorted(name for name in known if f"{name}/".startswith(prefix))  # or what was a file by this name
        self._names.update(below)
        grants = self._readers.at_most(prefix)
        if grants is not None:
            yield from (_unseen(name, grants) for name in below)

    def _look(self, external_id: str, name: str, handle: int) -> Item | tuple[str, str] | None:
        """A file as an item, or why it cannot be one; None where it is left out."""
        if is_hidden_or_temporary(name) or is_program_or_archive(name) or not self._selection.takes(external_id):
            return None
        try:
            return self._listed(external_id, name, handle)
        except FileNotFoundError:
            return None
        except OSError as error:
            if self._readers is None or why_no_id(external_id) is not None:
                return shown_id(external_id), _said(error)
            self._names.add(external_id)
            grants = self._readers.at_most(external_id[: -len(name)])
            return (external_id, _said(error)) if grants is None else _unseen(external_id, grants)
        except ItemError as error:
            return shown_id(external_id), error.message

    def _listed(self, external_id: str, name: str, handle: int) -> Item | None:
        """A file with its readers, also where it cannot be read or is too large: its mode tells them all the same."""
        found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            return None
        if (reason := why_no_id(external_id)) is not None:
            raise ItemError(reason)
        if self._readers is None:
            return self._item(external_id, found, None)
        self._names.add(external_id)
        return self._item(external_id, found, self._readers.of(external_id, found))

    def _item(self, external_id: str, found: os.stat_result, grants: tuple[str, ...] | None) -> Item:
        return Item(
            external_id=external_id,
            revision=_revision(found),
            file_name=file_name_of(external_id.rpartition("/")[2]),
            modified_at=datetime.fromtimestamp(max(0, found.st_mtime), tz=UTC),
            grants=grants,
        )

    def _opened(self, external_id: str, opened: ExitStack) -> int:
        """The file, opened step by step without following a link anywhere below the root."""
        *folders, name = external_id.split("/")
        if any(part in ("", ".", "..") for part in (*folders, name)) or "\x00" in external_id:
            raise ItemGoneError("The path leads out of the folder.")
        try:
            handle = os.open(self._root, _DIRECTORY)
            opened.callback(os.close, handle)
            for part in folders:
                handle = os.open(part, _DIRECTORY, dir_fd=handle)
                opened.callback(os.close, handle)
            source = os.open(name, _FILE, dir_fd=handle)
            opened.callback(os.close, source)
        except FileNotFoundError as error:
            if not self._is_reached():
                raise ConnectorError(f"{self._root} cannot be reached any more.") from error
            raise ItemGoneError("The file is gone.") from error
        except OSError as error:
            raise ItemError(_said(error)) from error
        if not stat.S_ISREG(os.fstat(source).st_mode):
            raise ItemError("It is no longer a plain file.")
        return source

    def _refuse(self, found: os.stat_result) -> None:
        if found.st_size > self._max_bytes:
            raise ItemError(f"The file has {_mib(found.st_size)}; at most {_mib(self._max_bytes)} are read.")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return True  # it may be one, and what lies below it must not be taken for gone


def _unseen(external_id: str, grants: tuple[str, ...]) -> Item:
    """A file that cannot be looked at: of no revision, so that what is known of it stays but for its readers."""
    return Item(external_id, _UNSEEN, file_name_of(external_id.rpartition("/")[2]), grants=grants)


def _revision(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def _mib(size: int) -> str:
    return f"{size / 2**20:,.4g} MiB"


def _said(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return _NOT_PERMITTED
    return f"It cannot be read: {error.strerror or error}."
