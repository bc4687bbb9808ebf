"""Files of plain text to ingest, made up of a few dozen words, the same for the same folder name."""

import random
from collections.abc import Callable
from pathlib import Path

WORDS = (
    "travel expense policy meeting budget customer contract invoice server incident release database password laptop "
    "holiday payroll supplier warranty product sensor firmware calibration office training safety audit report is are "
    "was of the and for with that this from every some when after before during under over must may should can will"
).split()
PAGE_WORDS = 420


def two_hundred_tokens(folder: Path, count: int) -> list[Path]:
    """Documents of some 237 tokens."""
    return _files(folder, count, lambda chance: _paragraphs(chance, 2, 8))


def tiny(folder: Path, count: int) -> list[Path]:
    """Documents of one sentence."""
    return _files(folder, count, _sentence)


def ten_pages(folder: Path, count: int) -> list[Path]:
    """Documents of ten pages under headings."""
    return _files(folder, count, lambda chance: "\n\n".join(_page(chance, number) for number in range(10)), ".md")


def _page(chance: random.Random, number: int) -> str:
    sentences = PAGE_WORDS // 13
    return f"## Section {number}\n\n" + "\n\n".join(_paragraphs(chance, 1, 6) for _ in range(sentences // 6))


def _paragraphs(chance: random.Random, count: int, sentences: int) -> str:
    return "\n\n".join(" ".join(_sentence(chance) for _ in range(sentences)) for _ in range(count))


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(9, 16))).capitalize() + "."


def _files(folder: Path, count: int, text: Callable[[random.Random], str], suffix: str = ".txt") -> list[Path]:
    folder.mkdir(parents=True)
    files = []
    for number in range(count):
        file = folder / f"{number:06}{suffix}"
        file.write_text(f"{folder.name} {number}. {text(random.Random(f'{folder.name}/{number}'))}", encoding="utf-8")
        files.append(file)
    return files
