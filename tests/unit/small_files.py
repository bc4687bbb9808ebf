"""Makes small Office and PDF files for the parsers' tests, from the words that a test cares about."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"


def zipped(path: Path, members: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def relations(*entries: tuple[str, str, str]) -> str:
    """A relations part from (id, kind, target)."""
    inner = "".join(f'<Relationship Id="{i}" Type="{_R}/{kind}" Target="{target}"/>' for i, kind, target in entries)
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )


def docx(path: Path, body: str, *, styles: str = "", numbering: str = "") -> Path:
    """A Word document with the given WordprocessingML inside its body; the prefix is `w:`."""
    return zipped(
        path,
        {
            "_rels/.rels": relations(("r1", "officeDocument", "word/document.xml")),
            "word/_rels/document.xml.rels": relations(
                ("r1", "styles", "styles.xml"), ("r2", "numbering", "numbering.xml")
            ),
            "word/styles.xml": f'<w:styles xmlns:w="{_W}">{styles}</w:styles>',
            "word/numbering.xml": f'<w:numbering xmlns:w="{_W}">{numbering}</w:numbering>',
            "word/document.xml": f'<w:document xmlns:w="{_W}" xmlns:r="{_R}"><w:body>{body}</w:body></w:document>',
        },
    )


def paragraph(text: str, properties: str = "", run: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    cells = ["".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows]
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def pptx(path: Path, slides: Sequence[tuple[str, Sequence[str], str]]) -> Path:
    """A presentation of slides (title, bullets, notes)."""

    def shape(kind: str, texts: Sequence[str]) -> str:
        lines = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in texts)
        holder = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
        return f"<p:sp>{holder}<p:txBody>{lines}</p:txBody></p:sp>"

    def part(root: str, shapes: str) -> str:
        tree = f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld>"
        return f'<p:{root} xmlns:p="{_P}" xmlns:a="{_A}">{tree}</p:{root}>'

    members = {"_rels/.rels": relations(("r1", "officeDocument", "ppt/presentation.xml"))}
    listing = "".join(f'<p:sldId id="{256 + n}" r:id="r{n}"/>' for n in range(len(slides)))
    presentation = f"<p:sldIdLst>{listing}</p:sldIdLst>"
    members["ppt/presentation.xml"] = f'<p:presentation xmlns:p="{_P}" xmlns:r="{_R}">{presentation}</p:presentation>'
    members["ppt/_rels/presentation.xml.rels"] = relations(
        *((f"r{n}", "slide", f"slides/slide{n}.xml") for n in range(len(slides)))
    )
    for number, (title, bullets, notes) in enumerate(slides):
        members[f"ppt/slides/slide{number}.xml"] = part("sld", shape("body", bullets) + shape("title", [title]))
        members[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(
            ("r1", "notesSlide", f"../notesSlides/notes{number}.xml")
        )
        members[f"ppt/notesSlides/notes{number}.xml"] = part("notes", shape("body", [notes] if notes else []))
    return zipped(path, members)


def pdf(path: Path, pages: Sequence[str]) -> Path:
    """A PDF of pages (612 by 792 points) with the given content streams; /F1 is Helvetica, /F2 its bold."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    objects += [f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica{bold} >>" for bold in ("", "-Bold")]
    kids = []
    for content in pages:
        objects.append(f"<< /Length {len(content.encode('latin-1'))} >>\nstream\n{content}\nendstream")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents {len(objects)} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>"
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()
    path.write_bytes(out)
    return path


def line(x: float, y: float, text: str, *, size: float = 11, bold: bool = False, colour: str = "0 g") -> str:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT {colour} /{'F2' if bold else 'F1'} {size} Tf {x} {y} Td ({escaped}) Tj ET\n"


def lines(x: float, y: float, texts: Sequence[str], *, pitch: float = 14) -> str:
    """Lines of a paragraph below each other."""
    return "".join(line(x, y - pitch * number, text) for number, text in enumerate(texts))


def rewritten(path: Path, member: str, old: str, new: str) -> Path:
    """A container with `old` replaced by `new` in one member, where it stands first."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    assert old in members[member]
    return zipped(path, {**members, member: members[member].replace(old, new, 1)})
