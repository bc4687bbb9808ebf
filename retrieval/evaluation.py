"""How well questions are answered: ranking, quotes, refusals, citations and latency, from a file of questions.

Knows nothing of how searching and answering are done: it is given two functions. Ranking measures come from ir_measures
(trec_eval's definitions), over documents: a document stands where its best passage does. What nothing in the file
measures is None.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from retrieval.errors import InvalidInputError, NotFoundError
from retrieval.types import Answer, Hit, Outcome, SentenceStatus, Turn

# Hits that a question is searched with: recall is measured down to the hundredth.
DEPTH = 100
# Quote figures are over the first hits only, as many as an answer can use.
QUOTE_HITS = 5
_MEASURES = {
    "ndcg_at_10": nDCG @ 10,
    "mrr_at_10": RR @ 10,
    "recall_at_1": R @ 1,
    "recall_at_5": R @ 5,
    "recall_at_10": R @ 10,
    "recall_at_100": R @ 100,
}
_QUOTE_MEASURES = ("quote_recall", "quote_precision", "quote_iou")
_MARKER = re.compile(r"\[(\d{1,4})\]")


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage that answers: `start:end` in the parsed text of the document with this external id."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """A line of a questions file. `expected` maps external ids to relevance (1 where the file only names them)."""

    identifier: str
    text: str
    answerable: bool | None = None
    expected: Mapping[str, int] = field(default_factory=dict)
    quotes: tuple[Quote, ...] = ()
    expected_answer: str | None = None
    history: tuple[Turn, ...] = ()
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, and how sure the evidence check was that there is one (0 to 1, None where unknown)."""

    answer: Answer
    sufficiency: float | None = None


@dataclass(frozen=True, slots=True)
class Abstention:
    """Refusals as a decision: `recall` is the share of the unanswerable questions that are refused."""

    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    auroc: float | None = None


