"""`footnote eval`: questions over a folder, or a BEIR set, scored by the production code. Knows no wiring."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.errors import DocumentError, NotFoundError, UnavailableError
from retrieval.evaluation import DEPTH, Asked, Question, Scores, evaluate, read_beir, read_questions
from retrieval.evidence import weigh
from retrieval.follow_up import carry_topic
from retrieval.reading import read
from retrieval.types import AnswerDone, Hit
from services.manifest import FILE, read_manifest
from services.wiring.scratch import ScratchAssistant

Progress = Callable[[str, int, int], None]


def evaluate_folder(
    assistant: ScratchAssistant, corpus: Path, questions: Path, progress: Progress
) -> tuple[Scores, list[str]]:
    """Ingest the folder and ask every question; the scores, and what could not be ingested and why.

    A `manifest.json` in the folder says who may read what, in the form of `tests/corpus`; without one, everyone may.
    Raises NotFoundError, InvalidInputError.
    """
    asked = read_questions(questions)
    documents = _manifest(corpus) if (corpus / FILE).is_file() else _files(corpus)
    failures = []
    for done, (path, name, said) in enumerate(documents, start=1):
        try:
            assistant.ingest(path.read_bytes(), name, said)
        except DocumentError as error:
            failures.append(error.message)
        progress("Documents", done, len(documents))
    return asyncio.run(_scores(assistant, asked, progress, ask=True)), failures


def evaluate_beir(assistant: ScratchAssistant, folder: Path, split: str, progress: Progress) -> Scores:
    """Ingest a BEIR set and search with its queries. Raises NotFoundError, InvalidInputError."""
    data = read_beir(folder, split)
    for done, (identifier, title, text) in enumerate(data.documents, start=1):
        said = {"external_id": identifier, "title": title or None}
        assistant.ingest(text.encode() or title.encode(), f"{identifier}.txt", said)
        progress("Documents", done, len(data.documents))
    return asyncio.run(_scores(assistant, data.questions, progress, ask=False))


async def _scores(
    assistant: ScratchAssistant, questions: Sequence[Question], progress: Progress, *, ask: bool
) -> Scores:
    async def search(question: Question) -> Sequence[Hit]:
        query = carry_topic(question.text, question.history)
        principal = assistant.principal(question.grants)
        return (await asyncio.to_thread(assistant.retriever.retrieve, query, principal, top_k=DEPTH)).hits

    async def answer(question: Question) -> Asked:
        return await _asked(assistant, question)

    told = lambda done, total: progress("Questions", done, total)  # noqa: E731 - a name for one argument
    return await evaluate(questions, search, answer if ask else None, progress=told)


async def _asked(assistant: ScratchAssistant, question: Question) -> Asked:
    """The answer, and the evidence for one: weighed again, because answers do not carry it."""
    principal = assistant.principal(question.grants)
    query = carry_topic(question.text, question.history)
    hits = (await asyncio.to_thread(assistant.retriever.retrieve, query, principal)).hits
    sufficiency = weigh(read(query, hits, assistant.embedder.embed_dense)).sufficiency
    answering = assistant.answerer.answer(
        question.text,
        principal,
        answer_id=str(uuid.uuid4()),
        conversation_id=str(uuid.uuid4()),
        history=question.history,
    )
    async for event in answering:
        if isinstance(event, AnswerDone):
            return Asked(event.answer, sufficiency)
    raise UnavailableError("An answer ended before it was whole.", code="answer_cut")


def _files(corpus: Path) -> list[tuple[Path, str, dict[str, Any]]]:
    if not corpus.is_dir():
        raise NotFoundError(f"There is no folder {corpus}.", code="no_corpus")
    files = sorted(path for path in corpus.rglob("*") if path.is_file() and not path.name.startswith("."))
    return [(path, path.relative_to(corpus).as_posix(), {}) for path in files]


def _manifest(corpus: Path) -> list[tuple[Path, str, dict[str, Any]]]:
    documents = []
    for entry in read_manifest(corpus):
        said = asdict(entry)
        documents.append((said.pop("path"), entry.external_id, said))
    return documents
