"""What a Footnote server says of its documents, accounts and state, as typed values.

Knows nothing of how they were asked for. The shapes are those of the server's OpenAPI document. Fields that this
version does not know are kept, so that `model_dump` gives back everything the server said. Answers and their events
are the library's own values, in `retrieval/types.py`. Times are aware UTC.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ingest.problems import UnexpectedAnswerError
from retrieval.types import Page, Usage

T = TypeVar("T")


class Resource(BaseModel):
    """A frozen value as the server sent it."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Document(Resource):
    """A document and the state of its newest version. `sha256` and `size` (bytes) are those of the original of
    `version`; `newest_sha256` is that of the newest version's where it is another one, for those who may edit it.

    `state` is queued, running, ready, failed, quarantined or deleted; `reason` says why it failed. `grants` is None
    for those who may read but not edit, as is `owner`, the uploader's e-mail address.
    """

    id: str
    data_source: str
    external_id: str
    title: str | None = None
    url: str | None = None
    media_type: str | None = None
    version: int | None = None
    state: str
    reason: str | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    stage: str | None = None
    chunks: int | None = None
    grants: tuple[str, ...] | None = None
    owner: str | None = None
    modified_at: datetime | None = None
    ready_at: datetime | None = None
    sha256: str | None = None
    size: int | None = None
    newest_sha256: str | None = None


class LeftOut(Resource):
    """A part of a document that could not be read, and why."""

    part: str
    reason: str


class DocumentName(Resource):
    """What a document is known by to whoever sends it."""

    data_source: str
    external_id: str


class DocumentDetail(Document):
    """A document, with what its text lacks: `hidden_chars` counts characters that nobody would see.

    `superseded_by` is the id of the document that took its place; `supersedes` what its sender said that it replaces,
    None for those who may not edit it.
    """

    left_out: tuple[LeftOut, ...] = ()
    hidden_chars: int = 0
    superseded_by: str | None = None
    supersedes: tuple[DocumentName, ...] | None = None


class Registered(Resource):
    """The answer to an upload. `changed` is False where the server already held the same bytes and grants."""

    id: str
    version: int | None = None
    state: str
    job_id: str | None = None
    changed: bool = Field(default=True, exclude=True)


class DocumentText(Resource):
    """The parsed text of one version; offsets are Unicode code points into `text`."""

    version: int
    text: str
    pages: tuple[Page, ...] = ()


class SearchHit(Resource):
    """A passage: `text` is the document version's text[start:end]; a higher `score` is a better hit."""

    document_id: str
    version: int
    title: str | None = None
    url: str | None = None
    data_source: str
    external_id: str
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    start: int
    end: int
    text: str
    score: float
    modified_at: datetime | None = None
    superseded_by: str | None = None

    @property
    def passage_id(self) -> str:
        """The same for the same passage of the same version, and for no other."""
        return f"{self.document_id}:{self.version}:{self.start}-{self.end}"


class Place(Resource):
    """Where a hit stood: `rank` in the end, the others in each search and before reranking; None: not found there."""

    rank: int
    score: float
    document_id: str
    version: int
    title: str | None = None
    page: int | None = None
    start: int
    end: int
    dense_rank: int | None = None
    dense_score: float | None = None
    sparse_rank: int | None = None
    fused_rank: int | None = None


class Decision(Resource):
    """What was made of the hits: answered where `sufficiency` reached `threshold`; `refusal` is why it was not."""

    outcome: str
    mode: str
    refusal: str | None = None
    sufficiency: float | None = None
    threshold: float | None = None
    prompt_version: str | None = None
    usage: Usage = Usage()
    timings_ms: Mapping[str, float] = Field(default_factory=dict)


class Explanation(Resource):
    """Why a search, or the search behind an answer, found what it found. `timings_ms` are of the search's steps.

    `query` is None where it may repeat words that one may no longer read. `withheld` counts hits that one may no longer
    read, `dropped` candidates that the registry did not let through. `recorded` is False for an older answer.
    """

    recorded: bool = True
    query: str | None = None
    hits: tuple[Place, ...] = ()
    withheld: int = 0
    dropped: int | None = None
    timings_ms: Mapping[str, float] = Field(default_factory=dict)
    answer: Decision | None = None


class SearchResult(Resource):
    """Hits, best first, and the server's time in milliseconds; `explain` where it was asked for."""

    hits: tuple[SearchHit, ...]
    took_ms: float | None = None
    explain: Explanation | None = None


