"""Scans and pictures through the real Tesseract in the real sandbox; and what is said where there is none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from ingest.parsing import ocr, parse
from ingest.parsing.ocr import Recogniser
from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.errors import DocumentError
from tests.unit import small_files as make

DATASHEET = Path(__file__).parents[1] / "corpus" / "documents" / "heron-3-datasheet.pdf"
DPI = 200
needs_tesseract = pytest.mark.skipif(
    not Recogniser().available, reason="Tesseract is not installed: apt-get install tesseract-ocr tesseract-ocr-deu"
)


@pytest.fixture(scope="module")
def scan() -> Image.Image:
    """The first page of a real document as a scanner gives it: grey, a little askew."""
    document = pypdfium2.PdfDocument(DATASHEET)
    try:
        picture: Image.Image = document[0].render(scale=DPI / 72).to_pil().convert("L")
    finally:
        document.close()
    return picture.rotate(0.6, fillcolor=255)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ParseSandbox]:
    with ParseSandbox(ParseLimits()) as started:
        yield started


@needs_tesseract
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "pdf"])
def test_a_scan_is_read_with_paragraphs_headings_and_rows(
    sandbox: ParseSandbox, scan: Image.Image, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"scan.{suffix}"
    scan.save(path, **({"resolution": DPI} if suffix == "pdf" else {}))  # type: ignore[arg-type]
    document = sandbox.parse(path, path.name)
    assert "Heron 3 measures up to seven water quality parameters at once, unattended, for months." in document.text
    assert "Dissolved oxygen, optical | " in document.text
    assert {"Overview", "Sensor specifications"} <= {heading.title for heading in document.headings}
    assert [(page.number, page.start, page.end) for page in document.pages] == [(1, 0, len(document.text))]
    assert document.recognised == ((0, len(document.text)),)


@needs_tesseract
def test_a_scan_that_lies_on_its_side_is_turned(sandbox: ParseSandbox, scan: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "side.png"
    scan.rotate(90, expand=True).save(path)
    assert "unattended, for months." in sandbox.parse(path, path.name).text


@needs_tesseract
def test_only_the_pages_without_text_are_recognised(sandbox: ParseSandbox, scan: Image.Image, tmp_path: Path) -> None:
    path = mixed(tmp_path, scan)
    document = sandbox.parse(path, path.name)
    first, second = document.pages
    assert document.text[first.start : first.end].strip() == "This page has a text of its own, set in type."
    assert "unattended, for months." in document.text[second.start : second.end]
    assert document.recognised == ((second.start, second.end),)


@needs_tesseract
def test_a_picture_of_nothing_says_so(sandbox: ParseSandbox, tmp_path: Path) -> None:
    Image.new("L", (400, 300), 200).save(tmp_path / "grey.png")
    with pytest.raises(DocumentError, match="No text could be recognised") as caught:
        sandbox.parse(tmp_path / "grey.png", "grey.png")
    assert caught.value.code == "no_text"


@needs_tesseract
def test_recognition_has_a_limit_of_its_own_that_is_kept(scan: Image.Image, tmp_path: Path) -> None:
    # A page takes more than a second. Until recognition begins `wall_s` holds: the file has to be read within it.
    pages: dict[str, Any] = {"save_all": True, "compression": "tiff_deflate"}
    scan.save(tmp_path / "long.tif", append_images=[scan] * 20, **pages)
    with ParseSandbox(ParseLimits(wall_s=4.0, recognition_wall_s=6.0)) as short:
        with pytest.raises(DocumentError, match=r"longer than 6 s") as caught:
            short.parse(tmp_path / "long.tif", "long.tif")
        assert caught.value.code == "parse_limit"
    scan.save(tmp_path / "scan.tif", append_images=[scan] * 7, **pages)
    with ParseSandbox(ParseLimits(wall_s=3.0, recognition_wall_s=120.0)) as long:
        assert len(long.parse(tmp_path / "scan.tif", "scan.tif").pages) == 8


def test_without_tesseract_a_scan_says_what_is_missing(
    scan: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "SEARCH_PATH", str(tmp_path))
    for suffix in ("png", "pdf"):
        path = tmp_path / f"scan.{suffix}"
        scan.save(path)
        with pytest.raises(DocumentError, match=r"Tesseract.*not installed.*apt-get install tesseract-ocr") as caught:
            parse(path, path.name)
        assert caught.value.code == "needs_ocr"


def test_without_tesseract_a_mixed_pdf_is_read_and_names_the_pages_that_are_not(
    scan: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "SEARCH_PATH", str(tmp_path))
    path = mixed(tmp_path, scan)
    document = parse(path, path.name)
    assert document.text == "This page has a text of its own, set in type."
    assert str(document.left_out[0]).startswith("Page(s) 2: They are pictures")
    assert document.recognised == ()


def mixed(folder: Path, scan: Image.Image) -> Path:
    """A PDF of a page with text and a page that is a scan."""
    typed = make.pdf(folder / "typed.pdf", [make.line(72, 700, "This page has a text of its own, set in type.")])
    scan.save(folder / "scanned.pdf", resolution=DPI)
    path = folder / "mixed.pdf"
    with pypdfium2.PdfDocument(typed) as whole, pypdfium2.PdfDocument(folder / "scanned.pdf") as scanned:
        whole.import_pages(scanned)
        whole.save(path)
    return path
