"""Which files go to the server together: small ones, as many as a request should carry.

Knows nothing of servers. A large file goes alone: a broken connection then costs no other file a second try.
"""

from collections.abc import Iterator, Sequence

from ingest.commands.local_files import LocalFile

BATCH_FILES = 50
BATCH_BYTES = 4 * 1024 * 1024
SMALL_BYTES = 256 * 1024


def groups(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    """All the files, in groups: small ones up to BATCH_FILES and BATCH_BYTES, each other one by itself."""
    small: list[LocalFile] = []
    size = 0
    for file in files:
        own = _size(file)
        if own is None or own > SMALL_BYTES:
            yield [file]
            continue
        if len(small) == BATCH_FILES or size + own > BATCH_BYTES:
            yield small
            small, size = [], 0
        small.append(file)
        size += own
    if small:
        yield small


def _size(file: LocalFile) -> int | None:
    """Bytes; None where the file is gone, which is said when its turn comes."""
    try:
        return file.size()
    except OSError:
        return None
