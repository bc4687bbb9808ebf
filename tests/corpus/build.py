"""Writes the binary documents of the sample company from their readable sources: `python -m tests.corpus.build`.

Text formats (.txt, .md, .html, .csv) are their own sources and lie in `documents/` as they were written. The rest is
rendered from `sources/`. The result is committed, so that nothing but the files is needed to use the corpus; a test
holds the committed files to what this script writes.
"""

import csv
from pathlib import Path

from tests.corpus.blocks import read_blocks
from tests.corpus.write_mail import mail
from tests.corpus.write_office import slides, word, workbook
from tests.corpus.write_pdf import pdf

CORPUS = Path(__file__).parent
SOURCES = CORPUS / "sources"
DOCUMENTS = CORPUS / "documents"

PDFS = {
    "travel-and-expenses-policy": "Larkmoor Instruments | FIN-07 | Internal",
    "information-security-policy": "Larkmoor Instruments | SEC-01 | Internal",
    "parental-leave-policy-2026": "Larkmoor Instruments | PPL-05 | Internal",
    "heron-3-datasheet": "Larkmoor Instruments | Heron 3 | MKT-220 rev. F",
}
WORD = (
    "remote-work-policy",
    "parental-leave-policy-2024",
    "salary-bands-2026",
    "product-steering-minutes-2026-09-15",
)
SLIDES = ("quarterly-review-2026-q3",)
WORKBOOKS = {"price-list-2026": "Price list 2026"}
MAILS = ("calibration-bath-decision", "porto-office-move")


def render() -> dict[str, bytes]:
    """File name to content, for every document that has a source of another format."""
    rendered = {f"{name}.pdf": pdf(read_blocks(_source(name)), running_head=head) for name, head in PDFS.items()}
    rendered |= {f"{name}.docx": word(read_blocks(_source(name))) for name in WORD}
    rendered |= {f"{name}.pptx": slides(read_blocks(_source(name))) for name in SLIDES}
    rendered |= {f"{name}.xlsx": workbook(_sheets(name), title=title) for name, title in WORKBOOKS.items()}
    rendered |= {f"{name}.eml": mail(SOURCES / f"{name}.txt") for name in MAILS}
    return rendered


def _source(name: str) -> str:
    return (SOURCES / f"{name}.md").read_text("utf-8")


def _sheets(name: str) -> dict[str, list[list[str]]]:
    """Sheet name to rows. The files are named `<position> <sheet>.csv`."""
    sheets = {}
    for path in sorted((SOURCES / name).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            sheets[path.stem.split(" ", maxsplit=1)[1]] = list(csv.reader(file))
    return sheets


def main() -> None:
    for name, content in render().items():
        (DOCUMENTS / name).write_bytes(content)
        print(f"{len(content):>8}  {name}")


if __name__ == "__main__":
    main()
