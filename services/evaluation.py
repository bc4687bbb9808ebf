"""`footnote eval`: questions over a folder, or a BEIR set, scored by the production code. Knows no wiring."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ingest.connectors.names import shown_id
from retrieval.errors import DocumentError, NotFoundError
from retrieval.evaluation import Question, Scores, read_beir, read_questions
from services.manifest import FILE, read_manifest
from services.per_question import QuestionScore, per_question
from services.scoring import score
from services.wiring.scratch import ScratchAssistant

Progress = Callable[[str, int, int], None]
# What reads it, the name of its file, and fields of Registration.
_Document = tuple[Callable[[], bytes], str, dict[str, Any]]


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
    Raises NotFoundError, InvalidInputError, and DocumentError where not one document could be ingested.
    """
    asked = read_questions(questions)
    documents = list(_manifest(corpus) if (corpus / FILE).is_file() else _files(corpus))
    failures = _ingested(assistant, documents, progress, where=corpus)
    return _evaluated(assistant, asked, progress, ask=ask, failures=failures)


def evaluate_beir(assistant: ScratchAssistant, folder: Path, split: str, progress: Progress) -> Evaluated:
    """Ingest a BEIR set and search with its queries. Raises as `evaluate_folder` does."""
    data = read_beir(folder, split)
    failures = _ingested(assistant, [_beir(*document) for document in data.documents], progress, where=folder)
    return _evaluated(assistant, data.questions, progress, ask=False, failures=failures)


def _ingested(
    assistant: ScratchAssistant, documents: Sequence[_Document], progress: Progress, *, where: Path
) -> list[str]:
    """Bring them in; why some could not be. Where that is all of them, every score would be nought: DocumentError."""
    if not documents:
        raise NotFoundError(f"There is no document in {where}.", code="no_corpus")
    failures = []
    for done, (read, name, said) in enumerate(documents, start=1):
        try:
            assistant.ingest(read(), name, said)
        except DocumentError as error:
            failures.append(error.message)
        progress("Documents", done, len(documents))
    if len(failures) == len(documents):
        raise DocumentError("\n".join(["No document could be ingested:", *failures]), code="nothing_ingested")
    return failures


def _evaluated(
    assistant: ScratchAssistant,
    questions: Sequence[Question],
    progress: Progress,
    *,
    ask: bool,
    failures: Sequence[str],
) -> Evaluated:
    told = partial(progress, "Questions")
    scored = asyncio.run(score(questions, assistant.retriever, assistant.answerer if ask else None, told))
    return Evaluated(scored.scores, tuple(per_question(questions, scored)), tuple(failures))


def _beir(identifier: str, title: str, text: str) -> _Document:
    name = f"{identifier}.txt"
    return partial(_encoded, text or title, name), name, {"external_id": identifier, "title": title or None}


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # half a surrogate pair, which JSON can say
        raise DocumentError(f"{shown_id(name)}: Its text is not valid UTF-8.", code="not_utf8") from error


def _files(corpus: Path) -> Iterator[_Document]:
    if not corpus.is_dir():
        raise NotFoundError(f"There is no folder {corpus}.", code="no_corpus")
    for path in sorted(path for path in corpus.rglob("*") if path.is_file()):
        name = path.relative_to(corpus)
        if not any(part.startswith(".") for part in name.parts):
            yield partial(_content, path), name.as_posix(), {}


def _manifest(corpus: Path) -> Iterator[_Document]:
    for entry in read_manifest(corpus):
        said = asdict(entry)
        yield partial(_content, said.pop("path")), entry.external_id, said


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{shown_id(str(path))}: {error.strerror}", code="unreadable") from error
    except ValueError as error:  # a manifest can name what no file can be called
        raise DocumentError(f"{shown_id(str(path))}: No file has such a name.", code="unreadable") from error
