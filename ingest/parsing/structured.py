"""JSON and XML: records as lines of `name: value`, sections under headings, so that a line makes sense alone.

Knows nothing of any one schema, but for notebooks and for the element names that document schemas share.
"""

import json
from collections.abc import Iterator
from typing import Any

from ingest.parsing.archive import Element, local, parse_xml
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.media_types import XML
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

# A record longer than this is no line; its parts become sections.
_RECORD_CHARS = 1500
_MAX_DEPTH = 60
_BLOCK_TITLES = frozenset({"title", "head", "heading", "caption", "article-title"})
_XML_PARAGRAPHS = frozenset(
    {"p", "para", "simpara", "li", "listitem", "item", "abstract", "note", "quote", "verse", "l"}
)
_XML_SKIPPED = frozenset({"script", "style", "object-id", "journal-id", "article-id", "tex-math", "annotation"})


def parse_json(text: str, media_type: str) -> ParsedDocument:
    """Raises DocumentError: `corrupt` (with the line), `parse_limit` (nested too deeply), `no_text`."""
    value = _loaded(text)
    out = TextBuilder()
    if isinstance(value, dict) and "nbformat" in value and isinstance(value.get("cells"), list):
        _notebook(out, value["cells"])
    else:
        _value(out, value, depth=1)
    return out.build(media_type)


def parse_json_lines(text: str, media_type: str) -> ParsedDocument:
    """One record a line. Raises DocumentError as `parse_json` does."""
    out = TextBuilder()
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            _value(out, _loaded(line, number), depth=1)
    return out.build(media_type)


def parse_xml_document(content: bytes) -> ParsedDocument:
    """Raises DocumentError: `corrupt`, `parse_limit`, `no_text`."""
    root = parse_xml(content)
    out = TextBuilder()
    _element(out, root, depth=0, level=0)
    return out.build(XML)


def _loaded(text: str, line: int = 1) -> Any:
    try:
        # Numbers stay as they are written: 5.10 is not 5.1, and a thousand digits are not worth converting.
        return json.loads(text, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise DocumentError("The JSON is nested too deeply.", code="parse_limit") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno + line - 1}, column {error.colno}"
        raise DocumentError(f"The JSON is not valid: {error.msg} ({where}).", code="corrupt") from error


def _value(out: TextBuilder, value: Any, *, depth: int, name: str = "") -> None:
    if depth > _MAX_DEPTH:
        raise DocumentError("The JSON is nested too deeply.", code="parse_limit")
    if not isinstance(value, dict | list):
        out.line(f"{name}: {_scalar(value)}" if name else _scalar(value))
    elif (pairs := _record(value)) is not None:
        prefix = f"{name}." if name else ""
        out.row([f"{prefix}{key}: {text}" if key else (f"{name}: {text}" if name else text) for key, text in pairs])
    elif isinstance(value, list):
        for entry in value:
            _value(out, entry, depth=depth + 1, name=name)
    else:
        for key, entry in value.items():
            if isinstance(entry, dict | list) and _record(entry) is None:
                out.heading(depth, str(key))
                _value(out, entry, depth=depth + 1)
            else:
                _value(out, entry, depth=depth + 1, name=str(key))


def _record(value: dict[str, Any] | list[Any]) -> list[tuple[str, str]] | None:
    """The (path, text) pairs of a value that is small enough for one line, or None."""
    if isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
        return None
    pairs: list[tuple[str, str]] = []
    length = 0
    for path, text in _leaves("", value, 0):
        length += len(path) + len(text) + 5
        if length > _RECORD_CHARS or path.count(".") > 3:
            return None
        pairs.append((path, text))
    return pairs


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth <= _MAX_DEPTH:
        for key, entry in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), entry, depth + 1)
    elif isinstance(value, list):
        if any(isinstance(entry, dict | list) for entry in value):
            for number, entry in enumerate(value, 1):
                yield from _leaves(f"{path} {number}", entry, depth + 1)
        elif text := ", ".join(_scalar(entry) for entry in value):
            yield path, text
    elif text := _scalar(value):
        yield path, text


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else one_line(str(value))


def _notebook(out: TextBuilder, cells: list[Any]) -> None:
    for cell in cells:
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        for block in text.split("\n\n") if cell.get("cell_type") == "markdown" else []:
            if block.lstrip().startswith("#"):
                heading, _, rest = block.strip().partition("\n")
                out.heading(len(heading) - len(heading.lstrip("#")), heading.lstrip("# "))
                out.verbatim(rest)
            else:
                out.verbatim(block)
        if cell.get("cell_type") == "code":
            out.verbatim(text)


def _element(out: TextBuilder, element: Element, *, depth: int, level: int) -> None:
    """Writes an element: tables as rows, titles as headings of their section, the innermost text as paragraphs."""
    name = local(element).lower()
    if name in _XML_SKIPPED or depth > 200:
        return
    if name == "table":
        rows = [
            [_flat(cell) for cell in row if local(cell).lower() in ("td", "th", "entry")]
            for row in _table_rows(element)
        ]
        add_table(out, rows)
        return
    elements = [child for child in element if isinstance(child.tag, str)]
    if name in _XML_PARAGRAPHS and not any(
        local(child).lower() in ("p", "para", "list", "table") for child in elements
    ):
        out.paragraph(_flat(element))
        return
    record = _leaf_record(elements)
    if record:
        out.row(record)
        return
    if not elements:
        out.paragraph(_flat(element))
        return
    if text := one_line(element.text or ""):
        out.paragraph(text)
    for child in elements:
        if local(child).lower() in _BLOCK_TITLES and not any(local(e).lower() in _XML_PARAGRAPHS for e in child):
            out.heading(level + 1, _flat(child))
        else:
            has_title = any(local(grandchild).lower() in _BLOCK_TITLES for grandchild in child)
            _element(out, child, depth=depth + 1, level=level + (1 if has_title else 0))
        if tail := one_line(child.tail or ""):
            out.paragraph(tail)


def _leaf_record(elements: list[Element]) -> list[str] | None:
    """The parts of an element that holds only small named values, such as a name or an address; None for prose."""
    if len(elements) < 2 or any(len(child) for child in elements):
        return None
    if any(local(child).lower() in _XML_PARAGRAPHS | _BLOCK_TITLES or one_line(child.tail or "") for child in elements):
        return None
    cells = [(local(child), _flat(child)) for child in elements]
    if sum(len(text) for _, text in cells) > _RECORD_CHARS:
        return None
    return [f"{name}: {text}" for name, text in cells if text]


def _table_rows(table: Element) -> Iterator[Element]:
    return (row for row in table.iter() if local(row).lower() in ("tr", "row"))


def _flat(element: Element) -> str:
    return one_line("".join(element.itertext()))
