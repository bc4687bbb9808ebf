"""Reads a source of the sample company: Markdown in, a flat list of blocks out.

Headings, paragraphs, list items, tables, page breaks (`---`) and notes (`>`), which is all that the sources use. Knows
nothing of the formats that are written from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

Run = tuple[str, bool]
"""A piece of text and whether it is bold."""


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A list item; `number` counts from 1 in an ordered list and is None in a bulleted one."""

    runs: tuple[Run, ...]
    number: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first row is the header."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A speaker's note."""

    text: str


@dataclass(frozen=True, slots=True)
class PageBreak:
    pass


Block = Heading | Paragraph | Item | Table | Note | PageBreak


def read_blocks(markdown: str) -> list[Block]:
    """The blocks of `markdown`, in order."""
    tokens = iter(MarkdownIt("commonmark").enable("table").parse(markdown))
    return list(_blocks(tokens))


def plain(runs: tuple[Run, ...]) -> str:
    return "".join(text for text, _ in runs)


def _blocks(tokens: Iterator[Token]) -> Iterator[Block]:
    for token in tokens:
        match token.type:
            case "heading_open":
                yield Heading(int(token.tag[1]), plain(_runs(next(tokens))))
            case "paragraph_open":
                yield Paragraph(_runs(next(tokens)))
            case "bullet_list_open" | "ordered_list_open":
                yield from _items(tokens, ordered=token.type == "ordered_list_open")
            case "blockquote_open":
                yield Note(" ".join(plain(_runs(inline)) for inline in _inlines_until("blockquote_close", tokens)))
            case "table_open":
                yield _table(tokens)
            case "hr":
                yield PageBreak()


def _items(tokens: Iterator[Token], *, ordered: bool) -> Iterator[Item]:
    end = "ordered_list_close" if ordered else "bullet_list_close"
    for count, inline in enumerate(_inlines_until(end, tokens), start=1):
        yield Item(_runs(inline), count if ordered else None)


def _table(tokens: Iterator[Token]) -> Table:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            rows[-1].append(plain(_runs(token)))
    return Table(tuple(tuple(row) for row in rows))


def _inlines_until(end: str, tokens: Iterator[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == end:
            return
        if token.type == "inline":
            yield token


def _runs(inline: Token) -> tuple[Run, ...]:
    runs: list[Run] = []
    bold = False
    for child in inline.children or []:
        if child.type in {"strong_open", "strong_close"}:
            bold = child.type == "strong_open"
        elif child.type == "softbreak":
            runs.append((" ", bold))
        elif child.content:
            runs.append((child.content, bold))
    return tuple(runs)
