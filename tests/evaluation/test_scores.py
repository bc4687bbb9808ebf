"""Every set's scores, held: a drop beyond noise fails, and the questions that changed are printed either way.

Deterministic but for the last digits of the embedding runtime on another processor, hence the floor and the tolerance.
"""

import pytest

from tests.evaluation import kept, score_report
from tests.evaluation.gate import difference, fallen, told
from tests.evaluation.measured_sets import DATA, SETS, MeasuredSet, measure

EXPECTED = kept.expected()


@pytest.mark.parametrize("one", SETS.values(), ids=list(SETS))
def test_no_score_falls(one: MeasuredSet, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> None:
    if one.name in pytestconfig.getoption("--without"):
        pytest.skip(f"{one.name} is left out of this run by --without")
    if reason := one.missing(DATA):
        pytest.skip(reason)
    if one.name not in EXPECTED:
        pytest.skip(f"no scores of {one.name} are kept yet: python -m tests.evaluation.keep_scores {one.name}")
    held = EXPECTED[one.name]
    found = measure(one, DATA)
    by_question = difference(kept.baseline(one.name), found.by_question(one.metric))
    said = told(one.name, one.metric, by_question, found.texts() if one.ours else {})
    with capsys.disabled():
        print(f"\n{said}", flush=True)
    assert not by_question.fell, f"A drop beyond noise. {said}"
    assert found.scores["questions"] == held["count"]
    if one.ours:
        assert found.scores["citation"]["dangling"] == 0
        assert fallen(found.scores, held["scores"], EXPECTED["tolerance"]) == [], said


def test_scores_are_kept_by_question_beside_the_command_that_made_them() -> None:
    for name in EXPECTED.keys() - {"tolerance"}:
        one = SETS[name]
        assert EXPECTED[name]["command"] == one.command
        mean = sum(kept.baseline(name).values()) / len(kept.baseline(name))
        assert mean == pytest.approx(EXPECTED[name]["scores"][one.metric], abs=0.001)


def test_the_document_shows_the_kept_scores() -> None:
    document = score_report.DOCUMENT.read_text(encoding="utf-8")
    for part in score_report.parts(EXPECTED):
        assert part in document
