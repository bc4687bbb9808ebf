"""What a parser is given: the bytes of a file, or of a part of one that is in memory already.

A sandboxed parser may not write files, so an attachment has no path. Knows nothing of formats.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Original:
    """`source` is the path of a file, or its whole content."""

    source: Path | bytes

    @property
    def size(self) -> int:
        return self.source.stat().st_size if isinstance(self.source, Path) else len(self.source)

    def open(self) -> BinaryIO:
        """A stream of the bytes from the start, for the caller to close."""
        return self.source.open("rb") if isinstance(self.source, Path) else io.BytesIO(self.source)

    def read(self) -> bytes:
        return self.source.read_bytes() if isinstance(self.source, Path) else self.source
