"""Files of every format, cut, spliced and with bits turned: a document or a DocumentError comes out, and no crash."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.errors import DocumentError
from tests.corpus.hostile.build import build
from tests.unit import small_files as make

CORPUS = Path(__file__).parents[1] / "corpus" / "documents"
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "parser_docs"
ROUNDS = 12
SEED = 20260105
Damage = Callable[[random.Random, bytes, bytes], bytes]


def cut(dice: random.Random, content: bytes, _other: bytes) -> bytes:
    return content[: dice.randrange(1, len(content))]


def turned(dice: random.Random, content: bytes, _other: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(dice.randrange(1, 40)):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def spliced(dice: random.Random, content: bytes, other: bytes) -> bytes:
    at, start = dice.randrange(len(content)), dice.randrange(len(other))
    return content[:at] + other[start : start + dice.randrange(1, 2000)] + content[at:]


def zeroed(dice: random.Random, content: bytes, _other: bytes) -> bytes:
    at = dice.randrange(len(content))
    length = dice.randrange(1, 600)
    return content[:at] + bytes(length) + content[at + length :]


DAMAGES: tuple[Damage, ...] = (cut, turned, spliced, zeroed)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One sound file of each format, by suffix."""
    folder = tmp_path_factory.mktemp("seeds")
    made = build(folder)
    paths = [*sorted(CORPUS.iterdir()), make.docx(folder / "a.docx", make.paragraph("Text."))]
    paths += [made[name] for name in ("links.tar", "traversal.zip", "utf16.txt", "formulas.xlsx")]
    if SHARED.exists():
        old = "doc xls ppt msg rtf odt epub org rst tsv json".split()
        paths += [SHARED / "r2r" / f"{suffix}.{suffix}" for suffix in old]
        paths += [*sorted((SHARED / "docling" / "odf" / "sources").glob("*.od[sp]"))]
    return {path.suffix: path.read_bytes() for path in paths if path.stat().st_size < 300_000}


def test_damaged_files_of_every_format_end_in_a_document_or_a_reason(seeds: dict[str, bytes], tmp_path: Path) -> None:
    dice = random.Random(SEED)
    contents = list(seeds.values())
    assert len(seeds) >= 10
    outcomes: dict[str, str] = {}
    with ParseSandbox(ParseLimits(wall_s=30.0, recognition_wall_s=30.0)) as sandbox:
        for suffix, content in seeds.items():
            for number in range(ROUNDS):
                damage = DAMAGES[number % len(DAMAGES)]
                path = tmp_path / f"damaged{suffix}"
                path.write_bytes(damage(dice, content, dice.choice(contents)))
                outcomes[f"{suffix} {number} {damage.__name__}"] = outcome(sandbox, path)
    # A crash is what an exception that nobody expected looks like from outside.
    assert [name for name, code in outcomes.items() if code == "parser_crashed"] == []
    assert {"read", "corrupt"} <= set(outcomes.values())


def outcome(sandbox: ParseSandbox, path: Path) -> str:
    try:
        sandbox.parse(path, path.name)
    except DocumentError as error:
        return error.code
    return "read"
