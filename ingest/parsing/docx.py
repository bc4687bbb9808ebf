"""Word documents (OOXML): paragraphs, headings by style, lists with their numbers, tables, notes, text boxes.

Reads the XML itself: element names are the same in the strict and the transitional dialect, and hidden text, deleted
text and content controls, which ready readers mix up or skip, are decided here. Knows nothing of other formats.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.parsing.archive import Archive, Element, attribute, child, children, local
from ingest.parsing.charts import add_chart
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.media_types import DOCX
from ingest.parsing.original import Original
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

_SKIPPED = frozenset(
    {"del", "moveFrom", "delText", "instrText", "rPr", "pPr", "Fallback", "annotationRef", "fldSimpleInstr"}
)
_OUTLINE_BODY = 9
_MAX_DEPTH = 120


@dataclass(slots=True)
class _Style:
    name: str
    based_on: str | None
    outline: int | None
    numbering: tuple[str, int] | None
    hidden: bool


@dataclass(slots=True)
class _Numbering:
    """Counters of the numbered lists: (format, pattern) by list and level, and where each list stands."""

    levels: dict[str, dict[int, tuple[str, str, int]]]
    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    def label(self, list_id: str, level: int) -> str:
        kind, pattern, start = self.levels.get(list_id, {}).get(level, ("bullet", "•", 1))
        counts = self.counts[list_id]
        counts[level] = counts.get(level, start - 1) + 1
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]
        if kind == "none":
            return ""
        if kind == "bullet":
            return "•"
        for index in range(level + 1):
            number_kind, _, first = self.levels[list_id].get(index, (kind, "", 1))
            pattern = pattern.replace(f"%{index + 1}", _numeral(number_kind, counts.get(index, first)))
        return pattern.strip()


def parse_docx(original: Original) -> ParsedDocument:
    """Raises DocumentError: `corrupt`, `no_text`, `encrypted`, `parse_limit`."""
    with Archive(original) as archive:
        main = next(
            (name for kind, name in archive.relations("").values() if kind == "officeDocument"), "word/document.xml"
        )
        return _Walk(archive, main).document()


class _Walk:
    """One pass over a document's body. Keeps what paragraphs depend on: styles, list counters, the page."""

    def __init__(self, archive: Archive, main: str) -> None:
        self._relations = archive.relations(main)
        by_kind = {kind: name for kind, name in self._relations.values() if name in archive}
        self._archive = archive
        body = child(archive.xml(main), "body")
        if body is None:
            raise DocumentError("The file is damaged: the document has no body.", code="corrupt")
        self._body: Element = body
        self._styles = _styles(archive.xml(by_kind["styles"])) if "styles" in by_kind else {}
        numbering = archive.xml(by_kind["numbering"]) if "numbering" in by_kind else None
        self._numbering = _Numbering(_list_levels(numbering) if numbering is not None else {})
        self._notes = [archive.xml(by_kind[kind]) for kind in ("footnotes", "endnotes") if kind in by_kind]
        self._out = TextBuilder()
        self._page = 1
        # Word leaves a mark where each page began when it was last laid out; without them pages are not known.
        self._paged = next(self._body.iter("{*}lastRenderedPageBreak"), None) is not None

    def document(self) -> ParsedDocument:
        if self._paged:
            self._out.page(1)
        self._blocks(self._body, depth=0)
        for notes in self._notes:
            self._out.gap()
            for note in notes:
                if attribute(note, "type") is None:
                    self._out.paragraph(" ".join(_text(paragraph) for paragraph in children(note, "p")))
        self._count_hidden()
        return self._out.build(DOCX, self._title())

    def _count_hidden(self) -> None:
        for paragraph in self._body.iter("{*}p"):
            whole = self._hidden(_value(child(paragraph, "pPr"), "pStyle"))
            for run in paragraph.iter("{*}r"):
                if whole or _is_hidden(child(run, "rPr")):
                    self._out.hide("".join(text.text or "" for text in run.iter("{*}t")))

    def _title(self) -> str | None:
        core = next((name for kind, name in self._archive.relations("").values() if kind == "core-properties"), None)
        if core and core in self._archive:
            return next((title.text for title in self._archive.xml(core).iter("{*}title") if title.text), None)
        return None

    def _blocks(self, parent: Element, depth: int) -> None:
        if depth > _MAX_DEPTH:
            return
        for element in parent:
            name = local(element)
            if name == "p":
                self._paragraph(element, depth)
            elif name == "tbl":
                self._table(element)
            elif name not in _SKIPPED and name != "sectPr":
                self._blocks(element, depth + 1)

    def _paragraph(self, paragraph: Element, depth: int) -> None:
        properties = child(paragraph, "pPr")
        style_id = _value(properties, "pStyle")
        text = one_line(_text(paragraph))
        self._turn_pages(paragraph)
        if text and not self._hidden(style_id):
            level = self._heading_level(properties, style_id)
            label = self._list_label(properties, style_id)
            if level:
                self._out.heading(level, f"{label} {text}" if label and label != "•" else text)
            elif label:
                self._out.line(f"{label} {text}")
            else:
                self._out.paragraph(text)
        for box in _text_boxes(paragraph):
            self._out.gap()
            self._blocks(box, depth + 1)
        for chart in paragraph.iter("{http://schemas.openxmlformats.org/drawingml/2006/chart}chart"):
            _, name = self._relations.get(attribute(chart, "id") or "", ("", ""))
            if name in self._archive:
                add_chart(self._out, self._archive.xml(name))

    def _turn_pages(self, paragraph: Element) -> None:
        breaks = sum(1 for _ in paragraph.iter("{*}lastRenderedPageBreak")) if self._paged else 0
        for _ in range(breaks):
            self._page += 1
            self._out.page(self._page)

    def _table(self, table: Element) -> None:
        rows = _grid(table)
        if len(rows) <= 1 or max(map(len, rows)) <= 1:
            # A table of one row or column is a frame, not a table: its blocks are read as such.
            for cell in (cell for row in _rows(table) for cell in _cells(row)):
                self._out.gap()
                self._blocks(cell, depth=1)
        else:
            add_table(self._out, rows)
        self._turn_pages(table)

    def _style_chain(self, style_id: str | None) -> Iterator[_Style]:
        for _ in range(20):
            style = self._styles.get(style_id or "")
            if style is None:
                return
            yield style
            style_id = style.based_on

    def _heading_level(self, properties: Element | None, style_id: str | None) -> int | None:
        outline = _value(properties, "outlineLvl")
        if outline is not None and outline.isdigit():
            return int(outline) + 1 if int(outline) < _OUTLINE_BODY else None
        for style in self._style_chain(style_id):
            if style.name == "title":
                return 1
            if style.outline is not None:
                return style.outline + 1 if style.outline < _OUTLINE_BODY else None
            if style.name.startswith("heading ") and style.name[8:9].isdigit():
                return int(style.name[8:9])
        return None

    def _list_label(self, properties: Element | None, style_id: str | None) -> str:
        numbering = _numbering_of(properties)
        if numbering is None:
            numbering = next((style.numbering for style in self._style_chain(style_id) if style.numbering), None)
        if numbering is None or numbering[0] == "0":
            return ""
        return self._numbering.label(*numbering)

    def _hidden(self, style_id: str | None) -> bool:
        return any(style.hidden for style in self._style_chain(style_id))


