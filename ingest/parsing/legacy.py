"""Formats of the past, read by kreuzberg: Word and PowerPoint 97-2003, RTF.

Kreuzberg's own rich formats are not used: measured on docling's test documents, the parsers beside this one keep more
of DOCX, PPTX and OpenDocument. Knows nothing of those.
"""

from typing import Any

import kreuzberg

from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.media_types import PPT, RTF
from ingest.parsing.original import Original
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

# No cache on disk, no OCR, no worker threads: one document, one short-lived process.
_CONFIG = kreuzberg.ExtractionConfig(
    use_cache=False, include_document_structure=True, concurrency=kreuzberg.ConcurrencyConfig(max_threads=1)
)
_MASTER_TEXT = frozenset(
    {"Click to edit Master text styles", "Second level", "Third level", "Fourth level", "Fifth level"}
    | {"Click to edit Master title style", "Click to edit Master subtitle style", "Click to move the slide"}
)
_ENCRYPTED = ("password", "encrypted", "protected")


def parse_legacy(original: Original, media_type: str) -> ParsedDocument:
    """Raises DocumentError: `encrypted`, `corrupt`, `no_text`, `parse_limit`."""
    try:
        result = kreuzberg.extract_bytes_sync(original.read(), media_type, config=_CONFIG)
    except kreuzberg.KreuzbergError as error:
        reason = str(error)
        if any(word in reason.lower() for word in _ENCRYPTED):
            raise DocumentError("The file is protected by a password.", code="encrypted") from error
        raise DocumentError(f"The file is damaged: {reason[:200]}.", code="corrupt") from error
    out = TextBuilder()
    structure: Any = result.document or {}
    nodes = structure.get("nodes", [])
    for node in nodes:
        _node(out, node["content"], as_lines=media_type == PPT)
    if not nodes:
        for paragraph in result.content.split("\n\n"):
            out.paragraph(paragraph)
    metadata: Any = result.metadata or {}
    return out.build(media_type, metadata.get("title"))


def rich_text(content: bytes) -> str:
    """The words of an RTF body; "" where it has none or cannot be read."""
    try:
        return str(kreuzberg.extract_bytes_sync(content, RTF, config=_CONFIG).content) if content else ""
    except kreuzberg.KreuzbergError:
        return ""


def _node(out: TextBuilder, content: dict[str, Any], *, as_lines: bool) -> None:
    kind = content.get("node_type")
    text = content.get("text") or ""
    if one_line(text) in _MASTER_TEXT:
        return
    if kind in ("heading", "title"):
        out.heading(content.get("level") or 1, text)
    elif kind == "slide":
        out.gap()
        title = one_line(content.get("title") or "")
        out.heading(1, "" if title in _MASTER_TEXT else title)
    elif kind == "list_item":
        out.line(f"• {one_line(text)}" if text.strip() else "")
    elif kind == "table":
        _table(out, content.get("grid") or {})
    elif kind == "metadata_block":
        for name, value in content.get("entries") or []:
            out.line(f"{name}: {value}")
        out.gap()
    elif kind == "code":
        out.verbatim(text)
    elif kind not in ("group", "list", "image"):
        _paragraphs(out, text, as_lines=as_lines)


def _paragraphs(out: TextBuilder, text: str, *, as_lines: bool) -> None:
    for line in text.replace("\r\n", "\n").split("\n"):
        if "\t" in line.strip():
            # Word 97 tables: a tab ends a cell, two end a row.
            for row in line.split("\t\t"):
                out.row(row.split("\t"))
            out.gap()
        elif as_lines and line.strip() not in _MASTER_TEXT:
            out.line(line)
        elif not as_lines:
            out.paragraph(line)


def _table(out: TextBuilder, grid: dict[str, Any]) -> None:
    rows: list[list[str]] = [[""] * int(grid.get("cols") or 0) for _ in range(int(grid.get("rows") or 0))]
    for cell in grid.get("cells") or []:
        if cell["row"] < len(rows) and cell["col"] < len(rows[cell["row"]]):
            rows[cell["row"]][cell["col"]] = cell["content"]
    add_table(out, rows)
