"""The public sets in memory, cut, embedded and analysed as production does, with exact search in place of the index.

For trying things out: vectors are kept in a folder, so an experiment takes seconds. Everything after the two searches
is the production code. Knows nothing of what is tried.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse

from ingest.chunking import chunk
from ingest.parsing import parse
from ingest.pipeline import embedded_text
from retrieval.dense import DenseModel
from retrieval.evaluation import Question, quoting, ranking, read_beir, read_questions
from retrieval.follow_up import carry_topic
from retrieval.sparse import Bm25, SparseEncoder
from retrieval.types import Candidate, Chunk, DocumentView, Hit, SparseVector
from tests.evaluation.converted import CONVERTED

SETS = ("scifact", "hotpotqa100", "clapnq", "mtrag_un", "chunking")
DEPTH = 100
Scores = npt.NDArray[np.float32]
Document = tuple[str, str, str]  # external id, title, text


@dataclass(frozen=True, slots=True)
class Offline:
    """A set: its chunks with their documents and vectors, and its questions, as asked, with theirs."""

    name: str
    views: list[DocumentView]
    chunks: list[Chunk]
    texts: list[str]
    dense: Scores
    questions: list[Question]
    queries: list[str]
    query_dense: Scores

    def titles(self) -> dict[str, str]:
        """By document id."""
        return {view.document_id: view.title for view in self.views}


def load(name: str, data: Path, model: DenseModel, kept: Path, *, chunk_tokens: int = 200) -> Offline:
    """Read and cut the set, and embed it unless its vectors lie in the folder `kept`."""
    documents, questions = _read(name, data)
    views, chunks = _cut(documents, model, chunk_tokens)
    texts = [embedded_text(view.title, part) for view, part in zip(views, chunks, strict=True)]
    queries = [carry_topic(question.text, question.history) for question in questions]
    file = kept / f"{name}-{chunk_tokens}.npz"
    if not file.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(file, dense=model.encode(texts), query_dense=model.encode(queries))
    with np.load(file) as vectors:
        return Offline(name, views, chunks, texts, vectors["dense"], questions, queries, vectors["query_dense"])


def dense_scores(data: Offline) -> Scores:
    """The cosine of every query and chunk, shape (queries, chunks)."""
    scores: Scores = data.query_dense @ data.dense.T
    return scores


def sparse_scores(data: Offline, encoder: SparseEncoder | None = None, queries: Sequence[str] | None = None) -> Scores:
    """BM25 as the index computes it, of the same shape."""
    encoder = encoder or Bm25()
    places: dict[int, int] = {}
    passages = _matrix([encoder.passage(text) for text in data.texts], places)
    asked = _matrix([encoder.query(query) for query in queries or data.queries], places)
    passages.resize(len(data.texts), len(places))
    held = np.bincount(passages.indices, minlength=len(places))
    rarity = np.log(1 + (len(data.texts) - held + 0.5) / (held + 0.5))
    scores: Scores = (asked.multiply(rarity) @ passages.T).toarray().astype(np.float32)
    return scores


def candidates(data: Offline, dense: Scores, sparse: Scores) -> list[list[Candidate]]:
    """What the two searches bring for each query, not fused."""
    return [_joined(data, dense[row], sparse[row]) for row in range(len(dense))]


def figures(data: Offline, ranked: Sequence[Sequence[Candidate]]) -> dict[str, float]:
    """The set's figures for these candidates, best first: those of passages where its questions name passages."""
    views = {view.document_id: view for view in data.views}
    found = [
        [Hit(rank, c.score, views[c.document_id], c.chunk) for rank, c in enumerate(some, start=1)] for some in ranked
    ]
    measured = (quoting if data.questions[0].quotes else ranking)(data.questions, found)
    return {name: value for name, value in measured.items() if value is not None}


def _read(name: str, data: Path) -> tuple[list[Document], list[Question]]:
    if name not in CONVERTED:
        split = next((data / name / "qrels").glob("*.tsv")).stem
        beir = read_beir(data / name, split)
        return list(beir.documents), list(beir.questions)
    with tempfile.TemporaryDirectory(prefix="footnote-sets-") as made:
        folder = Path(made) / name
        CONVERTED[name](data / name, folder)
        if (folder / "corpus.jsonl").is_file():
            beir = read_beir(folder)
            return list(beir.documents), list(beir.questions)
        questions = [q for q in read_questions(folder / "questions.jsonl") if q.expected or q.quotes]
        manifest = folder / "documents" / "manifest.json"
        entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else []
        said = {entry["file"]: (entry["external_id"], entry["title"] or "") for entry in entries}
        files = sorted(path for path in (folder / "documents").iterdir() if path != manifest)
        return [(*said.get(p.name, (p.name, "")), p.read_text(encoding="utf-8")) for p in files], questions


def _cut(documents: Sequence[Document], model: DenseModel, chunk_tokens: int) -> tuple[list[DocumentView], list[Chunk]]:
    views, chunks = [], []
    with tempfile.TemporaryDirectory(prefix="footnote-sets-") as folder:
        file = Path(folder) / "document.txt"
        for external_id, title, text in documents:
            file.write_text(text or title, encoding="utf-8", newline="")
            parsed = parse(file, external_id if external_id.endswith(".md") else file.name)
            named = title or external_id
            view = DocumentView(external_id, 1, named, None, "evaluation", external_id, parsed.media_type, None)
            parts = chunk(parsed, max_tokens=chunk_tokens, count_tokens=model.count_tokens)
            views += [view] * len(parts)
            chunks += parts
    return views, chunks


def _matrix(vectors: Sequence[SparseVector], places: dict[int, int]) -> scipy.sparse.csr_matrix:
    rows = [row for row, vector in enumerate(vectors) for _ in vector.indices]
    columns = [places.setdefault(index, len(places)) for vector in vectors for index in vector.indices]
    values = [value for vector in vectors for value in vector.values]
    return scipy.sparse.csr_matrix((values, (rows, columns)), shape=(len(vectors), len(places)))


def _joined(data: Offline, dense: Scores, sparse: Scores) -> list[Candidate]:
    by_dense = {int(chunk): rank for rank, chunk in enumerate(_best(dense), start=1)}
    by_sparse = {int(chunk): rank for rank, chunk in enumerate(_best(sparse), start=1) if sparse[chunk] > 0}
    return [
        Candidate(
            document_id=data.views[number].document_id,
            version=1,
            chunk=data.chunks[number],
            dense_rank=by_dense.get(number),
            sparse_rank=by_sparse.get(number),
            dense_score=float(dense[number]) if number in by_dense else None,
            sparse_score=float(sparse[number]) if number in by_sparse else None,
        )
        for number in dict.fromkeys([*by_dense, *by_sparse])
    ]


def _best(scores: Scores) -> npt.NDArray[np.intp]:
    depth = min(DEPTH, len(scores))
    some = np.argpartition(-scores, depth - 1)[:depth]
    order: npt.NDArray[np.intp] = some[np.argsort(-scores[some], kind="stable")]
    return order
