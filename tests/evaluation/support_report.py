"""Measure the support check on the test half of the labelled set: `python -m tests.evaluation.support_report`.

Prints the figures; `--report docs/answers.md` puts them into their section there, `--keep` makes them what `make eval`
compares with, for every third question.
"""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import figures
from tests.evaluation.data_sets import arguments
from tests.evaluation.kept import BASELINES
from tests.evaluation.kept_vectors import KeptVectors
from tests.evaluation.support_figures import (
    Judged,
    area,
    by_question,
    dangling,
    found_at,
    judge,
    measured,
    of_kind,
    quotes,
    share_refused,
)
from tests.evaluation.support_set import KINDS, LEFT_OUT, PARAPHRASE, VERBATIM, Case, cases, left_out

COMMAND = "python -m tests.evaluation.support_report"
EXPECTED = Path(__file__).with_name("expected_support.toml")
BASELINE = BASELINES / "support.json"
# What the check would find if it might refuse more true sentences.
MORE_ALARMS = 0.05
_HEAD = f"""\
# What `{COMMAND} --keep` measured on every third question of the test half. `make eval` compares with it and with the
# scores by question in baselines/support.json, as with the rankings' scores. Keep new ones in the commit that changes
# them. A kind has some 10 to 140 sentences there: the tolerance lets one in ten of the smallest change sides.
"""


def tested(data: Path) -> list[Case]:
    return [case for case in cases(data) if case.test]


def every_third(found: Sequence[Case]) -> list[Case]:
    """The cases of every third question: what a gate has time for."""
    questions = sorted({case.question for case in found})[::3]
    return [case for case in found if case.question in questions]


def expected() -> dict[str, Any]:
    """`tolerance` and `figures`."""
    return tomllib.loads(EXPECTED.read_text(encoding="utf-8"))


def baseline() -> dict[str, float]:
    """The kept score of each question."""
    kept: dict[str, float] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return kept


def keep(judged: Sequence[Judged], tolerance: float) -> None:
    """Put these figures in the place of those that were kept."""
    lines = [f'"{name}" = {value}' for name, value in measured(judged).items()]
    EXPECTED.write_text("\n".join([_HEAD, f"tolerance = {tolerance}", "", "[figures]", *lines, ""]), encoding="utf-8")
    BASELINE.write_text(json.dumps(by_question(judged), indent=0) + "\n", encoding="utf-8")


def parts(judged: Sequence[Judged], unfounded: Sequence[Judged]) -> list[str]:
    """The tables, for people. `unfounded`: sentences that are left out of the set."""
    true, false = [one for one in judged if one.case.true], [one for one in judged if not one.case.true]
    alarms = share_refused(true)
    rows = ["| true sentences | number | called unsupported | of all, by a rule |", "|---|---|---|---|"]
    for name, some in (
        ("verbatim", of_kind(judged, VERBATIM)),
        ("paraphrase", of_kind(judged, PARAPHRASE)),
        ("all", true),
    ):
        rows.append(f"| {name} | {len(some)} | {share_refused(some):.3f} | {_by_rule(some):.3f} |")
    kinds = [
        f"| error | number | found (recall) | of all, by a rule | precision | AUROC | found at {MORE_ALARMS:.0%} |",
        "|---|---|---|---|---|---|---|",
    ]
    last = (("all", false), (LEFT_OUT, list(unfounded)))
    for name, some in (*((kind, of_kind(judged, kind)) for kind in KINDS), *last):
        found = share_refused(some)
        cells = (
            found,
            _by_rule(some),
            found / (found + alarms or 1.0),
            area(true, some),
            found_at(true, some, MORE_ALARMS),
        )
        kinds.append(f"| {name} | {len(some)} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    exact, close = quotes(of_kind(judged, VERBATIM))
    said = (
        f'{len({one.case.question for one in judged})} questions of the test half. Precision is that of "unsupported" '
        "where as many sentences have the error as are true; AUROC is by the support of true sentences and of these. "
        f"The last column is for a threshold that refuses {MORE_ALARMS:.0%} of the true sentences."
    )
    quoted = (
        f"Quotes: of the verbatim sentences {exact:.3f} stand whole in the first quote, which has {close:.3f} of its "
        f"letters from them; {dangling(judged)} citations whose quote is not the source's text at their place."
    )
    return [said, "\n".join(rows), "\n".join(kinds), quoted, f"By `{COMMAND} --report docs/answers.md`."]


def _by_rule(judged: Sequence[Judged]) -> float:
    return sum(one.rules for one in judged) / max(1, len(judged))


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--report", type=Path, help="document that has a place for the figures")
    parser.add_argument("--keep", action="store_true", help="make the figures those that make eval compares with")
    options = parser.parse_args()
    embed = KeptVectors(options.models.parent / "vectors" / "support.npz", options.models)
    found = tested(options.data)
    judged = list(judge(found, embed))
    unfounded = judge([case for case in left_out(options.data) if case.test], embed)
    shown = parts(judged, list(unfounded))
    embed.keep()
    print("\n\n".join(shown))
    if options.report:
        figures.write(options.report, command=COMMAND, parts=shown)
    if options.keep:
        third = {case.name for case in every_third(found)}
        tolerance = expected()["tolerance"] if EXPECTED.is_file() else 0.1
        keep([one for one in judged if one.case.name in third], tolerance)


if __name__ == "__main__":
    main()
