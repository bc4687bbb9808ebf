"""The support check's figures, held: a drop beyond noise fails, and so does a figure below its tolerance.

On every third question of the test half, which takes a minute; the whole is in docs/answers.md.
"""

import random
from pathlib import Path

import pytest

from tests.evaluation import support_report
from tests.evaluation.gate import difference, fallen, told
from tests.evaluation.kept_vectors import KeptVectors
from tests.evaluation.measured_sets import DATA, ROOT
from tests.evaluation.support_changes import CHANGES, mixed
from tests.evaluation.support_figures import by_question, dangling, judge, measured
from tests.evaluation.support_set import KINDS, TRUE, Case, cases


@pytest.fixture(scope="module")
def found() -> list[Case]:
    if missing := [name for name in ("clapnq", "mtrag_un") if not (DATA / name).is_dir()]:
        pytest.skip(f"the support check is not measured: there is no folder {missing[0]} in {DATA}")
    return cases(DATA)


def test_no_figure_falls(
    found: list[Case], model_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = support_report.every_third([case for case in found if case.test])
    judged = list(judge(some, KeptVectors(tmp_path / "none.npz", model_cache)))
    before, kept = support_report.baseline(), support_report.expected()
    change = difference(before, by_question(judged))
    said = told("support", "balanced accuracy", change, {})
    with capsys.disabled():
        print(f"\n{said}", flush=True)
    assert not change.fell, f"A drop beyond noise. {said}"
    assert dangling(judged) == 0
    assert fallen(measured(judged), kept["figures"], kept["tolerance"]) == [], said


def test_the_set_is_made_the_same_every_time_and_no_false_sentence_is_a_true_one(found: list[Case]) -> None:
    assert found == cases(DATA)
    assert {case.kind for case in found} == {*TRUE, *KINDS}
    assert len({case.name for case in found}) == len(found)
    true = {(case.sentence, case.passages) for case in found if case.true}
    assert not [case.name for case in found if not case.true and (case.sentence, case.passages) in true]


def test_no_question_is_in_both_halves(found: list[Case]) -> None:
    assert not {case.question for case in found if case.test} & {case.question for case in found if not case.test}


@pytest.mark.parametrize(
    ("kind", "sentence", "passage"),
    [
        ("number changed", "It takes 12 days.", "It takes 12 days, or 13."),
        ("number of the passage", "It takes 12 days.", "It takes 12 days, or 13."),
        ("date changed", "It began in 1990.", "It began in 1990 and ended in 1991."),
        ("year of the passage", "It began in 1990.", "It began in 1990 and ended in 1991."),
        ("unit changed", "It takes 12 days.", "It takes 12 days."),
        ("name of the passage", "It is led by Ada Lovelace today.", "It is led by Ada Lovelace, not by Grace Hopper."),
        ("negated", "It cannot be sold.", "It cannot be sold."),
        ("quantifier changed", "Pay at least 12 euros.", "Pay at least 12 euros."),
    ],
)
def test_a_change_makes_another_sentence(kind: str, sentence: str, passage: str) -> None:
    changed = CHANGES[kind](sentence, passage, ["Alan Turing"], random.Random(1))
    assert changed is not None
    assert changed != sentence
    assert len(changed.split()) in (len(sentence.split()), len(sentence.split()) + 1)


def test_what_has_nothing_of_a_kind_is_not_changed() -> None:
    assert all(change("Go home now", "Go home now", [], random.Random(1)) is None for change in CHANGES.values())
    assert mixed("Too short", "to be mixed") is None


def test_the_document_has_a_place_for_the_figures() -> None:
    document = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
    assert f"<!-- figures: written by {support_report.COMMAND} -->" in document
