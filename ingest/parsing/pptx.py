"""PowerPoint presentations (OOXML): slides in order with titles, bullets, tables, charts and speaker notes.

A slide is a page. Its placeholders are read title first and then from top to bottom, as they are seen. Knows nothing
of other formats.
"""

from collections.abc import Iterator

from ingest.parsing.archive import Archive, Element, attribute, child, children, local
from ingest.parsing.charts import add_chart
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.media_types import PPTX
from ingest.parsing.original import Original
from ingest.parsing.rows import add_table
from retrieval.errors import DocumentError

_TITLES = ("title", "ctrTitle")
_FURNITURE = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}chart"
_MAX_DEPTH = 60
_FAR = 1 << 40


def parse_pptx(original: Original) -> ParsedDocument:
    """Raises DocumentError: `corrupt`, `no_text`, `encrypted`, `parse_limit`."""
    with Archive(original) as archive:
        package = dict(archive.relations("").values())
        main = package.get("officeDocument", "ppt/presentation.xml")
        relations = archive.relations(main)
        presentation = archive.xml(main)
        listing = child(presentation, "sldIdLst")
        if listing is None:
            raise DocumentError("The presentation has no slides.", code="no_text")
        extent = child(presentation, "sldSz")
        size = (_coordinate(extent, "cx"), _coordinate(extent, "cy")) if extent is not None else (_FAR, _FAR)
        out = TextBuilder()
        for number, entry in enumerate(children(listing, "sldId"), 1):
            out.page(number)
            _, name = relations.get(_relation_id(entry), ("", ""))
            if name in archive:
                _slide(archive, name, size, out)
        core = package.get("core-properties", "")
        titles = archive.xml(core).iter("{*}title") if core in archive else iter(())
        return out.build(PPTX, next((title.text for title in titles if title.text), None))


def _relation_id(entry: Element) -> str:
    # `id` is the slide's number, `r:id` names the part.
    return next((str(value) for key, value in entry.items() if key.endswith("}id")), "")


def _slide(archive: Archive, name: str, size: tuple[int, int], out: TextBuilder) -> None:
    root = archive.xml(name)
    if attribute(root, "show") in ("0", "false"):
        out.hide(_words(root))
        return
    relations = archive.relations(name)
    shapes = []
    for placed in _shapes(child(root, "cSld", "spTree"), 0):
        if _is_off_slide(placed[1], size):
            out.hide(_words(placed[1]))
        else:
            shapes.append(placed)
    title = next((shape for _, shape in shapes if _placeholder(shape) in _TITLES), None)
    if title is not None:
        out.heading(1, " ".join(_paragraph(p) for p in title.iter("{*}p")))
    for _, shape in sorted(shapes, key=lambda placed: placed[0]):
        if shape is not title:
            out.gap()
            _shape(archive, relations, shape, out)
    notes = next((target for kind, target in relations.values() if kind == "notesSlide"), "")
    if notes in archive:
        _notes(archive.xml(notes), out)


def _shapes(tree: Element | None, depth: int) -> Iterator[tuple[tuple[int, int], Element]]:
    """The shapes of a slide with where they stand: (top, left), in English Metric Units.

    Placeholders that take their place from the layout come first, in their order; rows of shapes are told apart by
    half-inch bands, so that boxes side by side are read from left to right.
    """
    if tree is None or depth > _MAX_DEPTH:
        return
    for shape in tree:
        kind = local(shape)
        if kind == "grpSp":
            members = list(_shapes(shape, depth + 1))
            place = min((where for where, _ in members), default=(_FAR, 0))
            yield from ((place, member) for _, member in sorted(members, key=lambda placed: placed[0]))
        elif kind == "AlternateContent":
            yield from _shapes(child(shape, "Choice"), depth + 1)
        elif kind in ("sp", "graphicFrame") and _placeholder(shape) not in _FURNITURE:
            offset = next(shape.iter("{*}off"), None)
            top, left = (_coordinate(offset, "y"), _coordinate(offset, "x")) if offset is not None else (-1, 0)
            yield (top // 457_200 if top >= 0 else -1, left), shape


def _is_off_slide(shape: Element, size: tuple[int, int]) -> bool:
    """Whether a shape of the slide itself (those in a group are placed within it) lies wholly beside the slide."""
    offset, extent = next(shape.iter("{*}off"), None), next(shape.iter("{*}ext"), None)
    if offset is None or extent is None or local(shape.getparent()) != "spTree":
        return False
    left, top = _coordinate(offset, "x"), _coordinate(offset, "y")
    right, bottom = left + _coordinate(extent, "cx"), top + _coordinate(extent, "cy")
    return right <= 0 or bottom <= 0 or left >= size[0] or top >= size[1]


def _words(element: Element) -> str:
    return " ".join(
        text.text or "" for text in element.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}t")
    )


def _coordinate(offset: Element, name: str) -> int:
    try:
        return int(offset.get(name) or 0)
    except ValueError:
        return 0


def _placeholder(shape: Element) -> str | None:
    """The kind of placeholder a shape fills: "body" where none is said, None if it is a shape of its own."""
    for properties in shape:
        if local(properties).startswith("nv"):
            found = child(properties, "nvPr", "ph")
            return None if found is None else (found.get("type") or "body")
    return None


def _shape(archive: Archive, relations: dict[str, tuple[str, str]], shape: Element, out: TextBuilder) -> None:
    table = next(shape.iter("{*}tbl"), None)
    if table is not None:
        add_table(out, _grid(table))
        return
    for chart in shape.iter(_CHART):
        _, name = relations.get(attribute(chart, "id") or "", ("", ""))
        if name in archive:
            add_chart(out, archive.xml(name))
    paragraphs = [p for body in shape.iter("{*}txBody") for p in children(body, "p")]
    texts = [text for text in (_paragraph(paragraph) for paragraph in paragraphs) if text]
    for text in texts:
        if len(texts) == 1:
            out.paragraph(text)
        else:
            out.line(text)


def _grid(table: Element) -> list[list[str]]:
    """The cells' texts by row and column. A cell merged over columns stands in the first, over rows in each."""
    grid: list[list[str]] = []
    for row in children(table, "tr"):
        texts: list[str] = []
        for cell in children(row, "tc"):
            above = grid[-1][len(texts)] if grid and len(texts) < len(grid[-1]) else ""
            text = " ".join(_paragraph(p) for p in cell.iter("{*}p"))
            texts.append(text or (above if cell.get("vMerge") in ("1", "true") else ""))
        grid.append(texts)
    return grid


def _paragraph(paragraph: Element) -> str:
    pieces = []
    for part in paragraph:
        if local(part) in ("r", "fld"):
            text = child(part, "t")
            pieces.append(text.text or "" if text is not None else "")
        elif local(part) == "br":
            pieces.append(" ")
        elif local(part) == "AlternateContent":
            pieces += [text.text or "" for text in part.iter("{*}t")]
    return one_line("".join(pieces))


def _notes(root: Element, out: TextBuilder) -> None:
    for _, shape in _shapes(child(root, "cSld", "spTree"), 0):
        if _placeholder(shape) == "body":
            text = " ".join(filter(None, (_paragraph(p) for p in shape.iter("{*}p"))))
            if text:
                out.gap()
                out.paragraph(f"Speaker notes: {text}")
