"""Scores by hand-computed examples, and questions files that are right and wrong."""

import asyncio
import json
import math
from pathlib import Path

import pytest

from retrieval.errors import InvalidInputError, NotFoundError
from retrieval.evaluation import (
    Abstention,
    Asked,
    Question,
    Quote,
    Scores,
    abstention,
    citations,
    dangling_markers,
    document_scores,
    evaluate,
    latency,
    quoting,
    ranking,
    read_beir,
    read_questions,
)
from retrieval.types import (
    Answer,
    Chunk,
    Citation,
    DocumentView,
    Hit,
    Mode,
    Outcome,
    Refusal,
    RefusalReason,
    Sentence,
    SentenceStatus,
    Source,
    Turn,
)

CONTRACT_KEYS = [
    "questions",
    "ndcg_at_10",
    "mrr_at_10",
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "recall_at_100",
    "quote_recall",
    "quote_precision",
    "quote_iou",
    "abstention",
    "citation",
    "latency_ms",
]


def hit(rank: int, document: str, start: int = 0, end: int = 10) -> Hit:
    view = DocumentView(document, 1, document, None, "tests", document, "text/plain", None)
    return Hit(rank, 1.0 / rank, view, Chunk(0, "x" * (end - start), start, end))


def source(number: int, document: str) -> Source:
    return Source(number, document, 1, document, None, "tests", document, None, (), 0, 5, "Text.", None)


def answered(*sentences: Sentence, documents: tuple[str, ...] = ("a", "b")) -> Answer:
    sources = tuple(source(number, name) for number, name in enumerate(documents, start=1))
    text = " ".join(sentence.text for sentence in sentences)
    return Answer("i", "c", Outcome.ANSWERED, Mode.EXTRACTIVE, text, sentences, sources)


def sentence(
    text: str, status: SentenceStatus = SentenceStatus.SUPPORTED, *cited: int, quote: str = "Text."
) -> Sentence:
    marks = tuple(Citation(number, "d", 1, 0, len(quote), quote, 1.0) for number in cited)
    return Sentence(text, 0, len(text), status, marks)


REFUSED = Answer("i", "c", Outcome.REFUSED, Mode.EXTRACTIVE, "", (), (), refusal=Refusal(RefusalReason.NO_EVIDENCE))


def test_ranking_is_over_documents_each_where_its_best_passage_stands() -> None:
    questions = [Question("1", "q", expected={"b": 1, "z": 1})]
    found = [[hit(1, "a"), hit(2, "a"), hit(3, "b"), hit(4, "c")]]
    scores = ranking(questions, found)
    assert scores["mrr_at_10"] == pytest.approx(0.5)
    assert scores["recall_at_1"] == 0.0
    assert scores["recall_at_5"] == pytest.approx(0.5)
    assert scores["ndcg_at_10"] == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


def test_ranking_leaves_out_questions_that_name_no_document() -> None:
    questions = [Question("1", "q", expected={"a": 1}), Question("2", "r", answerable=False)]
    assert ranking(questions, [[hit(1, "a")], [hit(1, "b")]])["recall_at_1"] == 1.0
    assert set(ranking(questions[1:], [[hit(1, "b")]]).values()) == {None}


def test_a_question_for_which_nothing_was_found_counts_as_zero() -> None:
    questions = [Question("1", "q", expected={"a": 1}), Question("2", "r", expected={"a": 1})]
    assert ranking(questions, [[hit(1, "a")], []])["recall_at_10"] == pytest.approx(0.5)


def test_document_scores_fall_with_the_rank() -> None:
    assert document_scores([hit(1, "b"), hit(2, "a"), hit(3, "b")]) == {"b": 2.0, "a": 1.0}


def test_quotes_are_compared_by_characters_over_the_first_five_hits() -> None:
    questions = [Question("1", "q", quotes=(Quote("a", 5, 15),))]
    hits = [hit(1, "a", 0, 10), hit(2, "b", 0, 10), *(hit(rank, "c", 0, 0) for rank in (3, 4, 5)), hit(6, "a", 10, 15)]
    scores = quoting(questions, [hits])
    assert scores["quote_recall"] == pytest.approx(5 / 10)
    assert scores["quote_precision"] == pytest.approx(5 / 20)
    assert scores["quote_iou"] == pytest.approx(5 / 25)


