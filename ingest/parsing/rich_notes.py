"""Notes that editors keep as a tree of blocks in JSON (ProseMirror): Box Notes, and exports of Atlassian and others.

Knows nothing of what else may be JSON.
"""

import json
from typing import Any

from ingest.parsing.document import ParsedDocument, TextBuilder
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

_ITEMS = frozenset({"bullet_list", "bulletList", "ordered_list", "orderedList", "check_list", "taskList", "tight_list"})
_CODE = frozenset({"code_block", "codeBlock"})
_MAX_DEPTH = 60


def parse_rich_notes(text: str, media_type: str) -> ParsedDocument:
    """Raises DocumentError: `corrupt` where it is no such note, `no_text`, `parse_limit`."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"The note is damaged: {error.msg} (line {error.lineno}).", code="corrupt") from error
    root = value.get("doc", value) if isinstance(value, dict) else None
    if not isinstance(root, dict) or not isinstance(root.get("content"), list):
        raise DocumentError("The note is in an old form that cannot be read. Export it as PDF or Word.", code="corrupt")
    out = TextBuilder()
    _blocks(out, root["content"], 0, label="")
    return out.build(media_type)


def _blocks(out: TextBuilder, blocks: list[Any], depth: int, *, label: str) -> None:
    if depth > _MAX_DEPTH:
        raise DocumentError("The note is nested too deeply.", code="parse_limit")
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        inside = block.get("content") if kind else None
        if not isinstance(inside, list):
            continue
        if kind == "heading":
            level = (block.get("attrs") or {}).get("level")
            out.heading(level if isinstance(level, int) else 1, _words(block, depth))
        elif kind == "table":
            rows = [row.get("content") or [] for row in inside if isinstance(row, dict)]
            add_table(out, [[_words(cell, depth) for cell in row] for row in rows])
        elif kind in _CODE:
            out.verbatim(_words(block, depth))
        elif kind in _ITEMS:
            for number, item in enumerate(inside, 1):
                mark = f"{number}." if kind.lower().startswith("ordered") else "•"
                _blocks(out, (item.get("content") or []) if isinstance(item, dict) else [], depth + 1, label=mark)
            if not label:
                out.gap()
        elif kind == "paragraph":
            words = _words(block, depth)
            out.line(f"{label} {words}") if label and words else out.paragraph(words)
        else:
            _blocks(out, inside, depth + 1, label=label)


def _words(block: Any, depth: int) -> str:
    """The text of a block and all that is in it; blocks inside it are words apart."""
    if not isinstance(block, dict) or depth > _MAX_DEPTH:
        return ""
    if block.get("type") == "text":
        return str(block.get("text") or "")
    if block.get("type") in ("hard_break", "hardBreak"):
        return " "
    attrs = block.get("attrs") or {}
    if block.get("type") == "mention" and isinstance(attrs, dict):
        return str(attrs.get("text") or attrs.get("label") or "")
    inside = block.get("content")
    pieces = [_words(part, depth + 1) for part in inside] if isinstance(inside, list) else []
    divided = any(isinstance(part, dict) and "content" in part for part in inside or [])
    return (" " if divided else "").join(pieces)
