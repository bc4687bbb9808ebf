"""What is on disk when a call returns. Knows nothing of what is kept."""

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Return once the file, or the folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
