"""Small disks that can be filled: a tmpfs over each part's folder, where this machine lets us mount one.

Mounting needs root. Elsewhere `mounted` yields None and the faults that need a full disk are left out, by name, in the
report. Knows nothing of what is kept there.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILLER = ".filler"


class Volume:
    """A mounted folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self) -> None:
        """Leave not one byte free."""
        with (self._folder / FILLER).open("ab", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                block = bytes(size)
                try:
                    while filler.write(block):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Give the room back."""
        (self._folder / FILLER).unlink(missing_ok=True)


@contextmanager
def mounted(folder: Path, *, megabytes: int, owner: str | None = None) -> Iterator[Volume | None]:
    """A volume of this size at `folder`, None where we may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "footnote-faults", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield Volume(folder)
    finally:
        if subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode:
            subprocess.run(["umount", "-l", str(folder)], check=True)
