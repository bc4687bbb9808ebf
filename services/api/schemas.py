"""The shapes of requests and answers on the wire, as the contract fixes them. Knows nothing of how they come about."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

T = TypeVar("T")
# RFC 3339's full date, with its time where there is one, whose seconds may be missing; without an offset it is in UTC.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)


def _written(moment: Any) -> Any:
    """Refuse a number, or a text of one, which pydantic would take for seconds since 1970."""
    if isinstance(moment, datetime) or (isinstance(moment, str) and _RFC_3339.fullmatch(moment)):
        return moment
    raise ValueError("Write a moment as RFC 3339 does, such as 2025-03-31T12:00:00Z.")


def _aware(moment: datetime) -> datetime:
    """In UTC. A moment at either end of the calendar may lie outside it there."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("This moment lies outside the years 1 to 9999 in UTC.") from error


def _number(value: Any) -> Any:
    """Refuse what pydantic would take for a whole number and JSON does not have as one: true, and a text."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "Input should be a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_number)]
Moment = Annotated[datetime, BeforeValidator(_written), AfterValidator(_aware)]
# PostgreSQL keeps no NUL in a text, and looks for none.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^\s@:,\x00]+@[^\s@:,\x00]+$"),
]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f]+$")]
Grant = Annotated[Text, StringConstraints(max_length=260)]


class Request(BaseModel):
    """Requests are closed: an unknown field is a mistake, not something to ignore."""

    model_config = ConfigDict(extra="forbid")


class Response(BaseModel):
    """Answers are made from our own values."""

    model_config = ConfigDict(from_attributes=True)


class Page(Response, Generic[T]):
    """One page of a list; `next_cursor` null on the last."""

    items: list[T]
    next_cursor: str | None = None


class Problem(BaseModel):
    """RFC 9457, with a stable `code`; `errors` names the fields of a request that could not be read."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, Any]] | None = None


class Filters(Request):
    """What narrows a search; AND-ed with what the asker may read.

    `modified_after` and `modified_before` are both inclusive. `as_of` finds what was in force at that moment, as it is
    kept now; without it, what is in force now.
    """

    data_sources: list[Text] = Field(default=[], max_length=200)
    document_ids: list[Text] = Field(default=[], max_length=200)
    media_types: list[Text] = Field(default=[], max_length=200)
    modified_after: Moment | None = None
    modified_before: Moment | None = None
    as_of: Moment | None = None


class DocumentName(Request):
    """What a document is known by to whoever sends it; without `data_source`, in that of the document it is said of."""

    data_source: Name | None = None
    external_id: ExternalId


class DocumentMetadata(Request):
    """What a caller says of a file it sends.

    `supersedes` names the documents that it replaces, which need not be there yet. What is left out stays as it was;
    an empty list takes back what was said, as null does for `title`, `url` and the times: the title is then the file's
    own, or where it has none the external id. `own_only`: somebody else's document of this name is another one, also
    for administrators; without an `external_id` it always is.
    """

    data_source: Name = "uploads"
    external_id: ExternalId | None = None
    title: Annotated[Text, StringConstraints(max_length=1000)] | None = None
    url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\x00]*$")] | None = None
    grants: list[Grant] | None = Field(default=None, max_length=200)
    modified_at: Moment | None = None
    effective_from: Moment | None = None
    effective_until: Moment | None = None
    supersedes: list[ExternalId | DocumentName] | None = Field(default=None, max_length=200)
    own_only: bool = False


class Registered(Response):
    """What became of a file that was sent. `state` is that of `job_id`, the job that was queued for it; where none was,
    of the document's last. `new_version`: the document has one version more by it, which is to be read;
    false where these bytes were here, and at most their readers or metadata have changed.
    """

    id: str
    version: int
    state: str
    job_id: str
    new_version: bool


class BatchError(Response):
    """Why a file of a batch was refused, in the words of the problem document that it alone would have got."""

    code: str
    message: str


class BatchItem(Response):
    """What became of one file of a batch: the `status` of its own upload, with the document or the error."""

    status: int
    document: Registered | None = None
    error: BatchError | None = None


class Batch(Response):
    """What became of files that were sent together, in their order."""

    items: list[BatchItem]


class Progress(Response):
    """How far a running document has come, in chunks; `chunks_total` is null until it is cut."""

    chunks_done: int
    chunks_total: int | None


