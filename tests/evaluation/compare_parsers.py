"""Compares extraction libraries on the public parser documents: files read, characters, time, and words kept.

python -m tests.evaluation.compare_parsers --python /path/to/other/venv/bin/python

The libraries that are only compared are not among our dependencies: install them into another environment (`pip install
'markitdown[docx,pptx,xlsx,xls,pdf,outlook]' 'unstructured[docx,pptx,xlsx,md,epub,odt]' pypdf cryptography pdfplumber
trafilatura kreuzberg pypdfium2`). A candidate that is missing there is left out.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.evaluation.data_sets import arguments
from tests.evaluation.parser_candidates import CANDIDATES
from tests.evaluation.parser_reference import consensus, reference_of, score, sources

_LIMIT_S = 900
_SCRIPT = Path(__file__).with_name("parser_candidates.py")
Words = Counter[str]


@dataclass(frozen=True, slots=True)
class Read:
    """What a candidate made of one file; `error` where it failed."""

    text: str
    seconds: float
    error: str | None


def read_all(name: str, python: str, paths: Sequence[Path]) -> dict[Path, Read]:
    """Every path that the candidate is for, read in a process of its own; nothing where it is not installed."""
    command = [sys.executable, "-m", "tests.evaluation.parser_candidates"] if name == "ours" else [python, str(_SCRIPT)]
    given = json.dumps([str(path) for path in paths])
    try:
        done = subprocess.run(
            [*command, name], input=given, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        output = done.stdout
    except subprocess.TimeoutExpired as late:
        output = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
    found = {}
    for line in output.splitlines():
        row = json.loads(line)
        if (row["error"] or "").startswith("ModuleNotFoundError: No module named 'docling"):
            return {}
        found[Path(row["path"])] = Read(row["text"], row["seconds"], row["error"])
    return found


def references(paths: Sequence[Path], read: Mapping[str, Mapping[Path, Read]]) -> dict[Path, Words]:
    """The data set's own reference of each file, else what most candidates agree on."""
    found: dict[Path, Words] = {}
    for path in paths:
        texts = [one[path].text for one in read.values() if path in one and one[path].text.strip()]
        reference = reference_of(path) or (consensus(texts) if len(texts) > 1 else None)
        if reference:
            found[path] = reference
    return found


def table(paths: Sequence[Path], read: Mapping[str, Mapping[Path, Read]], agreed: Mapping[Path, Words]) -> list[str]:
    """A line for each format and candidate."""
    by_format: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        by_format[path.suffix.lower().lstrip(".") or "-"].append(path)
    lines = ["| format | candidate | read | characters | ms a file | score |", "|---|---|---|---|---|---|"]
    for kind, members in sorted(by_format.items()):
        for name, results in read.items():
            tried = [path for path in members if path in results]
            if not tried:
                continue
            good = [path for path in tried if results[path].text.strip()]
            scored = [score(results[path].text, agreed[path]) for path in tried if path in agreed]
            characters = sum(len(results[path].text) for path in good)
            millis = 1000 * sum(results[path].seconds for path in tried) / len(tried)
            mean = f"{sum(scored) / len(scored):.3f}" if scored else "-"
            lines.append(f"| {kind} | {name} | {len(good)}/{len(tried)} | {characters:,} | {millis:.0f} | {mean} |")
    return lines


def main() -> None:
    parser: argparse.ArgumentParser = arguments(__doc__ or "")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the other libraries")
    parser.add_argument("--only", nargs="*", choices=sorted(CANDIDATES), default=list(CANDIDATES))
    given = parser.parse_args()
    paths = sources(given.data / "parser_docs")
    read = {name: found for name in given.only if (found := read_all(name, given.python, paths))}
    agreed = references(paths, read)
    print("\n".join(table(paths, read, agreed)))
    for name, results in read.items():
        scored = [score(results[path].text, agreed[path]) for path in results if path in agreed]
        print(f"{name}: {sum(scored) / max(1, len(scored)):.3f} over {len(scored)} files", file=sys.stderr)


if __name__ == "__main__":
    main()
