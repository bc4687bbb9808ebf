"""A bare, partial clone of one branch: commits and trees at once, the contents of files only when they are read.

Knows nothing of documents.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import ConnectorError, ItemError
from ingest.connectors.git_process import Git, remote_of
from ingest.connectors.options import GitOptions
from ingest.connectors.policy import ConnectorPolicy

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = "refs/footnote/head"
_FILE_MODES = (b"100644", b"100755", b"100664")
_LFS = b"version https://git-lfs.github.com/spec/"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """A file in a commit. A path that is not UTF-8 holds surrogates."""

    path: str
    id: str


class GitRepository:
    """One sync's view of the clone, which stays below the work folder for the next; one sync at a time."""

    def __init__(self, options: GitOptions, policy: ConnectorPolicy, *, gate: AddressGate | None = None) -> None:
        remote = remote_of(options.url, policy)
        self._branch = options.branch
        name = hashlib.sha256(f"{remote.url} {options.branch}".encode()).hexdigest()[:32]
        folder = policy.work_dir / "git" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._lock = (folder.parent / f"{name}.lock").open("wb")
        self._private = Path(tempfile.mkdtemp(prefix="git-", dir=folder.parent))
        self._git = Git(
            options, remote, gate or AddressGate(policy.allowed_networks), folder=folder, private=self._private
        )
        self.head: str | None = None
        self._wanted: dict[str, Blob] = {}
        self._missing: set[str] = set()
        self._reader: _BlobReader | None = None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        shutil.rmtree(self._private, ignore_errors=True)
        self._lock.close()

    def update(self) -> str | None:
        """Bring the clone up to date; the branch's commit, None for a repository without any.

        Raises ConnectorError.
        """
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConnectorError("Another sync reads this repository now.") from None
        _tidy(self._git.folder)
        head = self._brought_up_to_date()
        try:
            self._missing = set() if head is None else self._contents_missing(head)
        except ConnectorError:
            # A clone that a full disk or a kill has damaged is worth nothing: begin again.
            shutil.rmtree(self._git.folder, ignore_errors=True)
            head = self._brought_up_to_date()
            self._missing = set() if head is None else self._contents_missing(head)
        self.head = head
        return head

    def _brought_up_to_date(self) -> str | None:
        if not (self._git.folder / "HEAD").exists():
            self._git.local("init", "--quiet", "--bare", str(self._git.folder))
        name = "HEAD" if self._branch is None else f"refs/heads/{self._branch}"
        listed = self._git.remote("ls-remote", "origin").decode("utf-8", "replace").splitlines()
        refs = {ref: commit for commit, _, ref in (line.partition("\t") for line in listed)}
        if not refs:
            return None
        if name not in refs or not _ID.fullmatch(refs[name]):
            raise ConnectorError(f"The repository has no branch {self._branch or 'that it calls its default'}.")
        if self.has_commit(refs[name]):
            return refs[name]
        fetch = ("fetch", "--quiet", "--no-tags", "--force", "--filter=blob:none", "origin", f"+{name}:{_REF}")
        self._git.remote(*fetch)
        return self._git.local("rev-parse", "--verify", f"{_REF}^{{commit}}").decode().strip()

    def _contents_missing(self, commit: str) -> set[str]:
        """The files of a commit whose contents the clone does not hold yet."""
        objects = self._git.local("rev-list", "--objects", "--no-object-names", "--missing=print", "--no-walk", commit)
        return {line[1:] for line in objects.decode().splitlines() if line.startswith("?")}

    def has_commit(self, commit: str) -> bool:
        """Whether the clone holds this commit; the remote is not asked."""
        if not _ID.fullmatch(commit):
            return False
        try:
            self._git.local("cat-file", "-e", f"{commit}^{{commit}}")
        except ConnectorError:
            return False
        return True

    def files(self, commit: str) -> list[Blob]:
        """Every plain file, in the order of their paths."""
        return [blob for blob in self._tree(commit) if blob is not None]

    def blob(self, commit: str, path: str) -> Blob | None:
        """One file; None where the commit has no plain file of that path."""
        if commit == self.head and path in self._wanted:
            return self._wanted[path]
        if not path or path.startswith("/") or path.endswith("/") or "\x00" in path:
            return None
        return next((blob for blob in self._tree(commit, "--", path) if blob is not None and blob.path == path), None)

    def difference(self, before: str, after: str) -> tuple[list[Blob], tuple[str, ...]]:
        """The files that are new or other in `after`, and the paths that are no plain files there any more."""
        fields = self._git.local("diff-tree", "-r", "-z", "--raw", "--no-renames", before, after).split(b"\0")
        changed: list[Blob] = []
        gone: list[str] = []
        for description, path in zip(fields[::2], fields[1::2], strict=False):
            _, mode, _, blob_id, _ = description.split(b" ")
            if mode in _FILE_MODES:
                changed.append(Blob(_text(path), blob_id.decode()))
            else:
                gone.append(_text(path))
        return changed, tuple(gone)

    def times(self, commit: str, paths: set[str], *, since: str | None) -> dict[str, datetime]:
        """When each of these paths was last changed by a commit; no more history is read than that takes."""
        left, found = set(paths), dict[str, datetime]()
        if not left:
            return found
        span = [commit] if since is None else [commit, f"^{since}"]
        log = self._git.started("log", "-z", "--format=%x01%ct", "--name-only", "--no-renames", "-m", *span, "--")
        when, is_first = datetime.fromtimestamp(0, tz=UTC), False
        try:
            for field in _fields(log):
                if field.startswith(b"\x01"):
                    when, is_first = datetime.fromtimestamp(int(field[1:] or b"0"), tz=UTC), True
                    continue
                path = _text(field.removeprefix(b"\n") if is_first else field)
                is_first = False
                if path in left:
                    left.remove(path)
                    found[path] = when
                    if not left:
                        break
        finally:
            log.kill()
            log.communicate()
        return found

    def expect(self, blobs: list[Blob]) -> None:
        """Say which files may be written next, so that they come in one request rather than one by one."""
        self._wanted = {blob.path: blob for blob in blobs}

    def write(self, blob: Blob, path: Path, *, max_bytes: int) -> None:
        """Write a file's content. Raises ItemError, ConnectorError."""
        if blob.id in self._missing:
            wanted = (wanted.id for wanted in self._wanted.values())
            self._download([blob.id, *(wanted_id for wanted_id in wanted if wanted_id in self._missing)])
        if self._reader is None:
            self._reader = _BlobReader(self._git)
        self._reader.write(blob.id, path, max_bytes=max_bytes)

    def _download(self, ids: list[str]) -> None:
        self._git.remote(
            *("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head"),
            *("--filter=blob:none", "--stdin", "origin"),
            feed="\n".join(dict.fromkeys(ids)).encode() + b"\n",
        )
        self._missing -= set(ids)

    def _tree(self, commit: str, *limits: str) -> list[Blob | None]:
        return [
            _entry(line) for line in self._git.local("ls-tree", "-r", "-z", "--full-tree", commit, *limits).split(b"\0")
        ]


