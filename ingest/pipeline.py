"""The write path in pieces: cut a file into chunks, embed the chunks of several documents at once, write them, count.

Knows nothing of jobs, leases or threads: `services/worker/shift.py` runs the pieces side by side. What can fail for one
document's sake is tried again for each document alone, so that it fails alone.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from ingest.chunking import CountTokens, chunk
from ingest.parsing import ParsedDocument
from retrieval.embedding import Embedder
from retrieval.errors import DocumentError, UnavailableError
from retrieval.index import ChunkIndex
from retrieval.types import Chunk, Embedding, IndexedChunk

# About a second of embedding on 2 cores, and what a kill costs of a long document.
SLICE = 64
# Documents with more chunks are counted each by itself, the others in one call together.
COUNTED_TOGETHER = 32
R = TypeVar("R")
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """Which version of which document the chunks belong to, and what every one of them carries.

    `title` is what they are embedded under.
    """

    document_id: str
    version: int
    file_name: str
    title: str
    grants: tuple[str, ...]
    data_source: str
    modified_at: datetime | None

    @property
    def key(self) -> Key:
        return self.document_id, self.version


@dataclass(frozen=True, slots=True)
class Cut:
    """A file parsed and cut, with the milliseconds that took."""

    target: Target
    parsed: ParsedDocument
    chunks: tuple[Chunk, ...]
    stages_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of a cut document, and the text that is embedded for it."""

    cut: Cut
    chunk: Chunk
    text: str

    @property
    def key(self) -> Key:
        return self.cut.target.key

    @property
    def is_last(self) -> bool:
        return self.chunk.number + 1 == len(self.cut.chunks)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A piece with its vectors; `reused` where an earlier version had them."""

    piece: Piece
    hash: str
    embedding: Embedding
    reused: bool


@dataclass
class Outcome:
    """What a step did for several documents at once: what came of it, for whom it failed, how long each one took."""

    embedded: list[Embedded] = field(default_factory=list)
    failed: dict[Key, Exception] = field(default_factory=dict)
    shares_ms: dict[Key, float] = field(default_factory=dict)


def cut(target: Target, *, read: Callable[[], ParsedDocument], chunk_tokens: int, count_tokens: CountTokens) -> Cut:
    """Chunk what `read` gives, a file parsed now or its text of before. Raises DocumentError where it will never become
    a document.
    """
    began = time.perf_counter()
    parsed = read()
    parsed_at = time.perf_counter()
    chunks = tuple(chunk(parsed, max_tokens=chunk_tokens, count_tokens=count_tokens))
    if not chunks:
        raise DocumentError("There is no text in this file.", code="no_text")
    took = {"parse": _ms(parsed_at - began), "chunk": _ms(time.perf_counter() - parsed_at)}
    return Cut(target, parsed, chunks, took)


def slices(cuts: Sequence[Cut], done: Mapping[Key, int]) -> Iterator[list[Piece]]:
    """The chunks of all documents in order, SLICE at a time, behind the first `done` of each."""
    rest = (
        Piece(one, part, embedded_text(one.target.title, part))
        for one in cuts
        for part in one.chunks[done.get(one.target.key, 0) :]
    )
    while batch := list(islice(rest, SLICE)):
        yield batch


def embed(
    pieces: Sequence[Piece], *, embedder: Embedder, index: ChunkIndex, stored: Mapping[Key, Mapping[str, str]]
) -> Outcome:
    """Vectors of all pieces: those of `stored` (points by `embedded_hash`) are read, the others are made.

    Raises UnavailableError where the model or the index is down; any other fault is its document's alone.
    """
    hashes = [embedded_hash(piece.text) for piece in pieces]
    began = time.perf_counter()
    points = {hash: stored.get(piece.key, {}).get(hash, "") for piece, hash in zip(pieces, hashes, strict=True)}
    known = index.embeddings([point for point in points.values() if point])
    kept = {hash: known[point] for hash, point in points.items() if point in known}
    new = [piece for piece, hash in zip(pieces, hashes, strict=True) if hash not in kept]
    parts, failed = apart(new, lambda some: _vectors(some, embedder))
    made = {id(piece): vector for part in parts for piece, vector in part}
    took = _shares(began, _lengths(new or pieces))
    outcome = Outcome(failed=failed, shares_ms=took)
    for piece, hash in zip(pieces, hashes, strict=True):
        vector = kept.get(hash) or made.get(id(piece))
        if vector is not None and piece.key not in failed:
            outcome.embedded.append(Embedded(piece, hash, vector, reused=hash in kept))
    return outcome


def write(embedded: Sequence[Embedded], *, index: ChunkIndex) -> Outcome:
    """Write what was embedded. Raises UnavailableError where the index is down, and it is to be tried again."""
    began = time.perf_counter()
    _, failed = apart(embedded, lambda some: index.upsert([_indexed(one) for one in some]))
    shares = _shares(began, Counter(one.piece.key for one in embedded))
    return Outcome([one for one in embedded if one.piece.key not in failed], failed, shares)


def miscounted(cuts: Collection[Cut], *, index: ChunkIndex) -> dict[Key, int]:
    """How many chunks the index holds of those versions of which it does not hold exactly what it should.

    A document's pointer may only be moved to a version that is not among them.
    """
    found: dict[Key, int] = {}
    small = [one.target.key for one in cuts if len(one.chunks) <= COUNTED_TOGETHER]
    found |= index.counts(small) if len(small) > 1 else {key: index.count(*key) for key in small}
    found |= {one.target.key: index.count(*one.target.key) for one in cuts if len(one.chunks) > COUNTED_TOGETHER}
    return {one.target.key: found[one.target.key] for one in cuts if found[one.target.key] != len(one.chunks)}


def embedded_text(title: str, part: Chunk) -> str:
    """What is embedded for a chunk: its words below the title and headings it stands under."""
    path = [title, *(heading for heading in part.heading_path if heading != title)]
    return " > ".join(path) + "\n" + part.text


def embedded_hash(text: str) -> str:
    """What stands for an embedded text in the index."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


