"""Which files are no documents, by their names: programs, archives we cannot open, hidden and temporary files.

The command line and the connectors leave out the same. Knows nothing of content: about every other type the parser
decides.
"""

import re
from pathlib import PurePosixPath

# Programs, and archives that the parser does not open; it reads zip, tar, gz, bz2 and xz as folders.
SKIPPED_SUFFIXES = frozenset(
    {".exe", ".dll", ".so", ".dylib", ".bin", ".iso", ".dmg", ".msi", ".class", ".jar", ".pyc", ".o", ".a"}
    | {".zst", ".7z", ".rar"}
)
# Locks of office programs, copies of editors, downloads in progress, what file managers leave behind.
_TEMPORARY = re.compile(
    r"~\$.*|.*~|#.*#|.*\.(?:tmp|temp|part|partial|crdownload|swp|swo|lock)|thumbs\.db|desktop\.ini", re.I | re.S
)


def is_hidden_or_temporary(name: str) -> bool:
    """Whether a file of this name is left out without a word."""
    return name.startswith(".") or _TEMPORARY.fullmatch(name) is not None


def is_program_or_archive(name: str) -> bool:
    """Whether a file of this name holds no text of its own."""
    return PurePosixPath(name).suffix.lower() in SKIPPED_SUFFIXES


def is_document_path(path: str) -> bool:
    """Whether a relative path with slashes may be a document's: no part of it is hidden or temporary."""
    *folders, name = path.split("/")
    if any(folder.startswith(".") for folder in folders) or not name:
        return False
    return not is_hidden_or_temporary(name) and not is_program_or_archive(name)
