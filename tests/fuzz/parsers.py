"""The parsers' entries, through what production calls: the child's answer, and its reading on the other side.

An input's first byte chooses the name that the file has, so that one target serves a family of formats. Of formats that
are archives a second byte chooses a member of a sound file, and the rest takes its place: what is wrong with a zip is
found before any parser of ours sees the XML in it. Most of these are made well-formed, for the same reason. Knows
nothing of how inputs come about.
"""

import io
import json
import tempfile
import unicodedata
import zipfile
from functools import cache
from itertools import pairwise
from pathlib import Path

from lxml import etree

from ingest.parse_child import _answer, _prose
from ingest.parsing import ParsedDocument
from ingest.sandbox import _CODES, _answered
from retrieval.errors import DocumentError
from tests.fuzz.target import Files, Target
from tests.unit import small_files as make

SEED_BYTES = 48_000
# From this second byte on, what replaces a member is not made well-formed first.
_AS_IT_IS = 192
_MENDING = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
_OPEN = "urn:oasis:names:tc:opendocument:xmlns"
_BODY = "<text:h>Gate</text:h><text:p>It closes at 18:30.</text:p>"
_TABLE = (
    '<table:table table:name="Gates"><table:table-row><table:table-cell office:value-type="string">'
    '<text:p>Gate</text:p></table:table-cell><table:table-cell office:value-type="float" office:value="18">'
    "<text:p>18</text:p>"
    "</table:table-cell></table:table-row></table:table>"
)
_SLIDE = f'<draw:page draw:name="one"><draw:frame><draw:text-box>{_BODY}</draw:text-box></draw:frame></draw:page>'


def family(suffixes: str, *, runs: int, most_bytes: int = 8192) -> Target:
    """Files with these endings, as they are."""
    names = [f"document.{suffix}" for suffix in suffixes.split()]

    def check(content: bytes) -> str:
        return _parsed(content[1:], names[content[0] % len(names)]) if content else "empty"

    def seeds(files: Files) -> list[bytes]:
        suffix = {name.rpartition(".")[2]: number for number, name in enumerate(names)}
        fitting = [(suffix.get(name.rpartition(".")[2]), content) for name, content in files.items()]
        return [bytes([n]) + content for n, content in fitting if n is not None and len(content) < most_bytes]

    return Target(check, seeds, runs, most_bytes)


def members(suffixes: str, *, runs: int) -> Target:
    """Sound files with these endings of which one member is another."""
    chosen = [f"document.{suffix}" for suffix in suffixes.split()]

    def check(content: bytes) -> str:
        if len(content) < 2:
            return "empty"
        name = chosen[content[0] % len(chosen)]
        whole = _archives()[name]
        places = _replaceable(whole)
        member = content[2:] if content[1] >= _AS_IT_IS else _well_formed(content[2:])
        return _parsed(_packed(whole, places[content[1] % len(places)], member), name)

    def seeds(_files: Files) -> list[bytes]:
        return [
            bytes([number, place]) + _archives()[name][member]
            for number, name in enumerate(chosen)
            for place, member in enumerate(_replaceable(_archives()[name]))
        ]

    return Target(check, seeds, runs)


def prose(content: bytes) -> str:
    """Small texts are read several to a process, by a way of their own: it has to come to the same."""
    name = ("document.md", "document.rst", "document.txt")[content[0] % 3] if content else "document.txt"
    path = _file(content[1:])
    alone, together = _answer({"path": str(path), "file_name": name}, -1), _prose(path, name)
    assert together in ({"alone": True}, alone), f"{together} is not {alone}"
    return _outcome(alone)


TARGETS = {
    "prose": Target(prose, family("md rst txt", runs=1).seeds, runs=800),
    "texts": family("adoc org txt md log", runs=800),
    "structured": family("json ipynb jsonl xml boxnote", runs=1500),
    "calendars": family("ics vtt srt", runs=1000),
    "tables": family("csv tsv", runs=800),
    "html": family("html xhtml", runs=400),
    "mail": family("eml p7m", runs=250),
    "rich-text": family("rtf", runs=300),
    "pdf": family("pdf", runs=150, most_bytes=SEED_BYTES),
    "pictures": family("png jpg tiff bmp gif webp", runs=500, most_bytes=SEED_BYTES),
    "archives": family("zip tar gz bz2 xz tgz pages", runs=500, most_bytes=SEED_BYTES),
    "office-files": family("docx pptx xlsx xlsb odt ods odp epub", runs=300, most_bytes=SEED_BYTES),
    "old-office-files": family("doc xls ppt msg", runs=100, most_bytes=2 * SEED_BYTES),
    "word": members("docx", runs=500),
    "slides": members("pptx", runs=500),
    "workbooks": members("xlsx ods", runs=500),
    "open-documents": members("odt odp", runs=500),
    "books": members("epub", runs=500),
    "archive-members": members("zip", runs=500),
}