@dataclass(frozen=True, slots=True)
class Citations:
    """`dangling`: markers that name no source. `supported_rate`: of sentences that claim something.

    `expected_document_rate`: of answers to questions whose documents the file names, those that cite one of them.
    """

    dangling: int | None = None
    supported_rate: float | None = None
    expected_document_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds a question, or a search where nothing was asked."""

    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Everything `footnote eval` prints, means over the questions that measure it."""

    questions: int
    ndcg_at_10: float | None = None
    mrr_at_10: float | None = None
    recall_at_1: float | None = None
    recall_at_5: float | None = None
    recall_at_10: float | None = None
    recall_at_100: float | None = None
    quote_recall: float | None = None
    quote_precision: float | None = None
    quote_iou: float | None = None
    abstention: Abstention = field(default_factory=Abstention)
    citation: Citations = field(default_factory=Citations)
    latency_ms: Latency = field(default_factory=Latency)

    def as_json(self) -> dict[str, Any]:
        """The contract's object: numbers rounded to four places, None where nothing measures it."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


Search = Callable[[Question], Awaitable[Sequence[Hit]]]
Ask = Callable[[Question], Awaitable[Asked]]
Progress = Callable[[int, int], None]


async def evaluate(
    questions: Sequence[Question], search: Search, ask: Ask | None = None, *, progress: Progress | None = None
) -> Scores:
    """Search, and with `ask` answer, every question one after the other, and score the lot.

    `search` returns up to DEPTH hits, best first. `progress(done, all)` is called after each question.
    """
    found: list[Sequence[Hit]] = []
    asked: list[Asked] = []
    took: list[float] = []
    for number, question in enumerate(questions, start=1):
        began = time.perf_counter()
        found.append(await search(question))
        if ask is not None:
            began = time.perf_counter()
            asked.append(await ask(question))
        took.append(1000 * (time.perf_counter() - began))
        if progress is not None:
            progress(number, len(questions))
    return Scores(
        questions=len(questions),
        **ranking(questions, found),
        **quoting(questions, found),
        abstention=abstention(questions, asked),
        citation=citations(questions, asked),
        latency_ms=latency(took),
    )


def ranking(questions: Sequence[Question], found: Sequence[Sequence[Hit]]) -> dict[str, float | None]:
    """nDCG, MRR and recall over the questions that name their documents."""
    qrels = {question.identifier: dict(question.expected) for question in questions if question.expected}
    if not qrels:
        return dict.fromkeys(_MEASURES)
    run = {
        question.identifier: document_scores(hits)
        for question, hits in zip(questions, found, strict=True)
        if question.identifier in qrels
    }
    measured = ir_measures.calc_aggregate(list(_MEASURES.values()), qrels, run)
    return {name: float(measured[measure]) for name, measure in _MEASURES.items()}


def ndcg_by_question(questions: Sequence[Question], found: Sequence[Sequence[Hit]]) -> dict[str, float]:
    """nDCG at 10 of each question that names its documents, by its identifier."""
    return {name: row["ndcg_at_10"] for name, row in ranking_by_question(questions, found).items()}


def ranking_by_question(questions: Sequence[Question], found: Sequence[Sequence[Hit]]) -> dict[str, dict[str, float]]:
    """What `ranking` is the mean of: each question that names its documents, by its identifier."""
    pairs = [(question, hits) for question, hits in zip(questions, found, strict=True) if question.expected]
    qrels = {question.identifier: dict(question.expected) for question, _ in pairs}
    run = {question.identifier: document_scores(hits) for question, hits in pairs}
    rows: dict[str, dict[str, float]] = {identifier: {} for identifier in qrels}
    for name, measure in _MEASURES.items() if qrels else ():
        for measured in ir_measures.iter_calc([measure], qrels, run):
            rows[measured.query_id][name] = float(measured.value)
    return rows


def document_scores(hits: Sequence[Hit]) -> dict[str, float]:
    """External ids with falling scores, each where its first hit stands. Scores only order: ties are broken by rank."""
    order = dict.fromkeys(hit.document.external_id for hit in hits)
    return {name: float(len(order) - place) for place, name in enumerate(order)}


def quoting(questions: Sequence[Question], found: Sequence[Sequence[Hit]]) -> dict[str, float | None]:
    """Recall, precision and intersection over union, in characters, of the expected quotes by the first hits."""
    rows = list(quoting_by_question(questions, found).values())
    return {name: float(np.mean([row[name] for row in rows])) if rows else None for name in _QUOTE_MEASURES}


def quoting_by_question(questions: Sequence[Question], found: Sequence[Sequence[Hit]]) -> dict[str, dict[str, float]]:
    """What `quoting` is the mean of: each question that names its quotes, by its identifier."""
    return {
        question.identifier: dict(zip(_QUOTE_MEASURES, _quote_overlap(question.quotes, hits[:QUOTE_HITS]), strict=True))
        for question, hits in zip(questions, found, strict=True)
        if question.quotes
    }


def abstention(questions: Sequence[Question], asked: Sequence[Asked]) -> Abstention:
    """How refusals agree with what the file says is unanswerable; None without both kinds of a thing to compare."""
    judged = [(q.answerable, a) for q, a in zip(questions, asked, strict=False) if q.answerable is not None]
    refused = sum(a.answer.outcome is Outcome.REFUSED for _, a in judged)
    due = sum(not answerable for answerable, _ in judged)
    right = sum(not answerable and a.answer.outcome is Outcome.REFUSED for answerable, a in judged)
    precision = right / refused if refused else None
    recall = right / due if due else None
    f1 = 2 * right / (refused + due) if due else None
    return Abstention(precision, recall, f1, _auroc([(bool(answerable), a.sufficiency) for answerable, a in judged]))


def citations(questions: Sequence[Question], asked: Sequence[Asked]) -> Citations:
    """Citation figures over the answers that were given."""
    if not asked:
        return Citations()
    given = [(q, a.answer) for q, a in zip(questions, asked, strict=True) if a.answer.outcome is Outcome.ANSWERED]
    claims = [s.status for _, answer in given for s in answer.sentences if s.status is not SentenceStatus.NO_CLAIM]
    named = [_cited_documents(answer) & set(question.expected) for question, answer in given if question.expected]
    return Citations(
        dangling=sum(dangling_markers(answer) for _, answer in given),
        supported_rate=sum(s is SentenceStatus.SUPPORTED for s in claims) / len(claims) if claims else None,
        expected_document_rate=sum(bool(both) for both in named) / len(named) if named else None,
    )


def dangling_markers(answer: Answer) -> int:
    """Markers of the answer's text, and citations of its sentences, that name no source of it."""
    known = {source.number for source in answer.sources}
    in_text = [
        int(number) for sentence in answer.sentences for number in _MARKER.findall(_unquoted(answer, sentence.text))
    ]
    cited = [citation.source for sentence in answer.sentences for citation in sentence.citations]
    return sum(number not in known for number in (*in_text, *cited))


def latency(took_ms: Sequence[float]) -> Latency:
    """Median and 95th percentile."""
    if not took_ms:
        return Latency()
    return Latency(float(np.percentile(took_ms, 50)), float(np.percentile(took_ms, 95)))


def read_questions(path: Path) -> list[Question]:
    """Read a questions file. Raises NotFoundError, or InvalidInputError naming the line that is wrong."""
    questions = [_question(number, row, path) for number, row in _json_lines(path)]
    if not questions:
        raise InvalidInputError(f"There is no question in {path}.", code="invalid_questions")
    return questions


