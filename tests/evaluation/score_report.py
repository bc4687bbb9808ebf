"""The table of `docs/evaluation.md`, made of the kept scores. Knows nothing of how they are measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import figures
from tests.evaluation.kept import expected
from tests.evaluation.measured_sets import ROOT, SETS

DOCUMENT = ROOT / "docs" / "evaluation.md"
COMMAND = "python -m tests.evaluation.keep_scores"
_COLUMNS = {
    "nDCG@10": "ndcg_at_10",
    "R@1": "recall_at_1",
    "R@5": "recall_at_5",
    "quote recall": "quote_recall",
    "quote precision": "quote_precision",
    "quote IoU": "quote_iou",
}


def parts(kept: Mapping[str, Any]) -> list[str]:
    """The table of every set that scores are kept for, then their commands."""
    sets = [one for one in SETS.values() if one.name in kept]
    header = ["set", "questions", *_COLUMNS, "published by others"]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for one in sets:
        held = kept[one.name]
        scores = [_figure(held["scores"].get(name)) for name in _COLUMNS.values()]
        lines.append("| " + " | ".join([one.name, str(held["count"]), *scores, one.published]) + " |")
    commands = "\n".join(f"- {one.name}: `{one.command}`" for one in sets)
    return ["\n".join(lines), f"Each row by its command:\n\n{commands}"]


def write(document: Path = DOCUMENT) -> None:
    """Put them into their place in the document."""
    figures.write(document, command=COMMAND, parts=parts(expected()))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
