"""The evidence check: what its signals see, and what the dial does."""

import pytest

from retrieval.evidence import Evidence, Strictness, answer_type, closest, hit_signals, weigh
from retrieval.logistic import load_weights
from retrieval.reading import read
from tests.in_memory import WordModel
from tests.unit.test_extractive import hit


def signals(question: str, text: str, **options: str) -> tuple[float, ...]:
    (found,) = hit_signals(read(question, [hit(text, **options)], WordModel().encode))  # type: ignore[arg-type]
    return found.sentence, found.novelty, found.heading, found.missing_facts


def test_without_hits_there_is_no_evidence() -> None:
    evidence = weigh(read("anything", [], WordModel().encode))
    assert evidence.sufficiency == 0.0
    assert not evidence.suffices(Strictness.LENIENT)


def test_a_passage_that_answers_weighs_more_than_one_on_the_same_subject() -> None:
    question = "How many days of annual leave do full-time employees receive?"
    answers = weigh(read(question, [hit("Full-time employees receive 27 days of annual leave.")], WordModel().encode))
    touches = weigh(read(question, [hit("Annual reports are sent to the board.")], WordModel().encode))
    assert answers.sufficiency > 0.8 > touches.sufficiency


def test_words_of_the_title_are_no_news() -> None:
    _, novelty, _, _ = signals(
        "What is the leave policy for Spain?", "The leave policy was written by HR.", title="Leave policy"
    )
    _, fresh, _, _ = signals("What is the leave policy for Spain?", "In Spain it is 30 days.", title="Leave policy")
    assert fresh > novelty


def test_what_the_title_alone_says_is_told_apart() -> None:
    question, text = "What is the leave policy for Spain?", "The policy was written by HR."
    titled, other = (signals(question, text, title=title)[2] for title in ("Leave policy for Spain", "Handbook"))
    assert titled == 1.0
    assert other == 0.0


@pytest.mark.parametrize(
    ("question", "text", "missing"),
    [
        ("When does the Lisbon office open?", "The Porto office opens in May.", 1.0),
        ("What was the cause of INC-1077?", "The cause of INC-1042 was a certificate.", 1.0),
        ("What does a Heron 4 cost?", "A Heron 3 costs 4 euros.", 1.0),
        ("What does a Heron 3 cost?", "Heron 3: 100 euros.", 0.0),
        ("when does the lisbon office open?", "The Porto office opens in May.", 0.0),
    ],
)
def test_a_name_or_a_number_of_the_question_that_is_missing_is_noticed(
    question: str, text: str, missing: float
) -> None:
    assert signals(question, text)[3] == missing


def test_names_in_title_and_headings_are_not_missing() -> None:
    assert signals("When does the Porto office open?", "It opens in May.", title="Porto office")[3] == 0.0


def test_the_dial_goes_from_lenient_to_strict() -> None:
    for sufficiency, allowed in (
        (0.1, []),
        (0.4, ["lenient"]),
        (0.55, ["balanced", "lenient"]),
        (0.9, list(Strictness)),
    ):
        evidence = Evidence(sufficiency, (), ())
        assert [dial.value for dial in Strictness if evidence.suffices(dial)] == allowed


def test_the_closest_hits_are_those_with_most_evidence() -> None:
    hits = [hit("a", rank=rank, name=str(rank)) for rank in (1, 2, 3)]
    evidence = Evidence(0.2, (-2.0, 1.0, 0.0), ())
    assert [found.rank for found in closest(evidence, hits, 2)] == [2, 3]


def test_questions_are_told_apart_by_what_they_ask_for() -> None:
    kinds = {"When is it?": "time", "How long is it?": "amount", "Whose is it?": "person", "Where is it?": "place"}
    assert {question: answer_type(question) for question in kinds} == kinds
    assert answer_type("What is it?") == "other"


def test_weights_made_for_other_signals_are_refused() -> None:
    with pytest.raises(ValueError, match="the code computes"):
        load_weights("evidence", ["something", "else"])