def test_overlapping_hits_are_not_counted_twice() -> None:
    questions = [Question("1", "q", quotes=(Quote("a", 0, 10),))]
    assert quoting(questions, [[hit(1, "a", 0, 10), hit(2, "a", 0, 10)]])["quote_precision"] == 1.0


def test_refusals_are_judged_as_a_decision() -> None:
    questions = [Question(str(n), "q", answerable=n < 3) for n in range(5)]
    asked = [
        Asked(answered(), 0.9),
        Asked(answered(), 0.6),
        Asked(REFUSED, 0.3),
        Asked(REFUSED, 0.2),
        Asked(answered(), 0.6),
    ]
    scored = abstention(questions, asked)
    assert scored.precision == pytest.approx(1 / 2)
    assert scored.recall == pytest.approx(1 / 2)
    assert scored.f1 == pytest.approx(1 / 2)
    assert scored.auroc == pytest.approx((2 + 1.5 + 1) / 6)


def test_refusals_cannot_be_judged_without_labels() -> None:
    assert abstention([Question("1", "q")], [Asked(answered())]) == Abstention()
    assert abstention([Question("1", "q", answerable=True)], [Asked(answered(), 0.9)]).auroc is None


def test_citations_are_counted_over_the_answers_given() -> None:
    unsupported = sentence("Two.", SentenceStatus.UNSUPPORTED)
    questions = [Question("1", "q", expected={"a": 1}), Question("2", "r", expected={"a": 1}), Question("3", "s")]
    asked = [
        Asked(answered(sentence("One [1].", SentenceStatus.SUPPORTED, 1), unsupported)),
        Asked(answered(sentence("One [2].", SentenceStatus.SUPPORTED, 2), sentence("Is it?", SentenceStatus.NO_CLAIM))),
        Asked(REFUSED),
    ]
    scored = citations(questions, asked)
    assert scored.dangling == 0
    assert scored.supported_rate == pytest.approx(2 / 3)
    assert scored.expected_document_rate == pytest.approx(1 / 2)


def test_a_marker_or_a_citation_without_a_source_dangles() -> None:
    assert dangling_markers(answered(sentence("One [3].", SentenceStatus.SUPPORTED, 1))) == 1
    assert dangling_markers(answered(sentence("One.", SentenceStatus.SUPPORTED, 9))) == 1


def test_brackets_inside_a_quote_are_the_document_s_own() -> None:
    quoted = sentence("As shown in [12] it holds. [1]", SentenceStatus.SUPPORTED, 1, quote="As shown in [12] it holds.")
    assert dangling_markers(answered(quoted)) == 0


def test_scores_have_the_contract_s_shape_with_null_for_what_was_not_measured() -> None:
    empty = Scores(questions=0).as_json()
    assert list(empty) == CONTRACT_KEYS
    assert list(empty["abstention"]) == ["precision", "recall", "f1", "auroc"]
    assert list(empty["citation"]) == ["dangling", "supported_rate", "expected_document_rate"]
    assert list(empty["latency_ms"]) == ["p50", "p95"]
    flat = [*empty.values(), *empty["abstention"].values(), *empty["citation"].values(), *empty["latency_ms"].values()]
    assert [value for value in flat if not isinstance(value, dict)] == [0, *[None] * 18]
    json.dumps(empty)


def test_latency_is_median_and_95th_percentile() -> None:
    measured = latency([float(n) for n in range(1, 101)])
    assert measured.p50 == pytest.approx(50.5)
    assert measured.p95 == pytest.approx(95.05)


