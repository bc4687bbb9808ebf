"""HTML: the text a reader came for, without navigation and without what is not shown.

Runs no script, fetches nothing and trusts no style sheet. Knows nothing of where the page comes from.
"""

import codecs
import re
from typing import Protocol

from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from ingest.parsing.archive import Element, local
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.encoding import decoded
from ingest.parsing.html_tables import grid_of, is_layout
from ingest.parsing.html_visibility import (
    BLOCKS,
    all_chars,
    conceal_sizeless,
    hidden_text,
    is_hidden,
    is_left_out,
    shown_chars,
)
from ingest.parsing.media_types import HTML
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.I)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ENOUGH_CHARS = 200


def parse_html(content: bytes) -> ParsedDocument:
    """Raises DocumentError: `no_text`, `parse_limit`, `corrupt`."""
    out = TextBuilder()
    root = html_root(content)
    add_html(out, main_part(root))
    return out.build(HTML, _title(root))


def html_root(content: bytes) -> Element:
    """The root element of a page, its encoding taken from the mark, the declaration or the bytes, in this order."""
    declared = _META_CHARSET.search(content[:4096])
    text = None
    if declared and not content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = content.decode(declared.group(1).decode("ascii"))
        except (LookupError, ValueError):
            text = None
    parser = HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    utf8 = (text if text is not None else decoded(content)).replace("\x00", "").encode("utf-8", "replace")
    try:
        root = document_fromstring(utf8, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        if "empty" in str(error):
            raise DocumentError("The page contains no text.", code="no_text") from error
        raise DocumentError(f"The page cannot be read: {str(error)[:200]}.", code="corrupt") from error
    conceal_sizeless(root)
    return root


def main_part(root: Element) -> Element:
    """The element that holds the content: the only `main` or `article`, if most of the text is in it; else the body."""
    body = root.find(".//body")
    body = root if body is None else body
    total = shown_chars(body)
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = body.findall(path)
        if len(found) == 1 and shown_chars(found[0]) >= min(_ENOUGH_CHARS, total // 3):
            return found[0]
    return body


class Quotes(Protocol):
    """How passages that an e-mail quotes are headed: where one begins, and where the sender goes on."""

    level: int

    def opened(self, words: str) -> str: ...
    def closed(self) -> str: ...


def add_html(out: TextBuilder, *roots: Element, quotes: Quotes | None = None) -> None:
    """Writes the blocks below `roots`, pages that go on in each other, to `out`. Where leaving out navigation leaves
    next to nothing, it stays in.

    With `quotes`, what an e-mail quotes comes under headings of its own."""
    shown, whole = sum(map(shown_chars, roots)), sum(map(all_chars, roots))
    walk = _Walk(out, lenient=shown < min(_ENOUGH_CHARS, whole // 4), quotes=quotes)
    for root in roots:
        walk.container(root)
        walk.flush()


def _title(root: Element) -> str | None:
    headings = [one_line(h.text_content()) for h in root.iter("h1") if not is_left_out(h)]
    if len(headings) == 1 and headings[0]:
        return headings[0]
    title = root.find(".//head/title")
    return title.text if title is not None else None


class _Walk:
    """One pass over a page: inline text gathers until a block begins or ends."""

    def __init__(self, out: TextBuilder, *, lenient: bool, quotes: Quotes | None) -> None:
        self._out = out
        self._lenient = lenient
        self._quotes = quotes
        self._quoting = 0
        self._resumed = False
        self._inline: list[str] = []
        self._label = ""
        self._as_lines = False

    def container(self, element: Element) -> None:
        self._inline.append(element.text or "")
        for child in element:
            if not is_left_out(child, lenient=self._lenient):
                self._element(child)
            elif is_hidden(child):
                self._out.hide(hidden_text(child))
            self._inline.append(child.tail or "")

    def flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        # A line break that the author made ends a line, not a paragraph.
        lines = [line for line in map(one_line, text.split("\x00")) if line]
        if lines and self._resumed and self._quotes is not None:
            self._resumed = False
            self._out.heading(self._quotes.level, self._quotes.closed())
        for line in lines:
            if self._label or self._as_lines or len(lines) > 1:
                self._out.line(f"{self._label} {line}".strip())
                self._label = ""
            else:
                self._out.paragraph(line)
        if len(lines) > 1 and not self._as_lines:
            self._out.gap()

    def _element(self, element: Element) -> None:
        name = local(element)
        if self._quotes is not None and (kind := _quotes_somebody(element, name)):
            self._quote(element, kind, self._quotes)
        elif name == "br":
            self._inline.append("\x00")
        elif name in _HEADINGS:
            self.flush()
            self._out.heading(_HEADINGS[name], element.text_content())
        elif name == "pre":
            self.flush()
            self._out.verbatim(element.text_content())
        elif name in ("ul", "ol"):
            self._list(element, ordered=name == "ol")
        elif name == "dl":
            self._definitions(element)
        elif name == "table":
            self._table(element)
        elif name in BLOCKS:
            self.flush()
            self.container(element)
            self.flush()
        else:
            self.container(element)

    def _quote(self, element: Element, kind: str, quotes: Quotes) -> None:
        """A passage that is quoted: the element's, or (`"rest"`) everything from here on."""
        self.flush()
        if self._quoting == 0:
            said = next((e for e in element.iter("div") if "gmail_attr" in (e.get("class") or "")), None)
            words = one_line(said.text_content()).rstrip(": ") if said is not None else ""
            self._out.heading(quotes.level, quotes.opened(words))
        self._resumed = False
        self._quoting += 1
        self.container(element)
        self.flush()
        if kind != "rest":
            self._quoting -= 1
            self._resumed = self._quoting == 0

    def _list(self, element: Element, *, ordered: bool) -> None:
        self.flush()
        outer, self._as_lines = self._as_lines, True
        start = element.get("start") or "1"
        number = int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 1
        for item in element:
            if local(item) != "li" or is_left_out(item, lenient=self._lenient):
                self.container(item) if local(item) in ("ul", "ol", "div") else None
                continue
            self._label = f"{number}." if ordered else "•"
            number += 1
            self.container(item)
            self.flush()
            self._label = ""
        self._as_lines = outer
        if not outer:
            self._out.gap()

    def _definitions(self, element: Element) -> None:
        self.flush()
        term = ""
        for part in element.iter("dt", "dd"):
            if local(part) == "dt":
                term = f"{term}, {one_line(part.text_content())}" if term else one_line(part.text_content())
            else:
                self._out.line(f"{term}: {one_line(part.text_content())}" if term else one_line(part.text_content()))
                term = ""
        self._out.line(term)
        self._out.gap()

    def _table(self, element: Element) -> None:
        self.flush()
        rows = [row for row in element.iter("tr") if next(row.iterancestors("table")) is element]
        cells = [[cell for cell in row if local(cell) in ("td", "th")] for row in rows]
        caption = element.find("caption")
        if caption is not None:
            self._out.paragraph(caption.text_content())
        if is_layout(element, cells):
            self._out.gap()
            for cell in (cell for row in cells for cell in row):
                self.container(cell)
                self.flush()
        else:
            self._rows(cells)

    def _rows(self, cells: list[list[Element]]) -> None:
        grid = grid_of(cells)
        if len(grid) > 1 and all(local(cell) == "th" for cell in cells[0]):
            # A heading over several columns heads each of them.
            header: list[str] = []
            for cell in grid[0]:
                header.append(cell or (header[-1] if header else ""))
            self._out.gap()
            self._out.row(grid[0])
            add_table(self._out, grid[1:], header=header, after_header=True)
        else:
            add_table(self._out, grid)


# Where mail programs begin a reply's history without an element around it.
_OUTLOOK_RULE = re.compile(r"border-top:\s*solid\s+#(?:E1E1E1|B5C4DF)", re.IGNORECASE)


def _quotes_somebody(element: Element, name: str) -> str:
    """Whether an element holds what a mail quotes ("passage"), or all behind it is quoted ("rest"); "" for neither."""
    marks = f"{element.get('class') or ''} {element.get('id') or ''}"
    if name == "blockquote" or "gmail_quote" in marks or "yahoo_quoted" in marks:
        return "passage"
    outlook = "divRplyFwdMsg" in marks or _OUTLOOK_RULE.search(element.get("style") or "")
    return "rest" if name == "div" and outlook else ""