class Document(Response):
    """A document as lists and details show it; `owner` and `grants` are null for those who may not edit it.

    `version` is the one that readers see, or until there is one the newest; `chunks`, `sha256` and `size` are its own.
    `state` is that of the newest. `stage` and `progress` are there while it is running. `newest_sha256` is the digest
    of the newest version's original where that is another one, for those who may edit it.
    """

    id: str
    data_source: str
    external_id: str
    title: str
    url: str | None
    media_type: str
    version: int
    state: str
    code: str | None
    reason: str | None
    attempts: int
    next_attempt_at: datetime | None
    stage: str | None
    progress: Progress | None
    chunks: int | None
    owner: str | None
    grants: list[str] | None
    modified_at: datetime | None
    effective_from: datetime | None
    effective_until: datetime | None
    created_at: datetime
    ready_at: datetime | None
    sha256: str
    size: int
    newest_sha256: str | None
    can_edit: bool


class LeftOut(Response):
    """A part of a document that could not be read, and why. `part` is empty where only the reason was kept."""

    part: str
    reason: str

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_releases(cls, value: Any) -> Any:
        return {"part": "", "reason": value} if isinstance(value, str) else value


class DocumentDetail(Document):
    """One document, with what its text lacks: parts that could not be read, and characters that nobody would see.

    Both are of the version that readers see, and none for those who may not read it. `superseded_by` is the newest
    document in force that took its place, of those that one may read; `supersedes` is what its sender said, null for
    those who may not edit it.
    """

    left_out: list[LeftOut]
    hidden_chars: int
    superseded_by: str | None
    supersedes: list[DocumentName] | None


class Grants(Request):
    """The grants a document is to have from now on."""

    grants: list[Grant] = Field(min_length=1, max_length=200)


class PageSpan(Response):
    """One page of a document's text."""

    number: int
    start: int
    end: int


class StoredText(Response):
    """The parsed text as the worker left it in the blob store."""

    text: str
    pages: list[PageSpan]
    left_out: list[LeftOut] = []
    hidden_chars: int = 0


class DocumentText(Response):
    """The parsed text that citations point into; offsets are Unicode code points."""

    version: int
    title: str
    text: str
    pages: list[PageSpan]


class SearchRequest(Request):
    """A query for passages."""

    query: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
    top_k: Whole = Field(default=10, ge=1, le=100)
    filters: Filters = Filters()
    explain: bool = False


class Passage(Response):
    """A stretch of a document that was found: `text` is exactly the document's text from `start` to `end`."""

    document_id: str
    version: int
    title: str
    url: str | None
    data_source: str
    external_id: str
    page: int | None
    heading_path: list[str]
    start: int
    end: int
    text: str
    modified_at: datetime | None
    superseded_by: str | None


class SearchHit(Passage):
    """One passage that was found, with its score."""

    score: float


class Usage(Response):
    """What the answer cost."""

    llm_calls: int
    prompt_tokens: int
    completion_tokens: int


class Timings(Response):
    """Milliseconds of each step."""

    rewrite: float = 0.0
    retrieve: float = 0.0
    rerank: float = 0.0
    first_text: float = 0.0
    total: float = 0.0


class Place(Response):
    """Where a hit stood: `rank` in the end, `dense_rank` and `sparse_rank` in the two searches (null where that search
    did not return it), `fused_rank` after they were joined and before reranking; all from 1. `dense_score` is a cosine.
    """

    rank: int
    score: float
    document_id: str
    version: int
    title: str
    page: int | None
    start: int
    end: int
    dense_rank: int | None
    dense_score: float | None
    sparse_rank: int | None
    fused_rank: int | None


class Decision(Response):
    """What was made of the hits: answered where `sufficiency`, in [0, 1], reached `threshold`.

    Both are null where nothing was searched for, or nothing was recorded. `prompt_version` names the words in which a
    model was asked; null where none was.
    """

    outcome: Literal["answered", "refused"]
    mode: Literal["generated", "extractive"]
    refusal: Literal["no_evidence", "unclear_question", "model_unavailable"] | None
    sufficiency: float | None
    threshold: float | None
    prompt_version: str | None
    usage: Usage
    timings_ms: Timings


class Explanation(Response):
    """Why a search, or the search behind an answer, found what it found.

    `query` is what was searched for; null where it may repeat words that its reader may no longer read. `withheld`
    counts hits that may no longer be read, `dropped` candidates of the index that the registry did not let through.
    `timings_ms` are of the search's steps. `answer` is null for a search. An answer made before explanations were kept
    has `recorded` false, no hits, and null for what is not known.
    """

    recorded: bool
    query: str | None
    hits: list[Place]
    withheld: int
    dropped: int | None
    timings_ms: dict[str, float]
    answer: Decision | None


class SearchResponse(Response):
    """Passages, best first; `explain` is there where it was asked for."""

    hits: list[SearchHit]
    took_ms: float
    explain: Explanation | None = None


