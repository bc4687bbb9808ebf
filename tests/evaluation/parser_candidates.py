"""Other extraction libraries, each as one function from a file to text; run by an interpreter that has them installed.

Reads a JSON list of paths from standard input and writes a JSON line for each: text, seconds, error. Imports nothing of
ours, because it is started by another Python: see `compare_parsers`.
"""

import contextlib
import importlib
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PDF = frozenset({".pdf"})
_HTML = frozenset({".html", ".htm"})


def _module(name: str) -> Any:
    return importlib.import_module(name)


def ours(path: Path) -> str:
    return str(_module("ingest.parsing").parse(path, path.name).text)


def kreuzberg(path: Path) -> str:
    library = _module("kreuzberg")
    return str(library.extract_file_sync(str(path), config=library.ExtractionConfig(use_cache=False)).content)


def markitdown(path: Path) -> str:
    return str(_module("markitdown").MarkItDown().convert(str(path)).text_content)


def unstructured(path: Path) -> str:
    return "\n\n".join(str(part) for part in _module("unstructured.partition.auto").partition(str(path)))


def docling(path: Path) -> str:
    return str(_module("docling.document_converter").DocumentConverter().convert(path).document.export_to_markdown())


def pypdf(path: Path) -> str:
    return "\n".join(page.extract_text() for page in _module("pypdf").PdfReader(path).pages)


def pdfplumber(path: Path) -> str:
    with _module("pdfplumber").open(path) as document:
        return "\n".join(page.extract_text() or "" for page in document.pages)


def pypdfium2(path: Path) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in _module("pypdfium2").PdfDocument(path))


def trafilatura(path: Path) -> str:
    return str(_module("trafilatura").extract(path.read_bytes(), include_tables=True, favor_recall=True) or "")


CANDIDATES: dict[str, tuple[Callable[[Path], str], frozenset[str] | None]] = {
    "ours": (ours, None),
    "kreuzberg": (kreuzberg, None),
    "markitdown": (markitdown, None),
    "unstructured": (unstructured, None),
    "docling": (docling, None),
    "pypdfium2": (pypdfium2, _PDF),
    "pypdf": (pypdf, _PDF),
    "pdfplumber": (pdfplumber, _PDF),
    "trafilatura": (trafilatura, _HTML),
}


def main() -> None:
    read, suffixes = CANDIDATES[sys.argv[1]]
    results = sys.stdout
    for name in json.load(sys.stdin):
        path = Path(name)
        if suffixes is not None and path.suffix.lower() not in suffixes:
            continue
        began = time.perf_counter()
        text, error = "", None
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                text = read(path)
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"[:200]
        line = {"path": name, "text": text, "seconds": time.perf_counter() - began, "error": error}
        results.write(json.dumps(line) + "\n")
        results.flush()


if __name__ == "__main__":
    main()
