"""`footnote eval`: questions over a folder, or a BEIR set, scored by the production code. Knows no wiring."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from retrieval.errors import DocumentError, NotFoundError
from retrieval.evaluation import Question, Scores, read_beir, read_questions
from services.manifest import FILE, read_manifest
from services.scoring import score
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
    return _scores(assistant, asked, progress, ask=True), failures


def evaluate_beir(assistant: ScratchAssistant, folder: Path, split: str, progress: Progress) -> Scores:
    """Ingest a BEIR set and search with its queries. Raises NotFoundError, InvalidInputError."""
    data = read_beir(folder, split)
    for done, (identifier, title, text) in enumerate(data.documents, start=1):
        said = {"external_id": identifier, "title": title or None}
        assistant.ingest(text.encode() or title.encode(), f"{identifier}.txt", said)
        progress("Documents", done, len(data.documents))
    return _scores(assistant, data.questions, progress, ask=False)


def _scores(assistant: ScratchAssistant, questions: Sequence[Question], progress: Progress, *, ask: bool) -> Scores:
    told = partial(progress, "Questions")
    return asyncio.run(score(questions, assistant.retriever, assistant.answerer if ask else None, told))[0]


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
