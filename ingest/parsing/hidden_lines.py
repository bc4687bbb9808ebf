"""The hidden rows and columns of Excel's worksheets, which the reader of cells does not tell of.

Rows that a filter has hidden are not counted: a filter is how somebody looked at the sheet last, no wish to hide. Knows
nothing of cells.
"""

import re
from dataclasses import dataclass

from ingest.parsing.archive import Archive, attribute, children
from ingest.parsing.original import Original

_HIDDEN = re.compile(rb'hidden="(?:1|true)"')
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^>]*)>")
_NUMBER = re.compile(rb'\b(r|min|max)="(\d{1,7})"')
_MAX_COLUMNS = 16_384


@dataclass(frozen=True, slots=True)
class HiddenLines:
    """Numbers from 0."""

    rows: frozenset[int]
    columns: frozenset[int]


def hidden_lines(original: Original) -> dict[str, HiddenLines]:
    """Sheet name -> its hidden rows and columns, for the sheets that have any. Raises DocumentError as Archive does."""
    with Archive(original) as archive:
        main = next(
            (name for kind, name in archive.relations("").values() if kind == "officeDocument"), "xl/workbook.xml"
        )
        if main not in archive:
            return {}
        relations = archive.relations(main)
        found = {}
        for sheet in (sheet for part in children(archive.xml(main), "sheets") for sheet in part):
            _, name = relations.get(attribute(sheet, "id") or "", ("", ""))
            content = archive.read(name) if name in archive else b""
            if _HIDDEN.search(content):
                found[str(sheet.get("name"))] = _lines(content)
    return found


def _lines(content: bytes) -> HiddenLines:
    filtered = b"filterColumn" in content
    rows = set()
    for attributes in _ROW.findall(content) if not filtered else ():
        numbers = dict(_NUMBER.findall(attributes))
        if _HIDDEN.search(attributes) and b"r" in numbers:
            rows.add(int(numbers[b"r"]) - 1)
    columns: set[int] = set()
    for attributes in _COLUMN.findall(content):
        numbers = dict(_NUMBER.findall(attributes))
        if _HIDDEN.search(attributes) and b"min" in numbers and b"max" in numbers:
            columns.update(range(int(numbers[b"min"]) - 1, min(int(numbers[b"max"]), _MAX_COLUMNS)))
    return HiddenLines(frozenset(rows), frozenset(columns))
