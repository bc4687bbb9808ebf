"""The frozen values that travel through the read and the write path.

Knows nothing of where they are stored or how they are shown. Offsets are Unicode code points into a document
version's parsed text, half open, so that `text[start:end]` is always the passage itself. Times are aware UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `grants` are the strings this person holds: `everyone`, `user:<email>`, `group:<name>`.

    `key_id` names the API key that they ask with; None where it is none.
    """

    user_id: str
    email: str
    grants: frozenset[str]
    is_admin: bool = False
    scopes: frozenset[str] = frozenset()
    key_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """What the asker narrows a search to. Empty tuples and None mean "not narrowed". AND-ed with the access filter."""

    data_sources: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    as_of: datetime | None = None


NO_FILTERS = SearchFilters()


@dataclass(frozen=True, slots=True)
class Page:
    """One page, slide or sheet of a document: its number (from 1) and its span in the parsed text."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading found in the parsed text: its level (1 is highest), its words, its span."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A unit of retrieval: `document_text[start:end] == text`, always."""

    number: int
    text: str
    start: int
    end: int
    page: int | None = None
    heading_path: tuple[str, ...] = ()

    def head(self, title: str) -> str:
        """What it stands under, a line each: its document's title and its headings."""
        return "\n".join(filter(None, (title, *self.heading_path)))

    def headed(self, title: str) -> str:
        """All that a search finds it by: its text below what it stands under."""
        return "\n".join(filter(None, (self.head(title), self.text)))


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Token ids with weights, ids ascending and distinct."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Embedding:
    """A text's two vectors: `dense` of the model's dimension, L2-normalised, and `sparse` (BM25 term weights)."""

    dense: tuple[float, ...]
    sparse: SparseVector


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk with its vectors and the payload that the index keeps beside them.

    `embedded_hash` stands for the text that was embedded: a later version with the same text takes its vectors over.
    """

    document_id: str
    version: int
    chunk: Chunk
    embedding: Embedding
    grants: tuple[str, ...]
    data_source: str
    media_type: str
    modified_at: datetime | None
    embedded_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk as the index returned it, before the registry has been asked whether it may be shown.

    `score` is 0 until it is fused. The ranks (from 1) say where each of the two searches placed it and the scores what
    it got there (cosine, BM25); None where that search did not return it.
    """

    document_id: str
    version: int
    chunk: Chunk
    score: float = 0.0
    dense_rank: int | None = None
    sparse_rank: int | None = None
    dense_score: float | None = None
    sparse_score: float | None = None

    def scored(self, score: float) -> "Candidate":
        """The same with this score. Written out, as a search makes some 400 of them."""
        return Candidate(
            self.document_id, self.version, self.chunk, score,
            self.dense_rank, self.sparse_rank, self.dense_score, self.sparse_score,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DocumentView:
    """What the registry says of a document that a principal may read: its active version and its metadata."""

    document_id: str
    version: int
    title: str
    url: str | None
    data_source: str
    external_id: str
    media_type: str
    modified_at: datetime | None
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk that the principal may read, with its document's metadata, its rank (from 1) and score.

    `dense_score` is the cosine to the query and `sparse_score` the BM25 score, None where that search missed it, as is
    its rank there. `fused_rank` is its place among what may be read before it was reranked.
    """

    rank: int
    score: float
    document: DocumentView
    chunk: Chunk
    dense_score: float | None = None
    sparse_score: float | None = None
    dense_rank: int | None = None
    sparse_rank: int | None = None
    fused_rank: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hit stood: `rank` in the end, the others in each search, after fusion and before reranking; all from 1.

    None where that search did not return it. `start:end` is its span in the document version's text.
    """

    rank: int
    score: float
    document_id: str
    version: int
    page: int | None
    start: int
    end: int
    dense_rank: int | None
    dense_score: float | None
    sparse_rank: int | None
    fused_rank: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a search found what it found: `query` as it was searched, every hit's places, what each step took.

    `dropped` counts the candidates that the index gave and the registry did not let through. `sufficiency` is how sure
    the hits hold an answer, in [0, 1], and `threshold` how sure they had to; None where nothing was to be answered.
    `prompt_version` names the words in which a model was asked, None where none was.
    """

    query: str
    hits: tuple[Place, ...] = ()
    dropped: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    sufficiency: float | None = None
    threshold: float | None = None
    prompt_version: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered hit [n] of one answer. `start:end` is the span of `text` in the document version."""

    number: int
    document_id: str
    version: int
    title: str
    url: str | None
    data_source: str
    external_id: str
    page: int | None
    heading_path: tuple[str, ...]
    start: int
    end: int
    text: str
    modified_at: datetime | None
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A marker resolved to a source. `quote` is exactly `document_text[start:end]`; `support` is in [0, 1]."""

    source: int
    document_id: str
    version: int
    start: int
    end: int
    quote: str
    support: float


class SentenceStatus(StrEnum):
    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NO_CLAIM = "no_claim"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One checked sentence; `start:end` is its span in the answer's text."""

    text: str
    start: int
    end: int
    status: SentenceStatus
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Numbers of sources that disagree, and a sentence saying on what."""

    sources: tuple[int, ...]
    note: str


class RefusalReason(StrEnum):
    NO_EVIDENCE = "no_evidence"
    UNCLEAR_QUESTION = "unclear_question"
    MODEL_UNAVAILABLE = "model_unavailable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing the principal may read answers this; `closest` are the nearest passages they may read.

    Of a question that is not clear they are one of each document that may be meant; none where it says nothing.
    """

    reason: RefusalReason
    closest: tuple[Source, ...] = ()


class Outcome(StrEnum):
    ANSWERED = "answered"
    REFUSED = "refused"


class Mode(StrEnum):
    GENERATED = "generated"
    EXTRACTIVE = "extractive"


@dataclass(frozen=True, slots=True)
class Usage:
    llm_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer of one turn. `id` and `conversation_id` are given by whoever stores it.

    `timings_ms` has the keys rewrite, retrieve, rerank, first_text and total.
    """

    id: str
    conversation_id: str
    outcome: Outcome
    mode: Mode
    text: str
    sentences: tuple[Sentence, ...]
    sources: tuple[Source, ...]
    conflicts: tuple[Conflict, ...] = ()
    refusal: Refusal | None = None
    usage: Usage = Usage()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of a conversation: `role` is "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class SourcesFound:
    """First event of an answer: what it may cite."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text, shown while its sentence is still unchecked."""

    delta: str


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """A finished sentence with its verdict."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """Last event of an answer that ended well, with what it was found by: kept beside the answer, never part of it."""

    answer: Answer
    explanation: Explanation | None = None


AnswerEvent = SourcesFound | TextDelta | SentenceChecked | AnswerDone
