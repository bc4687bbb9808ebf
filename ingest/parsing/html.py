"""HTML: the text a reader came for, without navigation and without what is not shown.

Runs no script, fetches nothing and trusts no style sheet. Knows nothing of where the page comes from.
"""

import codecs
import re
from collections.abc import Iterator

from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from ingest.parsing.archive import Element, local
from ingest.parsing.detection import HTML
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.encoding import decoded
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.I)


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SHOWN_AS_NOTHING = _names(
    "script style noscript template svg canvas iframe object embed applet audio video map head select option datalist "
    "textarea button input meter progress dialog rp"
)
_NAVIGATION = frozenset({"nav", "footer", "aside", "menu"})
_NAVIGATION_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar"})
_NAVIGATION_NAME = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|topbar|sidebar|breadcrumbs?|footer|cookies?|consent|advert\w*|ads?|social"
    r"|share|sharing|skip-?link|skip-?to-?content|pagination|editsection|jump-to-nav|noprint|newsletter|subscribe)(?:$|[\s_-])",
    re.IGNORECASE,
)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|(?:left|top|text-indent)\s*:\s*-\d{4,}",
    re.IGNORECASE,
)
_WHITE = re.compile(
    r"(?:^|[;\s])color\s*:\s*(?:#fff(?:fff)?\b|white\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)", re.IGNORECASE
)
_BLOCKS = _names(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form header hgroup hr html legend li main menu nav ol p section summary table tbody td tfoot th thead tr ul"
)
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
        return document_fromstring(utf8, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        if "empty" in str(error):
            raise DocumentError("The page contains no text.", code="no_text") from error
        raise DocumentError(f"The page cannot be read: {str(error)[:200]}.", code="corrupt") from error


def main_part(root: Element) -> Element:
    """The element that holds the content: the only `main` or `article`, if most of the text is in it; else the body."""
    body = root.find(".//body")
    body = root if body is None else body
    total = _shown_chars(body)
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = body.findall(path)
        if len(found) == 1 and _shown_chars(found[0]) >= min(_ENOUGH_CHARS, total // 3):
            return found[0]
    return body


def add_html(out: TextBuilder, root: Element) -> None:
    """Writes the blocks below `root` to `out`. Where leaving out navigation leaves next to nothing, it stays in."""
    walk = _Walk(out, lenient=_shown_chars(root) < min(_ENOUGH_CHARS, _all_chars(root) // 4))
    walk.container(root)
    walk.flush()


def _title(root: Element) -> str | None:
    headings = [one_line(h.text_content()) for h in root.iter("h1") if not _is_left_out(h)]
    if len(headings) == 1 and headings[0]:
        return headings[0]
    title = root.find(".//head/title")
    return title.text if title is not None else None


def _is_left_out(element: Element, *, lenient: bool = False) -> bool:
    """Whether an element is never shown, or is furniture of the site around the page."""
    name = local(element)
    if name in _SHOWN_AS_NOTHING or not name or _is_hidden(element):
        return True
    return not (lenient or name in ("html", "body", "main", "article")) and _is_navigation(element, name)


def _is_hidden(element: Element) -> bool:
    style = element.get("style") or ""
    if element.get("hidden") is not None or (style and _HIDDEN_STYLE.search(style)):
        return True
    return bool(style and _WHITE.search(style)) and not _on_colour(element)


def _is_navigation(element: Element, name: str) -> bool:
    if name in _NAVIGATION or element.get("role") in _NAVIGATION_ROLES or element.get("aria-hidden") == "true":
        return True
    if name == "header" and element.find(".//h1") is None and element.getparent().tag in ("body", "div"):
        return True
    marks = f"{element.get('class') or ''} {element.get('id') or ''}"
    return 1 < len(marks) < 400 and _NAVIGATION_NAME.search(marks) is not None


def _on_colour(element: Element) -> bool:
    """Whether white text may have something behind it: a background on it or around it, or a class that may say so."""
    lineage = [element, *element.iterancestors()][:8]
    return any("background" in (e.get("style") or "") or e.get("bgcolor") or e.get("class") for e in lineage)


def _shown_chars(root: Element) -> int:
    return sum(len(text.strip()) for text in _shown_texts(root))


def _shown_texts(root: Element) -> Iterator[str]:
    stack = [root]
    while stack:
        element = stack.pop()
        yield element.text or ""
        for child in element:
            yield child.tail or ""
            if not _is_left_out(child):
                stack.append(child)


def _all_chars(root: Element) -> int:
    return sum(len((element.text or "").strip()) for element in root.iter() if local(element) not in _SHOWN_AS_NOTHING)


class _Walk:
    """One pass over a page: inline text gathers until a block begins or ends."""

    def __init__(self, out: TextBuilder, *, lenient: bool) -> None:
        self._out = out
        self._lenient = lenient
        self._inline: list[str] = []
        self._label = ""
        self._as_lines = False

    def container(self, element: Element) -> None:
        self._inline.append(element.text or "")
        for child in element:
            if not _is_left_out(child, lenient=self._lenient):
                self._element(child)
            self._inline.append(child.tail or "")

    def flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        # A line break that the author made ends a line, not a paragraph.
        lines = [line for line in map(one_line, text.split("\x00")) if line]
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
        if name == "br":
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
        elif name in _BLOCKS:
            self.flush()
            self.container(element)
            self.flush()
        else:
            self.container(element)

    def _list(self, element: Element, *, ordered: bool) -> None:
        self.flush()
        outer, self._as_lines = self._as_lines, True
        start = element.get("start") or "1"
        number = int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 1
        for item in element:
            if local(item) != "li" or _is_left_out(item, lenient=self._lenient):
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
        if _is_layout(element, cells):
            self._out.gap()
            for cell in (cell for row in cells for cell in row):
                self.container(cell)
                self.flush()
        else:
            self._rows(cells)

    def _rows(self, cells: list[list[Element]]) -> None:
        grid = _grid(cells)
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


def _is_layout(table: Element, rows: list[list[Element]]) -> bool:
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return True
    if max(map(len, rows), default=0) <= 1:
        return True
    longest = max((len(cell.text_content()) for row in rows for cell in row), default=0)
    return longest > 2000 or next(table.iter("h1", "h2", "h3"), None) is not None


def _cell_text(element: Element) -> str:
    """The words of a cell: blocks inside it are words apart, though no space stands between their tags."""
    pieces = [element.text or ""]
    for child in element:
        space = " " if local(child) in _BLOCKS or local(child) == "br" else ""
        if not _is_left_out(child, lenient=True):
            pieces += [space, _cell_text(child), space]
        pieces.append(child.tail or "")
    return "".join(pieces)


def _grid(rows: list[list[Element]]) -> list[list[str]]:
    """The cells' texts by row and column. A cell that spans columns stands in the first, over rows in each."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column -> rows that a cell from above still covers, its text
    for row in rows:
        texts: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        cells = iter(row)
        while True:
            column = len(texts)
            if column in hanging:
                left, text = hanging[column]
                rows_left, width = left - 1, 1
            elif (cell := next(cells, None)) is not None:
                text = one_line(_cell_text(cell))
                rows_left, width = _span(cell, "rowspan") - 1, _span(cell, "colspan")
            elif column < max(hanging, default=-1):
                text, rows_left, width = "", 0, 1
            else:
                break
            texts += [text] + [""] * (width - 1)
            if rows_left:
                below[column] = (rows_left, text)
        grid.append(texts)
        hanging = below
    return grid


def _span(cell: Element, name: str) -> int:
    span = cell.get(name) or "1"
    return max(1, min(int(span), 100)) if span.isascii() and span.isdigit() and len(span) < 6 else 1