class _BlobReader:
    """One `git cat-file` for many files."""

    def __init__(self, git: Git) -> None:
        self._process = git.started("cat-file", "--batch-command")
        self._questions, self._answers = _pipe(self._process.stdin), _pipe(self._process.stdout)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def write(self, blob_id: str, path: Path, *, max_bytes: int) -> None:
        size = self._asked("info", blob_id)
        if size > max_bytes:
            raise ItemError(f"The file has {size / 2**20:,.4g} MiB; at most {max_bytes / 2**20:,.4g} are read.")
        left = self._asked("contents", blob_id)
        with path.open("wb") as file:
            while left:
                piece = self._answers.read(min(_PIECE, left))
                if not piece:
                    raise ConnectorError("git stopped in the middle of a file.")
                left -= file.write(piece)
        self._answers.read(1)
        with path.open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                raise ItemError("The file is kept in Git LFS, which is not read.")

    def _asked(self, command: str, blob_id: str) -> int:
        """The size that git answers with."""
        with suppress(BrokenPipeError):
            self._questions.write(f"{command} {blob_id}\n".encode())
            self._questions.flush()
        words = self._answers.readline().split()
        if len(words) != 3:
            raise ConnectorError("git cannot read a file that the branch names.")
        return int(words[2])


def _tidy(folder: Path) -> None:
    """Away with what a killed git left behind; nobody else is at work here."""
    for path in (*folder.glob("*.lock"), *folder.glob("refs/**/*.lock"), *folder.glob("objects/pack/tmp_*")):
        path.unlink(missing_ok=True)


def _fields(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What a process prints, cut at NUL."""
    rest = b""
    while piece := _pipe(process.stdout).read(_PIECE):
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ConnectorError("git was started without pipes.")
    return pipe


def _entry(line: bytes) -> Blob | None:
    description, tab, path = line.partition(b"\t")
    if not tab:
        return None
    mode, _, blob_id = description.split(b" ")
    return Blob(_text(path), blob_id.decode()) if mode in _FILE_MODES else None


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