class AskRequest(Request):
    """A question, new or in a conversation.

    `replaces` is the id of an earlier question of that conversation, or of its answer: once the new answer is whole,
    that question, its answer and all behind them are gone.
    """

    question: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
    conversation_id: Text | None = None
    replaces: Text | None = None
    filters: Filters = Filters()
    top_k: Whole = Field(default=8, ge=1, le=50)
    stream: bool = False


class Citation(Response):
    """A marker resolved to a source; `quote` is exactly the document text from `start` to `end`."""

    source: int
    document_id: str
    version: int
    start: int
    end: int
    quote: str
    support: float


class Sentence(Response):
    """A sentence of the answer and what supports it."""

    text: str
    start: int
    end: int
    status: Literal["supported", "unsupported", "no_claim"]
    citations: list[Citation]


class Source(Passage):
    """A numbered passage that an answer may cite."""

    number: int


class Conflict(Response):
    """Sources that disagree."""

    sources: list[int]
    note: str


class Refusal(Response):
    """Why there is no answer, and the closest passages; one of each document that an unclear question may mean."""

    reason: Literal["no_evidence", "unclear_question", "model_unavailable"]
    closest: list[Source]


class Answer(Response):
    """The whole answer to one question."""

    id: str
    conversation_id: str
    outcome: Literal["answered", "refused"]
    mode: Literal["generated", "extractive"]
    text: str
    sentences: list[Sentence]
    sources: list[Source]
    conflicts: list[Conflict]
    refusal: Refusal | None
    usage: Usage
    timings_ms: Timings


class Conversation(Response):
    """A chat of one's own."""

    id: str
    title: str
    created_at: datetime
    updated_at: datetime


class ConversationTitle(Request):
    """A title for a conversation."""

    title: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class Message(Response):
    """One message; an assistant's comes with its Answer."""

    id: str
    role: Literal["user", "assistant"]
    content: str
    answer: Answer | None
    created_at: datetime


class FeedbackRequest(Request):
    """What somebody thinks of an answer."""

    rating: Literal["up", "down"]
    comment: Annotated[Text, StringConstraints(max_length=4000)] = ""


class SignIn(Request):
    """A one-time token, or an e-mail address and a password."""

    token: Annotated[str, StringConstraints(max_length=200)] | None = None
    email: Annotated[Text, StringConstraints(max_length=254)] | None = None
    password: Annotated[str, StringConstraints(max_length=1000)] | None = None


class SignInMethods(Response):
    """How one can sign in: with a link or a password (`local`), and at a provider of this name (`oidc`)."""

    local: bool
    oidc: str | None


class Me(Response):
    """Who the caller is. `signs_in_elsewhere`: a sign-in provider knows them, so they can have no password."""

    id: str
    email: str
    name: str
    is_admin: bool
    groups: list[str]
    grants: list[str]
    scopes: list[str]
    has_password: bool
    signs_in_elsewhere: bool


class PasswordChange(Request):
    """A new password; the current one where there is one."""

    password: Annotated[str, StringConstraints(max_length=1000)]
    current_password: Annotated[str, StringConstraints(max_length=1000)] | None = None


class User(Response):
    """A person as administrators see them."""

    id: str
    email: str
    name: str
    groups: list[str]
    is_admin: bool
    disabled: bool
    created_at: datetime


class NewUser(Request):
    """A person to be."""

    email: Email
    name: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    groups: list[Name] = Field(default=[], max_length=200)
    is_admin: bool = False


class CreatedUser(User):
    """A new person, with the link that signs them in once."""

    sign_in_url: str


class UserChange(Request):
    """What is to change; what is left out stays."""

    name: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=200)] | None = None
    is_admin: bool | None = None
    disabled: bool | None = None


class SignInLink(Response):
    """A link that signs in once."""

    url: str
    expires_at: datetime


class Group(Response):
    """A group and how many people are in it."""

    name: str
    members: int


class ApiKey(Response):
    """A key without its secret."""

    id: str
    name: str
    user: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked: bool


class NewApiKey(Request):
    """A key to be made, for oneself or by an administrator for `user`. Without scopes it may do what its person may."""

    user: Email | None = None
    name: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    scopes: list[Literal["read", "write", "admin"]] = []
    expires_at: Moment | None = None


class CreatedApiKey(Response):
    """A new key, shown this once."""

    id: str
    key: str
    name: str
    scopes: list[str]
    expires_at: datetime | None


class DataSource(Response):
    """Where documents come from."""

    name: str
    connector: str
    documents: int