def test_every_question_is_searched_and_asked_once_in_order() -> None:
    questions = [Question(str(n), f"q{n}", answerable=True, expected={"a": 1}) for n in range(3)]
    seen: list[str] = []
    progress: list[tuple[int, int]] = []

    async def search(question: Question) -> list[Hit]:
        seen.append(f"search {question.text}")
        return [hit(1, "a")]

    async def ask(question: Question) -> Asked:
        seen.append(f"ask {question.text}")
        return Asked(answered(sentence("One [1].", SentenceStatus.SUPPORTED, 1)), 0.8)

    scores = asyncio.run(evaluate(questions, search, ask, progress=lambda *step: progress.append(step)))
    assert seen == [f"{step} q{n}" for n in range(3) for step in ("search", "ask")]
    assert progress == [(1, 3), (2, 3), (3, 3)]
    assert (scores.questions, scores.recall_at_1, scores.citation.supported_rate) == (3, 1.0, 1.0)
    assert scores.latency_ms.p50 is not None


def test_without_an_answerer_only_the_search_is_scored() -> None:
    async def search(question: Question) -> list[Hit]:
        return [hit(1, "a")]

    scores = asyncio.run(evaluate([Question("1", "q", expected={"a": 1})], search))
    assert scores.ndcg_at_10 == 1.0
    assert scores.citation.dangling is None


def test_a_questions_file_is_read_in_the_contract_s_form(tmp_path: Path) -> None:
    full = {
        "question": "And of Heron 2?",
        "answerable": True,
        "expected_documents": ["warranty.html"],
        "expected_quotes": [{"document": "warranty.html", "start": 3, "end": 9}],
        "expected_answer": "24 months",
        "history": [{"role": "user", "content": "Warranty of Heron 3?"}],
        "grants": ["group:hr"],
        "kind": "anything more is ignored",
    }
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps(full) + '\n\n{"question": "Only this"}\n', encoding="utf-8")
    first, second = read_questions(path)
    assert first == Question(
        "1",
        "And of Heron 2?",
        answerable=True,
        expected={"warranty.html": 1},
        quotes=(Quote("warranty.html", 3, 9),),
        expected_answer="24 months",
        history=(Turn("user", "Warranty of Heron 3?"),),
        grants=("group:hr",),
    )
    assert second == Question("3", "Only this")


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        '{"question": ""}',
        '{"question": 7}',
        '{"question": "q", "expected_quotes": [{"document": "a"}]}',
        '{"question": "q", "history": ["x"]}',
        '{"question": "q", "expected_documents": 7}',
        '{"question": "q", "expected_documents": "leave.md"}',
        '{"question": "q", "grants": "group:hr"}',
        '{"question": "q", "answerable": "no"}',
        "[" * 100_000,
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "fine"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="Line 2"):
        read_questions(path)


def test_a_line_that_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b'{"question": "fine"}\n' + '{"question": "Wann schließt das Tor?"}\n'.encode("latin-1"))
    with pytest.raises(InvalidInputError, match="Line 2"):
        read_questions(path)


def test_a_missing_or_empty_questions_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_questions(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(InvalidInputError):
        read_questions(tmp_path / "empty.jsonl")


def beir(folder: Path, qrels: str) -> Path:
    (folder / "qrels").mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "title": "T", "text": "x"}\n{"_id": 2, "text": "y"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "one"}\n{"_id": "q2", "text": "unjudged"}\n')
    (folder / "qrels" / "test.tsv").write_text(qrels)
    return folder


def test_a_beir_folder_is_read(tmp_path: Path) -> None:
    data = read_beir(beir(tmp_path, "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\t2\t0\n"))
    assert data.documents == (("d1", "T", "x"), ("2", "", "y"))
    assert data.questions == (Question("q1", "one", expected={"d1": 2}),)


def test_qrels_in_trec_s_four_columns_without_a_header_are_read_too(tmp_path: Path) -> None:
    assert read_beir(beir(tmp_path, "q1\t0\td1\t1\n")).questions[0].expected == {"d1": 1}


def test_wrong_or_missing_qrels_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Line 2"):
        read_beir(beir(tmp_path, "query-id\tcorpus-id\tscore\nq1 d1 1\n"))
    (tmp_path / "qrels" / "train.tsv").write_bytes("Größe\td1\t1\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match=r"train\.tsv"):
        read_beir(tmp_path, "train")
    with pytest.raises(NotFoundError, match=r"dev\.tsv"):
        read_beir(tmp_path, "dev")