def _text(element: Element, depth: int = 0) -> str:
    """The words of a paragraph as a reader sees them: without deleted or hidden runs, field codes or text boxes."""
    if depth > _MAX_DEPTH:
        return ""
    pieces = []
    for part in element:
        name = local(part)
        if name == "t":
            pieces.append(part.text or "")
        elif name in ("tab", "br", "cr", "ptab"):
            pieces.append(" ")
        elif name in ("noBreakHyphen", "sym"):
            pieces.append("-" if name == "noBreakHyphen" else _symbol(part))
        elif name == "r" and _is_hidden(child(part, "rPr")):
            continue
        elif name in _MATH:
            pieces.append(_formula(part, _MATH[name], depth + 1))
        elif name not in _SKIPPED and name not in ("txbxContent", "drawing", "pict"):
            pieces.append(_text(part, depth + 1))
    return "".join(pieces)


# Formulas on one line: fraction, powers and indices keep the sign that says what they are.
_MATH = {
    "f": (("num", ""), ("den", "/")),
    "sSup": (("e", ""), ("sup", "^")),
    "sSub": (("e", ""), ("sub", "_")),
    "sSubSup": (("e", ""), ("sub", "_"), ("sup", "^")),
}


def _formula(element: Element, parts: tuple[tuple[str, str], ...], depth: int) -> str:
    pieces = []
    for name, sign in parts:
        found = child(element, name)
        text = _text(found, depth).strip() if found is not None else ""
        pieces.append(sign + (f"({text})" if len(text) > 1 and sign else text) if text else "")
    return "".join(pieces)


