"""Makes documents that mean harm, or are simply broken, in a directory of the test's choosing.

They are made when a test asks for them and never committed: a bomb in a repository sets off every scanner. Each is
small on disk and quick to make. Knows nothing of how they ought to be refused; the README lists what each is for.
"""

from collections.abc import Callable
from pathlib import Path

from tests.corpus.hostile import archives, broken, pdfs

_MAKERS: dict[str, Callable[[Path], None]] = {
    "empty.txt": broken.empty,
    "no-pages.pdf": pdfs.no_pages,
    "encrypted.pdf": pdfs.encrypted,
    "truncated.pdf": pdfs.truncated,
    "image.pdf": broken.png,
    "hidden-text.pdf": pdfs.hidden_text,
    "archive.docx": archives.plain_zip,
    "bomb.docx": archives.bomb,
    "laughs.docx": archives.billion_laughs,
    "external-entity.docx": archives.external_entity,
    "traversal.docx": archives.traversal,
    "formulas.xlsx": archives.formulas,
    "program.txt": broken.program,
    "deep.json": broken.deep_json,
    "scripts.html": broken.scripts,
    "nulls.csv": broken.nulls,
    "invalid-utf8.txt": broken.invalid_utf8,
    "utf16.txt": broken.utf16,
    "nested.eml": broken.nested_mail,
}


def build(directory: Path) -> dict[str, Path]:
    """Writes every hostile file into `directory`; file name to path."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = {name: directory / name for name in _MAKERS}
    for name, path in paths.items():
        _MAKERS[name](path)
    return paths
