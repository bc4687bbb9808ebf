"""Documents inside a document: attachments of an e-mail, members of an archive, each read by the parser of its type.

Counts what all levels together cost. A part that cannot be read does not cost the document its other parts: it is named
with the reason in `ParsedDocument.left_out`. Knows nothing of formats.
"""

from collections.abc import Callable
from dataclasses import replace

from ingest.parsing.document import NOTHING_READ, ParsedDocument, TextBuilder, one_line
from ingest.parsing.original import Original
from retrieval.errors import DocumentError

MAX_PARTS = 1_000
MAX_DEPTH = 5
MAX_BYTES = 512 * 2**20

ParsePart = Callable[[Original, str, "Parts"], ParsedDocument]


class Parts:
    """What is spent on the parts of one file, over all levels of nesting."""

    def __init__(self, parse: ParsePart) -> None:
        self._parse = parse
        self._depth = 0
        self._count = 0
        self._bytes = 0

    def spend(self, count: int = 0, size: int = 0) -> None:
        """Counts parts and bytes before they are unpacked. Raises DocumentError `parse_limit`."""
        self._count += count
        self._bytes += size
        if self._count > MAX_PARTS:
            raise DocumentError(
                f"The file holds more than {MAX_PARTS:,} files. Upload them in parts.", code="parse_limit"
            )
        if self._bytes > MAX_BYTES:
            raise DocumentError(
                f"What the file holds unpacks to more than {MAX_BYTES // 2**20} MiB. Upload it in parts.",
                code="parse_limit",
            )

    def add(self, out: TextBuilder, content: bytes, name: str, *, heading: str, level: int) -> str | None:
        """Writes the part called `name` to `out` below a heading of `level`; why not, where it cannot be read.

        Raises DocumentError `parse_limit` where the limits of the whole file are reached.
        """
        if self._depth >= MAX_DEPTH:
            return self._left_out(out, name, f"It is packed more than {MAX_DEPTH} levels deep.")
        self._depth += 1
        try:
            part = self._parse(Original(content), name, self)
        except DocumentError as error:
            if self._count > MAX_PARTS or self._bytes > MAX_BYTES:
                raise
            return self._left_out(out, name, error.message.removeprefix(NOTHING_READ))
        finally:
            self._depth -= 1
        out.heading(level, heading)
        out.document(part, level=level)
        return None

    def only(self, content: bytes, name: str, media_type: str | None = None) -> ParsedDocument:
        """The document of the one part that a file is a wrapping of; `media_type` is what the whole is called.

        Raises DocumentError as the part's parser does.
        """
        if self._depth >= MAX_DEPTH:
            raise DocumentError(f"The file is packed more than {MAX_DEPTH} levels deep.", code="parse_limit")
        self._depth += 1
        try:
            part = self._parse(Original(content), name, self)
        finally:
            self._depth -= 1
        return replace(part, media_type=media_type) if media_type else part

    def _left_out(self, out: TextBuilder, name: str, reason: str) -> str:
        out.leave_out(one_line(name)[:200] or "a part without a name", reason)
        return reason
