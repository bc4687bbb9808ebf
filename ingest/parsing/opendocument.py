"""OpenDocument text and presentations: paragraphs, headings, lists, tables, slides with notes.

Knows nothing of other formats; OpenDocument spreadsheets are read with the other spreadsheets.
"""

from ingest.parsing.archive import Archive, Element, attribute, child, local
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.media_types import ODP
from ingest.parsing.original import Original
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

_SKIPPED = frozenset(
    {"tracked-changes", "annotation", "annotation-end", "sequence-decls", "forms", "index-title-template", "image"}
)
_MAX_DEPTH = 120
_MAX_REPEAT = 100


def parse_opendocument(original: Original, media_type: str) -> ParsedDocument:
    """Raises DocumentError: `encrypted`, `corrupt`, `no_text`, `parse_limit`."""
    with Archive(original) as archive:
        if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise DocumentError("The file is protected by a password.", code="encrypted")
        body = child(archive.xml("content.xml"), "body")
        if body is None:
            raise DocumentError("The file is damaged: the document has no body.", code="corrupt")
        _take_out_hidden(body, out := TextBuilder())
        _Walk(out, slides=media_type == ODP).blocks(body, 0)
        titles = archive.xml("meta.xml").iter("{*}title") if "meta.xml" in archive else iter(())
        return out.build(media_type, next((title.text for title in titles if title.text), None))


def _take_out_hidden(body: Element, out: TextBuilder) -> None:
    """Removes what is never shown: text in styles that say so, hidden paragraphs, and slides left out of the show."""
    hidden = {
        attribute(style, "name")
        for style in body.getroottree().iter("{*}style")
        for properties in style
        if attribute(properties, "display") == "none" or attribute(properties, "visibility") == "hidden"
    }
    marked = [
        element
        for element in body.iter("{*}span", "{*}p", "{*}h", "{*}page", "{*}hidden-text", "{*}hidden-paragraph")
        if local(element).startswith("hidden-") or (attribute(element, "style-name") or "") in hidden
    ]
    for element in marked:
        out.hide("".join(element.itertext()))
        for part in list(element):
            element.remove(part)
        element.text = None


class _Walk:
    def __init__(self, out: TextBuilder, *, slides: bool) -> None:
        self._out = out
        self._slides = slides
        self._page = 0
        self._in_list = False

    def blocks(self, parent: Element, depth: int) -> None:
        if depth > _MAX_DEPTH:
            return
        for element in parent:
            name = local(element)
            if name == "h":
                self._out.heading(int(attribute(element, "outline-level") or 1), _text(element))
            elif name == "p":
                self._paragraph(element, depth)
            elif name == "list":
                self._list(element, depth)
            elif name == "table":
                add_table(self._out, _grid(element))
            elif name == "page" and self._slides:
                self._slide(element, depth)
            elif name == "notes" and self._slides:
                notes = one_line(" ".join(_text(paragraph) for paragraph in element.iter("{*}p")))
                if notes:
                    self._out.paragraph(f"Speaker notes: {notes}")
            elif name == "frame" and attribute(element, "class") == "title" and self._slides:
                continue  # the slide's heading already
            elif name and name not in _SKIPPED:
                self.blocks(element, depth + 1)

    def _paragraph(self, paragraph: Element, depth: int) -> None:
        text = _text(paragraph)
        if self._in_list:
            self._out.line(text)
        else:
            self._out.paragraph(text)
        for box in paragraph.iter("{*}text-box"):
            self._out.gap()
            self.blocks(box, depth + 1)

    def _list(self, element: Element, depth: int) -> None:
        outer, self._in_list = self._in_list, True
        for item in element:
            texts = [part for part in item if local(part) in ("p", "h")]
            words = one_line(" ".join(map(_text, texts)))
            if texts and local(texts[0]) == "h":
                self._out.heading(int(attribute(texts[0], "outline-level") or 1), words)
            elif words:
                self._out.line(f"• {words}")
            for part in item:
                if local(part) not in ("p", "h"):
                    self._list(part, depth + 1) if local(part) == "list" else self.blocks(part, depth + 1)
        self._in_list = outer
        if not outer:
            self._out.gap()

    def _slide(self, page: Element, depth: int) -> None:
        self._page += 1
        self._out.page(self._page)
        for frame in page:
            if local(frame) == "frame" and attribute(frame, "class") == "title":
                self._out.heading(1, " ".join(_text(paragraph) for paragraph in frame.iter("{*}p")))
        self.blocks(page, depth + 1)
        self._out.gap()


def _text(element: Element) -> str:
    """The words of a paragraph; frames and text boxes inside it are blocks of their own."""
    pieces = [element.text or ""]
    for part in element:
        name = local(part)
        if name == "s":
            count = attribute(part, "c") or "1"
            pieces.append(" " * min(int(count) if count.isdigit() else 1, _MAX_REPEAT))
        elif name in ("tab", "line-break"):
            pieces.append(" ")
        elif name == "note":
            body = child(part, "note-body")
            pieces.append(f" ({one_line(_text(body))})" if body is not None and one_line(_text(body)) else "")
        elif name == "p":
            pieces += [" ", _text(part), " "]
        elif name not in _SKIPPED and name not in ("frame", "text-box", "custom-shape"):
            pieces.append(_text(part))
        pieces.append(part.tail or "")
    return "".join(pieces)


def _rows(table: Element) -> list[Element]:
    return [row for row in table.iter("{*}table-row") if next(row.iterancestors("{*}table")) is table]


def _grid(table: Element) -> list[list[str]]:
    """The cells' texts by row and column. A cell merged over columns stands in the first, over rows in each."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column -> rows that a cell from above still covers, its text
    for row in _rows(table):
        texts: list[str] = []
        for column, cell in enumerate(_repeated(row)):
            rows, text = hanging.pop(column, (0, ""))
            if local(cell) == "table-cell":
                text = one_line(_text(cell))
                span = attribute(cell, "number-rows-spanned") or "1"
                rows = int(span) if span.isdigit() and len(span) < 6 else 1
            if rows > 1:
                hanging[column] = (rows - 1, text)
            texts.append(text if rows else "")
        grid.append(texts)
    return grid


def _repeated(row: Element) -> list[Element]:
    cells = []
    for cell in row:
        if local(cell) in ("table-cell", "covered-table-cell"):
            count = attribute(cell, "number-columns-repeated") or "1"
            cells += [cell] * min(int(count) if count.isdigit() else 1, _MAX_REPEAT)
    return cells
