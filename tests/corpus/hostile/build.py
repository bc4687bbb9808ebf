"""Makes documents that mean harm, or are simply broken, in a directory of the test's choosing.

They are made when a test asks for them and never committed: a bomb in a repository sets off every scanner.
Knows nothing of how they ought to be refused; the README lists what each is for.
"""

from collections.abc import Callable
from pathlib import Path

from tests.corpus.hostile import archives, broken, packed, pdfs, texts

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
    "turning-tree.pdf": pdfs.turning_tree,
    "too-many-pages.pdf": pdfs.too_many_pages,
    "huge-page.pdf": pdfs.huge_page,
    "scripts.pdf": pdfs.scripts,
    "nested.zip": packed.nested,
    "bomb.tar.gz": packed.tar_bomb,
    "traversal.zip": packed.traversal,
    "links.tar": packed.links,
    "locked.zip": packed.locked,
    "truncated.zip": packed.truncated,
    "wrong-checksum.zip": packed.wrong_checksum,
    "only-programs.zip": packed.only_programs,
    "far-cell.xlsx": packed.far_cell,
    "repeated-rows.ods": packed.repeated_rows,
    "deep-tables.docx": packed.deep_tables,
    "locked.xlsx": packed.locked_office,
    "broken.msg": packed.broken_outlook,
    "deep.xml": texts.deep_xml,
    "laughs.xml": texts.laughing_xml,
    "bidi.md": texts.bidi,
    "surrogates.json": texts.lone_surrogates,
    "deep.ipynb": texts.deep_notebook,
    "no-boundary.eml": texts.no_boundary,
    "wrong-encoding.eml": texts.wrong_encoding,
    "quoted-deep.eml": texts.quoted_deep,
    "bomb.png": texts.picture_bomb,
    "broken.jpg": texts.broken_picture,
    "noise.png": texts.noise,
    "endless.ics": texts.endless_calendar,
}

# Bombs that take seconds to make, and files whose text would take minutes to embed.
_COSTLY: dict[str, Callable[[Path], None]] = {
    "stream-bomb.pdf": pdfs.stream_bomb,
    "many-members.zip": packed.many_members,
    "bomb.zip": packed.bomb,
    "bomb.txt.gz": packed.compressed_bomb,
    "overlapping.zip": packed.overlapping,
    "long-line.txt": texts.long_line,
    "deep.html": texts.deep_html,
    "combining.txt": texts.combining,
    "wide.csv": texts.wide_table,
    "open-quote.csv": texts.open_quote,
    "huge-number.json": texts.huge_number,
    "backtracking.md": texts.backtracking,
    "many-parts.eml": texts.many_parts,
    "bomb.eml": texts.mailed_bomb,
    "header-flood.eml": texts.header_flood,
}


def build(directory: Path, *, costly: bool = False) -> dict[str, Path]:
    """Writes the hostile files into `directory`, with `costly` those too that are for parsers alone; name to path."""
    directory.mkdir(parents=True, exist_ok=True)
    makers = {**_MAKERS, **(_COSTLY if costly else {})}
    paths = {name: directory / name for name in makers}
    for name, path in paths.items():
        makers[name](path)
    return paths
