"""The gate on made-up scores: what fails, and what passes."""

import random

import pytest

from tests.evaluation.gate import difference, fallen, told

QUESTIONS = [str(number) for number in range(200)]


def scores(seed: int = 1) -> dict[str, float]:
    rng = random.Random(seed)
    return {name: round(0.3 + 0.7 * rng.random(), 3) for name in QUESTIONS}


def test_a_drop_of_many_questions_fails() -> None:
    before = scores()
    now = {name: score - 0.3 if int(name) % 8 == 0 else score for name, score in before.items()}
    found = difference(before, now)
    assert found.fell
    assert found.mean == pytest.approx(-0.3 * 25 / 200)
    assert found.low < found.mean < found.high < 0


def test_a_drop_fails_under_gains_that_do_not_make_up_for_it() -> None:
    before = scores()
    now = {name: score + (-0.3 if int(name) % 4 == 0 else 0.02) for name, score in before.items()}
    assert difference(before, now).fell


def test_noise_passes() -> None:
    before = scores()
    for seed in range(20):
        rng = random.Random(seed)
        deltas = [0.2] * 25 + [-0.2] * 25 + [0.0] * 150
        rng.shuffle(deltas)
        now = {name: before[name] + delta for name, delta in zip(QUESTIONS, deltas, strict=True)}
        assert not difference(before, now).fell


def test_one_question_is_no_drop_beyond_noise_however_far_it_falls() -> None:
    before = scores()
    assert not difference(before, before | {"7": 0.0}).fell


def test_a_sure_but_tiny_drop_passes() -> None:
    before = scores()
    found = difference(before, {name: score - 0.002 for name, score in before.items()})
    assert found.high < 0
    assert not found.fell


def test_a_gain_passes() -> None:
    before = scores()
    assert not difference(before, {name: score + 0.1 for name, score in before.items()}).fell


def test_the_same_scores_give_the_same_interval_every_time() -> None:
    before, now = scores(), scores(2)
    assert difference(before, now) == difference(before, now)


def test_other_questions_cannot_be_compared() -> None:
    before = scores()
    with pytest.raises(ValueError, match="not the questions"):
        difference(before, {name: score for name, score in before.items() if name != "3"})
    with pytest.raises(ValueError, match="not the questions"):
        difference({}, {})


def test_the_questions_that_changed_most_come_first_with_their_texts() -> None:
    found = difference({"1": 0.5, "2": 1.0, "3": 0.2}, {"1": 0.6, "2": 0.1, "3": 0.2})
    lines = told("company", "ndcg_at_10", found, {"2": "Who pays?"}).splitlines()
    assert lines[0].endswith("2 questions changed")
    assert lines[1:] == ["  question 2: 1.000 -> 0.100  Who pays?", "  question 1: 0.500 -> 0.600"]


def test_a_long_list_of_changes_is_cut_and_says_so() -> None:
    found = difference(scores(), scores(2))
    assert told("company", "ndcg_at_10", found, {}).splitlines()[-1] == f"  and {len(found.changes) - 10} more"


def test_a_score_below_the_tolerance_or_gone_is_named() -> None:
    expected = {"recall_at_5": 0.9, "abstention": {"f1": 0.7, "recall": 0.8}}
    found = {"recall_at_5": 0.86, "abstention": {"f1": 0.6, "recall": None}}
    assert fallen(found, expected, 0.045) == ["abstention.f1: 0.6, was 0.7", "abstention.recall: None, was 0.8"]