class Me(Resource):
    """The principal behind the key."""

    id: str
    email: str
    name: str | None = None
    is_admin: bool = False
    groups: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class User(Resource):
    """An account. `sign_in_url` is there once, in the answer to its creation, and lets whoever holds it in."""

    id: str
    email: str
    name: str | None = None
    groups: tuple[str, ...] = ()
    is_admin: bool = False
    disabled: bool = False
    created_at: datetime | None = None
    sign_in_url: str | None = Field(default=None, repr=False)


class SignInLink(Resource):
    """A link that signs its holder in once, until `expires_at`."""

    url: str = Field(repr=False)
    expires_at: datetime | None = None


class Group(Resource):
    """A group and how many people belong to it."""

    name: str
    members: int = 0


class ApiKey(Resource):
    """What may be known of a key after its creation: never the key."""

    id: str
    name: str | None = None
    user: str | None = None
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked: bool = False


class NewApiKey(Resource):
    """The only answer that carries the key itself."""

    id: str
    key: str = Field(repr=False)
    name: str | None = None
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None


class Queue(Resource):
    """Jobs waiting (`due` now, `later` at their next attempt) and running; seconds the oldest due one has waited."""

    waiting: int = 0
    due: int | None = None
    later: int | None = None
    running: int = 0
    oldest_waiting_s: float | None = None


class MinuteRate(Resource):
    documents_per_minute: float | None = None
    chunks_per_minute: float | None = None


class Throughput(MinuteRate):
    """What became ready, a minute, over the last five minutes, and over the last one."""

    last_minute: MinuteRate | None = None


class Progress(Resource):
    """How far a running document has come, in chunks; the total is None until it is cut."""

    chunks_done: int = 0
    chunks_total: int | None = None


class StageTime(Resource):
    """What a stage took in the `documents` that became ready last."""

    stage: str
    mean_ms: float
    p95_ms: float
    documents: int = 0


class ReadyTime(Resource):
    """From acceptance until searchable, over the `documents` that became ready last."""

    p50_s: float
    p95_s: float
    documents: int = 0


class RunningDocument(Resource):
    """A document that a worker holds; `kind` is ingest, or what else is done to it."""

    id: str
    title: str | None = None
    kind: str = "ingest"
    stage: str | None = None
    progress: Progress = Progress()
    attempts: int = 1


class Worker(Resource):
    """A worker by what it did: the document it holds (None: none now), and when it last got on."""

    name: str
    document: RunningDocument | None = None
    progress_at: datetime | None = None


class StuckWork(Resource):
    """Work that does not get on, for `since_s` seconds now; `detail` says what to look at."""

    what: str
    since_s: float
    count: int = 0
    detail: str = ""


class Index(Resource):
    """Its size, and what serves it with its version; None where it does not answer."""

    chunks: int | None = None
    engine: str | None = None


class Failure(Resource):
    """A document that is not searchable, and why. `next_attempt_at` is None where nothing will be tried again."""

    id: str
    title: str | None = None
    external_id: str | None = None
    state: str
    reason: str | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None


class SourceAttention(Resource):
    """A data source that somebody should look at: `state` is failed, partly, needs_confirmation or paused."""

    name: str
    connector: str | None = None
    state: str
    reason: str | None = None
    unconfirmed: int = 0


class Status(Resource):
    """The server's state `at` a moment of its own clock: documents by state, the queue and its pace, workers, failures.

    `remaining_s` is None where nothing waits, or nothing says how long it takes.
    """

    at: datetime | None = None
    documents: Mapping[str, int] = Field(default_factory=dict)
    queue: Queue = Queue()
    throughput: Throughput = Throughput()
    remaining_s: float | None = None
    stages: tuple[StageTime, ...] = ()
    ready_time: ReadyTime | None = None
    workers: tuple[Worker, ...] = ()
    progress_at: datetime | None = None
    stuck: tuple[StuckWork, ...] = ()
    index: Index = Index()
    failures: tuple[Failure, ...] = ()
    data_sources: tuple[SourceAttention, ...] = ()
    parts: Mapping[str, Any] = Field(default_factory=dict)
    version: str | None = None


def value_of(cls: type[T], raw: Any) -> T:
    """Decoded JSON as a value of `cls`. UnexpectedAnswerError where it has another form."""
    try:
        value: T = _adapter(cast(Hashable, cls)).validate_python(raw)
    except ValidationError as error:
        places = ", ".join(".".join(str(part) for part in fault["loc"]) or "all of it" for fault in error.errors()[:3])
        raise UnexpectedAnswerError(
            f"The server's {getattr(cls, '__name__', cls)} has a form that this client does not know ({places})."
            " Are both of the same version?"
        ) from error
    return value


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)