def _symbol(element: Element) -> str:
    try:
        return chr(int(attribute(element, "char") or "20", 16))
    except (ValueError, OverflowError):
        return ""


def _is_hidden(properties: Element | None) -> bool:
    """Hidden, or white on no background, or a point high: nobody was meant to read it."""
    if properties is None:
        return False
    vanish = child(properties, "vanish")
    if vanish is not None and attribute(vanish, "val") not in ("0", "false", "off"):
        return True
    size = _value(properties, "sz")
    if size is not None and size.isdigit() and int(size) <= 3:
        return True
    white = (_value(properties, "color") or "").lower() == "ffffff"
    return white and child(properties, "shd") is None and child(properties, "highlight") is None


def _text_boxes(paragraph: Element) -> Iterator[Element]:
    for box in paragraph.iter("{*}txbxContent"):
        ancestors = list(box.iterancestors())
        inside = ancestors[: next((i for i, e in enumerate(ancestors) if e is paragraph), 0)]
        # A box is stored twice, for new and for old versions of Word; a box in a box comes with the outer one.
        if not any(local(element) in ("Fallback", "txbxContent") for element in inside):
            yield box


def _rows(table: Element) -> Iterator[Element]:
    for element in table:
        if local(element) == "tr":
            yield element
        elif local(element) in ("sdt", "sdtContent", "ins", "customXml"):
            yield from _rows(element)


def _cells(row: Element) -> Iterator[Element]:
    for element in row:
        if local(element) == "tc":
            yield element
        elif local(element) in ("sdt", "sdtContent", "ins", "customXml"):
            yield from _cells(element)


def _grid(table: Element) -> list[list[str]]:
    """The cells' texts by row and column. A cell merged over columns stands in the first, over rows in each."""
    grid: list[list[str]] = []
    for row in _rows(table):
        above = grid[-1] if grid else []
        texts = [""] * _number(_value(child(row, "trPr"), "gridBefore"), 0)
        for cell in _cells(row):
            properties = child(cell, "tcPr")
            merge = child(properties, "vMerge") if properties is not None else None
            text = _cell_text(cell)
            if merge is not None and attribute(merge, "val") != "restart" and len(texts) < len(above):
                text = text or above[len(texts)]
            texts += [text] + [""] * (_number(_value(properties, "gridSpan"), 1) - 1)
        grid.append(texts)
    return grid


def _number(value: str | None, default: int) -> int:
    return min(int(value), 100) if value is not None and value.isdigit() else default


def _cell_text(cell: Element) -> str:
    return one_line(" ".join(_text(paragraph) for paragraph in cell.iter("{*}p")))


def _value(properties: Element | None, name: str) -> str | None:
    found = child(properties, name) if properties is not None else None
    return attribute(found, "val") if found is not None else None


def _numbering_of(properties: Element | None) -> tuple[str, int] | None:
    found = child(properties, "numPr") if properties is not None else None
    if found is None:
        return None
    level = _value(found, "ilvl") or "0"
    return (_value(found, "numId") or "0", int(level) if level.isdigit() else 0)


def _styles(root: Element) -> dict[str, _Style]:
    styles = {}
    for style in children(root, "style"):
        properties = child(style, "pPr")
        outline = _value(properties, "outlineLvl")
        styles[attribute(style, "styleId") or ""] = _Style(
            name=(_value(style, "name") or "").lower(),
            based_on=_value(style, "basedOn"),
            outline=int(outline) if outline is not None and outline.isdigit() else None,
            numbering=_numbering_of(properties),
            hidden=_is_hidden(child(style, "rPr")),
        )
    return styles


def _list_levels(root: Element) -> dict[str, dict[int, tuple[str, str, int]]]:
    abstract = {
        attribute(element, "abstractNumId"): {
            int(attribute(level, "ilvl") or 0): (
                _value(level, "numFmt") or "decimal",
                _value(level, "lvlText") or "",
                int(_value(level, "start") or 1),
            )
            for level in children(element, "lvl")
        }
        for element in children(root, "abstractNum")
    }
    return {
        attribute(number, "numId") or "": abstract.get(_value(number, "abstractNumId"), {})
        for number in children(root, "num")
    }


def _numeral(kind: str, number: int) -> str:
    if kind in ("lowerLetter", "upperLetter") and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter if kind == "lowerLetter" else letter.upper()
    if kind in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        roman = ""
        for value, digits in _ROMAN:
            roman += digits * (number // value)
            number %= value
        return roman if kind == "lowerRoman" else roman.upper()
    return f"{number:02}" if kind == "decimalZero" else str(number)


_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl")),
    *((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
