"""The sets that `make eval` measures on: how `footnote eval` is called for each, and what others publish for it.

`{data}` in the arguments stands for the folder of the public sets, `{made}` for one that `converted.py` writes. Knows
nothing of kept scores.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.evaluation.converted import CONVERTED

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
# The largest set takes ten minutes on 2 quiet cores.
TIMEOUT_SECONDS = 5400


@dataclass(frozen=True, slots=True)
class MeasuredSet:
    """`metric` is what the gate compares by question. `folder` holds the public set, None for our own documents.

    `ours`: its questions may be printed and kept here. `published` are figures of others, and what differs.
    """

    name: str
    arguments: str
    metric: str = "ndcg_at_10"
    folder: str | None = None
    ours: bool = False
    published: str = ""

    @property
    def command(self) -> str:
        """What a person types, from the root of the repository."""
        made = f"python -m tests.evaluation.converted {self.name} DIR && " if "{made}" in self.arguments else ""
        return f"{made}footnote eval {self.arguments.format(data='../shared/data', made='DIR')} --json"

    def missing(self, data: Path) -> str | None:
        """Why it cannot be measured, if so."""
        if self.folder is None or (data / self.folder).is_dir():
            return None
        return f"{self.name} is not measured: there is no folder {self.folder} in {data}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What `footnote eval --json` printed, and what it wrote with `--per-question`."""

    scores: dict[str, Any]
    rows: tuple[dict[str, Any], ...]

    def by_question(self, metric: str) -> dict[str, float]:
        """The metric of each question that measures it, to three places, as it is kept."""
        return {row["identifier"]: round(row[metric], 3) for row in self.rows if metric in row}

    def texts(self) -> Mapping[str, str]:
        """The questions by identifier."""
        return {row["identifier"]: row["question"] for row in self.rows}


def measure(measured: MeasuredSet, data: Path) -> Measured:
    """Run its command. Raises RuntimeError with what the command said where it failed."""
    with tempfile.TemporaryDirectory(prefix="footnote-set-") as folder:
        made, rows = Path(folder) / "made", Path(folder) / "rows.jsonl"
        if "{made}" in measured.arguments:
            CONVERTED[measured.name](data / measured.name, made)
        arguments = [part.format(data=data, made=made) for part in measured.arguments.split()]
        return run_eval([*arguments, "--per-question", str(rows)], rows)


def run_eval(arguments: list[str], rows: Path) -> Measured:
    """`footnote eval` with these arguments, which make it write `rows`. Raises RuntimeError."""
    command = [sys.executable, "-m", "services", "eval", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    lines = rows.read_text(encoding="utf-8").splitlines()
    return Measured(json.loads(done.stdout), tuple(json.loads(line) for line in lines))


SETS = {
    one.name: one
    for one in (
        MeasuredSet("sample_company", "tests/corpus tests/corpus/questions.jsonl", ours=True),
        MeasuredSet(
            "inazuma",
            "{data}/inazuma/policies tests/corpus/inazuma_questions.jsonl",
            folder="inazuma/policies",
            ours=True,
        ),
        MeasuredSet(
            "hotpotqa100",
            "--beir {data}/hotpotqa100",
            folder="hotpotqa100",
            published="R@5: BM25 .755",
        ),
        MeasuredSet(
            "chunking",
            "{made}/documents {made}/questions.jsonl --search-only",
            metric="quote_recall",
            folder="chunking",
            published="recall/precision/IoU at 5 chunks, same model, 5 corpora of which these are 3: TokenText 250/125 "
            ".824/.036/.035, Recursive 250/0 .785/.054/.054, Recursive 200/0 .757/.065/.065, Cluster 200/0 "
            ".752/.072/.072; standard error .018",
        ),
        MeasuredSet("clapnq", "--beir {made}", folder="clapnq"),
        MeasuredSet(
            "mtrag_un",
            "{made}/documents {made}/questions.jsonl --search-only",
            folder="mtrag_un",
            published="nDCG@10 over 366,000 passages, of which these are 1,152, so no rivals: BM25 .31, question "
            "rewritten .39; bge-base .26, rewritten .40",
        ),
        MeasuredSet(
            "scifact",
            "--beir {data}/scifact --split train",
            folder="scifact",
            published="nDCG@10 of the test questions, these being the train ones: all-MiniLM-L6-v2 .645, BM25 .679, "
            "e5-small-v2 .689, bge-small .713, bge-base .741",
        ),
    )
}