P = TypeVar("P", Piece, Embedded)


def apart(pieces: Sequence[P], run: Callable[[Sequence[P]], R]) -> tuple[list[R], dict[Key, Exception]]:
    """Run on all pieces together; where that fails, on each document's alone, and say for which ones it failed.

    An UnavailableError is raised at once: no document is at fault.
    """
    if not pieces:
        return [], {}
    groups: dict[Key, list[P]] = {}
    for one in pieces:
        groups.setdefault(one.key if isinstance(one, Piece) else one.piece.key, []).append(one)
    try:
        return [run(pieces)], {}
    except UnavailableError:
        raise
    except Exception as error:
        if len(groups) == 1:
            return [], dict.fromkeys(groups, error)
    done, failed = [], {}
    for key, group in groups.items():
        try:
            done.append(run(group))
        except UnavailableError:
            raise
        except Exception as error:
            failed[key] = error
    return done, failed


def _vectors(pieces: Sequence[Piece], embedder: Embedder) -> list[tuple[Piece, Embedding]]:
    return list(zip(pieces, embedder.embed_documents([piece.text for piece in pieces]), strict=True))


def _indexed(one: Embedded) -> IndexedChunk:
    piece, target = one.piece, one.piece.cut.target
    return IndexedChunk(
        document_id=target.document_id,
        version=target.version,
        chunk=piece.chunk,
        embedding=one.embedding,
        grants=target.grants,
        data_source=target.data_source,
        media_type=piece.cut.parsed.media_type,
        modified_at=target.modified_at,
        embedded_hash=one.hash,
    )


def _lengths(pieces: Sequence[Piece]) -> Counter[Key]:
    lengths: Counter[Key] = Counter()
    for piece in pieces:
        lengths[piece.key] += len(piece.text)
    return lengths


def _shares(began: float, weights: Counter[Key]) -> dict[Key, float]:
    """The time since `began`, divided among documents by their part in the work."""
    took, whole = time.perf_counter() - began, weights.total()
    return {key: _ms(took * weight / whole) for key, weight in weights.items()} if whole else {}


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
