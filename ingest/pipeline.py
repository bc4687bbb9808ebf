"""The write path of one document version: parse -> chunk -> embed -> upsert, as one function.

Knows nothing of SQL, leases or Celery. It can be stopped anywhere and called again: ids and chunks are the same every
time, and `done` skips the batches that are in the index already.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from ingest.chunking import chunk
from ingest.parsing import ParsedDocument
from retrieval.embedding import Embedder
from retrieval.errors import DocumentError, IndexUnavailableError
from retrieval.index import ChunkIndex
from retrieval.types import Chunk, IndexedChunk

# The model reads 256 tokens; what the heading path leaves of them.
CHUNK_TOKENS = 200
BATCH = 64


@dataclass(frozen=True, slots=True)
class Target:
    """Which version of which document the chunks belong to, and what every one of them carries."""

    document_id: str
    version: int
    file_name: str
    title: str
    grants: tuple[str, ...]
    data_source: str
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What went into the index, and the milliseconds that each stage took."""

    parsed: ParsedDocument
    chunks: int
    stages_ms: Mapping[str, float]


def ingest(
    original: Path,
    target: Target,
    *,
    parse: Callable[[Path, str], ParsedDocument],
    embedder: Embedder,
    index: ChunkIndex,
    done: int,
    checkpoint: Callable[[int], None],
) -> Ingested:
    """Bring one version's chunks into the index; returns when it holds exactly those.

    `checkpoint(n)` is called when the first n chunks are durable. Raises DocumentError where the file will never become
    a document, IndexUnavailableError where it should be tried again.
    """
    began = time.perf_counter()
    parsed = parse(original, target.file_name)
    parsed_at = time.perf_counter()
    chunks = chunk(parsed, max_tokens=CHUNK_TOKENS, count_tokens=embedder.count_tokens)
    if not chunks:
        raise DocumentError("There is no text in this file.", code="no_text")
    chunked_at = time.perf_counter()
    embedding = 0.0
    for batch in _batches(chunks[done:]):
        before = time.perf_counter()
        vectors = embedder.embed_documents([embedded_text(target.title, part) for part in batch])
        embedding += time.perf_counter() - before
        index.upsert(
            [
                IndexedChunk(
                    document_id=target.document_id,
                    version=target.version,
                    chunk=part,
                    embedding=vector,
                    grants=target.grants,
                    data_source=target.data_source,
                    media_type=parsed.media_type,
                    modified_at=target.modified_at,
                )
                for part, vector in zip(batch, vectors, strict=True)
            ]
        )
        done += len(batch)
        checkpoint(done)
    _check_manifest(index, target, len(chunks), checkpoint)
    stages = {
        "parse": parsed_at - began,
        "chunk": chunked_at - parsed_at,
        "embed": embedding,
        "upsert": time.perf_counter() - chunked_at - embedding,
    }
    return Ingested(parsed, len(chunks), {stage: round(1000 * taken, 1) for stage, taken in stages.items()})


def embedded_text(title: str, part: Chunk) -> str:
    """What is embedded for a chunk: its words below the title and headings it stands under."""
    path = [title, *(heading for heading in part.heading_path if heading != title)]
    return " > ".join(path) + "\n" + part.text


def _check_manifest(index: ChunkIndex, target: Target, expected: int, checkpoint: Callable[[int], None]) -> None:
    """The swap may only happen when the index holds exactly this version's chunks."""
    found = index.count(target.document_id, target.version)
    if found == expected:
        return
    if found > expected:  # left by an earlier release that cut the same text otherwise
        index.delete(target.document_id, target.version)
    checkpoint(0)
    raise IndexUnavailableError(f"The index holds {found} of {expected} passages. They are written again.")


def _batches(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    rest = iter(chunks)
    while batch := list(islice(rest, BATCH)):
        yield batch