def _parsed(content: bytes, name: str) -> str:
    return _outcome(_answer({"path": str(_file(content)), "file_name": name}, -1))


def _outcome(answer: dict[str, object]) -> str:
    """Raises what the process on the other side would, and AssertionError where a document breaks its promises."""
    try:
        _hold(_answered(json.dumps(answer, ensure_ascii=False).encode()))
    except DocumentError as error:
        code = error.code
    else:
        return "read"
    assert code in _CODES, code
    return code


def _hold(document: ParsedDocument) -> None:
    """What `ParsedDocument` says of itself."""
    assert unicodedata.is_normalized("NFC", document.text), "the text is not NFC"
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in document.text), "control characters"
    assert all(a.end <= b.start for a, b in pairwise(document.pages)), "pages overlap"
    assert all(a.start <= b.start for a, b in pairwise(document.headings)), "headings do not ascend"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="footnote-fuzz-")


def _file(content: bytes) -> Path:
    path = Path(_folder().name) / "input"
    path.write_bytes(content)
    return path


@cache
def _archives() -> dict[str, dict[str, bytes]]:
    """The members of small sound files, by name."""
    folder = Path(_folder().name)
    body = make.paragraph("Gate", '<w:pStyle w:val="Heading1"/>') + make.table([["Gate", "Hour"], ["North", "18"]])
    styles = '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>'
    corpus = Path(__file__).parents[1] / "corpus" / "documents"
    paths = {
        "docx": make.docx(folder / "a.docx", body, styles=styles),
        "pptx": make.pptx(folder / "a.pptx", [("Gate", ["It closes at 18:30."], "A note.")]),
        "xlsx": corpus / "price-list-2026.xlsx",
        "odt": _open_document(folder / "a.odt", "text", _BODY + _TABLE),
        "ods": _open_document(folder / "a.ods", "spreadsheet", _TABLE),
        "odp": _open_document(folder / "a.odp", "presentation", _SLIDE),
        "epub": _book(folder / "a.epub"),
        "zip": make.zipped(folder / "a.zip", {"a.md": "# Gate", "b.html": "<p>Gate</p>", "c.eml": "From: a\n\nb"}),
    }
    return {f"document.{suffix}": _unpacked(path) for suffix, path in paths.items()}


def _open_document(path: Path, kind: str, body: str) -> Path:
    spaces = " ".join(f'xmlns:{name}="{_OPEN}:{name}:1.0"' for name in ("office", "text", "table"))
    spaces += f' xmlns:draw="{_OPEN}:drawing:1.0"'
    content = f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    return make.zipped(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {spaces}>{content}</office:document-content>",
            "styles.xml": f"<office:document-styles {spaces}/>",
            "meta.xml": f"<office:document-meta {spaces}/>",
        },
    )


def _book(path: Path) -> Path:
    container = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    container += '<rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    package = '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="i" href="a.xhtml" '
    package += 'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="i"/></spine></package>'
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Gate</h1><p>It closes.</p></body></html>'
    return make.zipped(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "a.opf": package,
            "a.xhtml": page,
        },
    )


def _unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _replaceable(whole: dict[str, bytes]) -> list[str]:
    """All but the member by which a file is known for what it is."""
    return [name for name in whole if name != "mimetype"]


def _well_formed(content: bytes) -> bytes:
    """What is left of the XML in it; the same where none is."""
    try:
        root = etree.fromstring(content, _MENDING)
    except etree.XMLSyntaxError:
        return content
    return content if root is None else etree.tostring(root)


def _packed(whole: dict[str, bytes], replaced: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, member in whole.items():
            archive.writestr(name, content if name == replaced else member)
    return out.getvalue()
