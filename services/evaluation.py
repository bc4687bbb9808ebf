"""`footnote eval`: questions over a folder, or a BEIR set, scored by the production code. Knows no wiring."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from retrieval.errors import DocumentError, NotFoundError
from retrieval.evaluation import Question, Scores, read_beir, read_questions
from services.manifest import FILE, read_manifest
from services.per_question import QuestionScore, per_question
from services.scoring import score
from services.wiring.scratch import ScratchAssistant

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The scores, what each question got, and what could not be ingested and why."""

    scores: Scores
    questions: tuple[QuestionScore, ...]
    failures: tuple[str, ...] = ()


def evaluate_folder(
    assistant: ScratchAssistant, corpus: Path, questions: Path, progress: Progress, *, ask: bool = True
) -> Evaluated:
    """Ingest the folder, search with every question and, with `ask`, have it answered.

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
    return _evaluated(assistant, asked, progress, ask=ask, failures=failures)


def evaluate_beir(assistant: ScratchAssistant, folder: Path, split: str, progress: Progress) -> Evaluated:
    """Ingest a BEIR set and search with its queries. Raises NotFoundError, InvalidInputError."""
    data = read_beir(folder, split)
    for done, (identifier, title, text) in enumerate(data.documents, start=1):
        said = {"external_id": identifier, "title": title or None}
        assistant.ingest(text.encode() or title.encode(), f"{identifier}.txt", said)
        progress("Documents", done, len(data.documents))
    return _evaluated(assistant, data.questions, progress, ask=False)


def _evaluated(
    assistant: ScratchAssistant,
    questions: Sequence[Question],
    progress: Progress,
    *,
    ask: bool,
    failures: Sequence[str] = (),
) -> Evaluated:
    told = partial(progress, "Questions")
    scored = asyncio.run(score(questions, assistant.retriever, assistant.answerer if ask else None, told))
    return Evaluated(scored.scores, tuple(per_question(questions, scored)), tuple(failures))


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
