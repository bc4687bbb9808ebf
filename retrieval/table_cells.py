"""Cells and fields that answer no: "Overtime paid: no", "Benefit: Overtime | Paid: no".

Knows nothing of what is compared. Without this a "no" would deny whatever the next cell says, and a German "nein" would
deny nothing.
"""

import re
from collections.abc import Iterator, Mapping

from retrieval.languages import ENGLISH

_DENIALS: Mapping[str, str] = {ENGLISH: "not", "german": "nicht", "french": "pas"}
# But "No. 5", and "No." at the head of a column.
_NO = re.compile(
    r"(?P<before>[:|\t] ?)(?:no|nein|non|false|[✗✘✕❌])(?=[ \t]*(?:$|[|,;\t]|\.(?!\S| \|| \d)))",
    re.IGNORECASE | re.MULTILINE,
)
_BETWEEN_CELLS = re.compile(r"(?:^\s*\|)| \| |\t|(?:\|\s*$)")


def answered_apart(text: str, language: str) -> str:
    """`text`, in `language`, with a denial for each such answer, and each out of its row: "Overtime Paid not"."""
    denial = _DENIALS.get(language)
    if denial is None or not _NO.search(text):
        return text
    plain = _NO.sub(rf"\g<before>{denial}", text)
    return "\n".join(". ".join(_parts(line, denial)) for line in plain.split("\n"))


def _parts(line: str, denial: str) -> Iterator[str]:
    cells = [cell.strip() for cell in _BETWEEN_CELLS.split(line)]
    cells = [cell for cell in cells if cell]
    denied = [cell for cell in cells[1:] if _is_denied(cell, denial)]
    if not denied:
        yield line
        return
    yield " | ".join(cell for cell in cells if cell not in denied)
    label = cells[0].rpartition(": ")[2]
    yield from (f"{label} {cell.removesuffix(denial).rstrip(' :')} {denial}" for cell in denied)


def _is_denied(cell: str, denial: str) -> bool:
    return cell == denial or cell.endswith(f": {denial}")
