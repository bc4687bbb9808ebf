"""How a passage of a document is shown on a terminal: what it is from, then its words.

Knows nothing of whether it was found by a search or cited by an answer.
"""

from collections.abc import Iterable, Mapping

from rich.padding import Padding
from rich.text import Text

from ingest.client import Client
from ingest.commands.output import Output, one_line
from retrieval.errors import FootnoteError

# Three lines of a terminal of 80 columns.
PASSAGE_LENGTH = 220


def heading(number: int, title: str | None, *, page: int | None, remark: str = "") -> Text:
    """For example `[3] Travel policy, page 2  0.734`."""
    line = Text(f"[{number}] ", style="cyan")
    line.append(one_line(title) or "Untitled", style="bold")
    if page is not None:
        line.append(f", page {page}", style="default")
    if remark:
        line.append(f"  {one_line(remark)}", style="dim")
    return line


def newer_titles(client: Client, superseded_by: Iterable[str | None]) -> dict[str, str]:
    """Titles of the documents that superseded others, by id: asked for now, so only of what one may still read."""
    ids = sorted({id for id in superseded_by if id is not None})
    try:
        return (
            {document.id: document.title or document.external_id for document in client.documents(ids=ids)}
            if ids
            else {}
        )
    except FootnoteError:  # what was asked for is there; a name for the newer document is not worth an error
        return {}


def superseded(superseded_by: str | None, newer: Mapping[str, str]) -> str:
    """A remark on what is no longer the newest; empty where it is."""
    if superseded_by is None:
        return ""
    return f"superseded by {newer[superseded_by]}" if superseded_by in newer else "superseded by a newer document"


def show(output: Output, line: Text, *passages: str) -> None:
    """A heading and, indented below it, the passages."""
    output.print(line)
    for passage in passages:
        output.print(Padding(Text(one_line(passage)), (0, 0, 0, 4), expand=False))


def shortened(passage: str, length: int = PASSAGE_LENGTH) -> str:
    """A passage on one line, cut at a space where it is longer than `length` characters."""
    words = one_line(passage)
    if len(words) <= length:
        return words
    cut = words[: length - 1]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut else cut}…"