@dataclass(frozen=True, slots=True)
class BeirSet:
    """A data set in BEIR's form: `documents` are (id, title, text)."""

    documents: tuple[tuple[str, str, str], ...]
    questions: tuple[Question, ...]


def read_beir(folder: Path, split: str = "test") -> BeirSet:
    """Read corpus.jsonl, queries.jsonl and qrels/<split>.tsv. Raises NotFoundError or InvalidInputError."""
    qrels = _read_qrels(folder / "qrels" / f"{split}.tsv")
    try:
        documents = tuple(
            (str(row["_id"]), str(row.get("title") or ""), str(row["text"] or ""))
            for _, row in _json_lines(folder / "corpus.jsonl")
        )
        texts = {str(row["_id"]): str(row["text"]) for _, row in _json_lines(folder / "queries.jsonl")}
    except KeyError as error:
        raise InvalidInputError(f"A line in {folder} lacks {error}.", code="invalid_questions") from error
    questions = tuple(
        Question(identifier, texts[identifier], expected=expected)
        for identifier, expected in qrels.items()
        if identifier in texts
    )
    return BeirSet(documents, questions)


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not in UTF-8.", code="invalid_questions") from error
    qrels: dict[str, dict[str, int]] = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split("\t")
        if number == 1 and not parts[-1].strip().lstrip("-").isdigit():
            continue  # BEIR's header line
        try:
            query, document, relevance = parts[0], parts[-2], int(parts[-1])
        except (IndexError, ValueError) as error:
            message = f"Line {number} of {path} is not query, document, relevance."
            raise InvalidInputError(message, code="invalid_questions") from error
        if relevance > 0:
            qrels.setdefault(query, {})[document] = relevance
    return qrels


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.")
    with path.open("rb") as lines:  # decoded line by line, so that one that is not in UTF-8 is named too
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode())
            except (ValueError, RecursionError) as error:
                message = f"Line {number} of {path} is not JSON in UTF-8."
                raise InvalidInputError(message, code="invalid_questions") from error
            if not isinstance(row, dict):
                raise InvalidInputError(f"Line {number} of {path} is not an object.", code="invalid_questions")
            yield number, row


def _question(number: int, row: Mapping[str, Any], path: Path) -> Question:
    try:
        text = row["question"]
        if not isinstance(text, str) or not text.strip():
            raise ValueError("an empty question")
        answerable = row.get("answerable")
        if answerable not in (None, True, False):
            raise ValueError("answerable is neither true nor false")
        return Question(
            identifier=str(number),
            text=text,
            answerable=None if answerable is None else bool(answerable),
            expected=dict.fromkeys((str(name) for name in _list(row, "expected_documents")), 1),
            quotes=tuple(
                Quote(str(quote["document"]), int(quote["start"]), int(quote["end"]))
                for quote in _list(row, "expected_quotes")
            ),
            expected_answer=row.get("expected_answer"),
            history=tuple(Turn(str(turn["role"]), str(turn["content"])) for turn in _list(row, "history")),
            grants=tuple(str(grant) for grant in _list(row, "grants")),
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"Line {number} of {path} is not a question in the form of the questions file: {error}."
        raise InvalidInputError(message, code="invalid_questions") from error


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    """ValueError for anything else: a text would be taken for the list of its letters."""
    value = row.get(name) or []
    if not isinstance(value, list):
        raise ValueError(f"{name} is not a list")
    return value


def _quote_overlap(quotes: Sequence[Quote], hits: Sequence[Hit]) -> tuple[float, float, float]:
    expected = {(quote.document, place) for quote in quotes for place in range(quote.start, quote.end)}
    found = {(hit.document.external_id, place) for hit in hits for place in range(hit.chunk.start, hit.chunk.end)}
    both = len(expected & found)
    return both / max(1, len(expected)), both / max(1, len(found)), both / max(1, len(expected | found))


def _cited_documents(answer: Answer) -> set[str]:
    names = {source.number: source.external_id for source in answer.sources}
    return {names.get(citation.source, "") for sentence in answer.sentences for citation in sentence.citations}


def _unquoted(answer: Answer, text: str) -> str:
    """`text` without the words of its own quotes: a document may have "[12]" in it, which is no marker of ours."""
    for sentence in answer.sentences:
        for citation in sentence.citations:
            text = text.replace(citation.quote, "")
    return text


def _auroc(judged: Sequence[tuple[bool, float | None]]) -> float | None:
    """Probability that an answerable question is given more sufficiency than an unanswerable one; ties count half."""
    yes = np.array([score for answerable, score in judged if answerable and score is not None])
    no = np.array([score for answerable, score in judged if not answerable and score is not None])
    if not len(yes) or not len(no):
        return None
    return float(((yes[:, None] > no).sum() + 0.5 * (yes[:, None] == no).sum()) / (len(yes) * len(no)))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value
