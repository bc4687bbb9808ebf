"""The typed client of a Footnote server's REST interface.

Knows nothing of terminals, settings or files' meaning: values in, values out. Documents and accounts are the values of
`ingest/resources.py`, answers and their events those of `retrieval/types.py`, errors those of `ingest/problems.py`.

    with Client("http://127.0.0.1:8000", key) as client:
        client.upload(Path("policy.pdf"), data_source="policies", grants=["everyone"])
        for event in client.ask_stream("How many days of leave do I have?"):
            ...
"""

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from ingest.answer_stream import answer_events
from ingest.audit_client import AuditClient
from ingest.audit_stream import AuditProgress, AuditReport, audit_events
from ingest.problems import ProblemError
from ingest.resources import (
    ApiKey,
    Document,
    DocumentDetail,
    DocumentText,
    Explanation,
    Group,
    Me,
    NewApiKey,
    Registered,
    SearchResult,
    SignInLink,
    Status,
    User,
    value_of,
)
from ingest.rest import Rest, decoded
from ingest.source_client import SourceClient
from ingest.source_resources import DataSource
from ingest.uploads import Upload, WatchedFile, as_answered, metadata_json, outcomes_of, rfc3339
from retrieval.errors import FootnoteError
from retrieval.types import NO_FILTERS, Answer, AnswerEvent, SearchFilters

PAGE_SIZE = 200
# A model on a busy server may think for minutes before the next piece of its answer.
_ANSWER_TIMEOUT_S = 300.0

T = TypeVar("T")


class Client:
    """A Footnote server at `url` as the holder of `api_key` sees it; safe to use from several threads.

    `transport` replaces the network, for tests; `timeout_s` bounds each wait for bytes. Every call may raise
    ServerUnreachableError, UnexpectedAnswerError or a ProblemError; InvalidInputError where the request cannot be sent.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rest = Rest(url, api_key, transport=transport, timeout_s=timeout_s, sleep=sleep)
        self.sources = SourceClient(self._rest)
        self.audit = AuditClient(self._rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._rest.close()

    @property
    def url(self) -> str:
        return self._rest.url

    def is_alive(self) -> bool:
        """Whether the server's process answers at all."""
        try:
            self._rest.send("GET", "/healthz")
        except FootnoteError:
            return False
        return True

    # --- documents

    def upload(
        self,
        path: Path,
        *,
        data_source: str,
        external_id: str | None = None,
        title: str | None = None,
        url: str | None = None,
        grants: Sequence[str] | None = None,
        modified_at: datetime | None = None,
        effective_from: datetime | None = None,
        effective_until: datetime | None = None,
        supersedes: Sequence[str | tuple[str, str]] | None = None,
        on_block: Callable[[int], None] | None = None,
    ) -> Registered:
        """Send one file, read from disk block by block. Without `grants` only the uploader may read it.

        `supersedes` names the documents that it replaces: external ids of the same data source, or pairs of data source
        and external id.

        `on_block` is told the size in bytes of each block that is read; what it raises ends the upload. Sending the
        same file twice is harmless, so a broken connection is tried again. OSError where the file cannot be read.
        """
        upload = Upload(
            path=path,
            data_source=data_source,
            external_id=external_id,
            title=title,
            url=url,
            grants=grants,
            modified_at=modified_at,
            effective_from=effective_from,
            effective_until=effective_until,
            supersedes=supersedes,
        )
        response = self._rest.send_form(
            "/v1/documents",
            fields={"metadata": json.dumps(upload.metadata())},
            open_file=partial(WatchedFile, path, on_block),
            file_name=path.name,
            media_type=upload.media_type,
        )
        return as_answered(value_of(Registered, decoded(response)), response.status_code)

    def upload_many(self, uploads: Sequence[Upload]) -> list[Registered | ProblemError | OSError]:
        """Send small files in one request, at most 100, which are all held in memory.

        What became of each, in order: a ProblemError where the server refused it, an OSError where it cannot be read. A
        ProblemError is raised where the server refuses the request, one of status 405 where it knows no batches; then
        none was taken. Sending the same files twice is harmless, so a broken connection is tried again.
        """
        read = [_content_of(upload) for upload in uploads]
        sent = [(upload, data) for upload, data in zip(uploads, read, strict=True) if isinstance(data, bytes)]
        if not sent:
            return [data for data in read if isinstance(data, OSError)]
        response = self._rest.send_files(
            "/v1/documents/batch",
            fields={"metadata": metadata_json([upload for upload, _ in sent])},
            files=[(upload.path.name, data, upload.media_type) for upload, data in sent],
        )
        outcomes = iter(outcomes_of(decoded(response), len(sent)))
        return [data if isinstance(data, OSError) else next(outcomes) for data in read]

    def documents(
        self,
        *,
        state: str | None = None,
        data_source: str | None = None,
        query: str | None = None,
        ids: Sequence[str] | None = None,
    ) -> Iterator[Document]:
        """Documents that the principal may read, fetched page by page; with `ids` (at most 200) those alone."""
        params = {"state": state, "data_source": data_source, "q": query, "id": ids, "limit": PAGE_SIZE}
        return _each(Document, self._rest.items("/v1/documents", params=params))

    def document(self, document_id: str) -> DocumentDetail:
        return value_of(DocumentDetail, self._rest.json("GET", f"/v1/documents/{_segment(document_id)}"))

    def document_text(self, document_id: str, *, version: int | None = None) -> DocumentText:
        """The parsed text that citations point into; the active version where none is named."""
        path = f"/v1/documents/{_segment(document_id)}/text"
        return value_of(DocumentText, self._rest.json("GET", path, params={"version": version}))

    def delete_document(self, document_id: str) -> None:
        self._rest.json("DELETE", f"/v1/documents/{_segment(document_id)}")

    def retry_document(self, document_id: str) -> None:
        """Queue a failed or quarantined document again. A ConflictError where its state allows no retry."""
        self._rest.json("POST", f"/v1/documents/{_segment(document_id)}/retry")

    def set_grants(self, document_id: str, grants: Sequence[str]) -> Document:
        """Replace who may read a document."""
        path = f"/v1/documents/{_segment(document_id)}/grants"
        return value_of(Document, self._rest.json("PUT", path, body={"grants": list(grants)}))

    def data_sources(self) -> Iterator[DataSource]:
        return _each(DataSource, self._rest.items("/v1/data-sources"))

    # --- questions

    def search(
        self, query: str, *, top_k: int = 8, filters: SearchFilters = NO_FILTERS, explain: bool = False
    ) -> SearchResult:
        """The passages nearest to `query` among those the principal may read, best first; with `explain`, why these."""
        body = {"query": query, "top_k": top_k, "filters": _filters(filters), **({"explain": True} if explain else {})}
        return value_of(SearchResult, self._rest.json("POST", "/v1/search", body=body, repeatable=True))

    def ask(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        replaces: str | None = None,
        top_k: int | None = None,
        filters: SearchFilters = NO_FILTERS,
    ) -> Answer:
        """The whole answer at once. Without `conversation_id` the server starts a new conversation.

        `replaces` is the id of an earlier question of that conversation, or of its answer: it is asked anew in these
        words, and that question, its answer and all behind them are gone once the new answer is whole.
        """
        body = _question(question, conversation_id, replaces, top_k, filters, stream=False)
        response = self._rest.send("POST", "/v1/ask", body=body, read_timeout_s=_ANSWER_TIMEOUT_S)
        return value_of(Answer, decoded(response))

    def ask_stream(
        self,
        question: str,
        *,
        conversation_id: str | None = None,
        replaces: str | None = None,
        top_k: int | None = None,
        filters: SearchFilters = NO_FILTERS,
    ) -> Generator[AnswerEvent, None, None]:
        """The answer as it comes; the last event is AnswerDone. The arguments are those of `ask`.

        Raises AnswerInterruptedError where the stream ends without it, and a ProblemError where the server gives up
        midway. Closing the generator closes the connection, which ends the work on the server.
        """
        body = _question(question, conversation_id, replaces, top_k, filters, stream=True)
        response = self._rest.send("POST", "/v1/ask", body=body, stream=True, read_timeout_s=_ANSWER_TIMEOUT_S)
        with closing(response):
            yield from answer_events(response)

    def explain(self, answer_id: str) -> Explanation:
        """How one's answer was found, as it was recorded when it was made."""
        return value_of(Explanation, self._rest.json("GET", f"/v1/answers/{_segment(answer_id)}/explain"))

    # --- the server and its accounts

    def status(self) -> Status:
        return value_of(Status, self._rest.json("GET", "/v1/admin/status"))

    def verify(self, *, repair: bool = False) -> Generator[AuditProgress | AuditReport, None, None]:
        """Audit the server, and with `repair` mend it; the last event is the report."""
        body = {"repair": repair}
        response = self._rest.send("POST", "/v1/admin/verify", body=body, stream=True, read_timeout_s=_ANSWER_TIMEOUT_S)
        with closing(response):
            yield from audit_events(response)

    def me(self) -> Me:
        return value_of(Me, self._rest.json("GET", "/v1/me"))

    def users(self, *, email: str | None = None) -> Iterator[User]:
        return _each(User, self._rest.items("/v1/users", params={"email": email, "limit": PAGE_SIZE}))

    def create_user(
        self, email: str, *, name: str | None = None, groups: Sequence[str] = (), is_admin: bool = False
    ) -> User:
        """A new account; its `sign_in_url` is shown this once."""
        body = {"email": email, "name": name or "", "groups": list(groups), "is_admin": is_admin}
        return value_of(User, self._rest.json("POST", "/v1/users", body=body))

    def disable_user(self, user_id: str, *, disabled: bool = True) -> User:
        """Lock an account out, or let it in again (`disabled=False`)."""
        path = f"/v1/users/{_segment(user_id)}"
        return value_of(User, self._rest.json("PATCH", path, body={"disabled": disabled}, repeatable=True))

    def create_sign_in_link(self, user_id: str) -> SignInLink:
        return value_of(SignInLink, self._rest.json("POST", f"/v1/users/{_segment(user_id)}/sign-in-links"))

    def groups(self) -> Iterator[Group]:
        return _each(Group, self._rest.items("/v1/groups"))

    def add_group_member(self, group: str, email: str) -> None:
        self._rest.json("PUT", f"/v1/groups/{_segment(group)}/members/{_segment(email)}")

    def remove_group_member(self, group: str, email: str) -> None:
        self._rest.json("DELETE", f"/v1/groups/{_segment(group)}/members/{_segment(email)}")

    def api_keys(self, *, user: str | None = None) -> Iterator[ApiKey]:
        return _each(ApiKey, self._rest.items("/v1/api-keys", params={"user": user, "limit": PAGE_SIZE}))

    def create_api_key(
        self,
        *,
        user: str | None = None,
        name: str | None = None,
        scopes: Sequence[str] = (),
        expires_at: datetime | None = None,
    ) -> NewApiKey:
        """A key for `user` (an e-mail address; the asker where None). The key is in this answer and nowhere else.

        `scopes` are read, write and admin; without any the key may do what its owner may.
        """
        body = {"user": user, "name": name or "", "scopes": list(scopes), "expires_at": rfc3339(expires_at)}
        stated = {field: value for field, value in body.items() if value is not None}
        return value_of(NewApiKey, self._rest.json("POST", "/v1/api-keys", body=stated))

    def revoke_api_key(self, key_id: str) -> None:
        self._rest.json("DELETE", f"/v1/api-keys/{_segment(key_id)}")


def _content_of(upload: Upload) -> bytes | OSError:
    try:
        return upload.path.read_bytes()
    except OSError as error:
        return error


def _each(cls: type[T], raw: Iterator[Any]) -> Iterator[T]:
    return (value_of(cls, item) for item in raw)


def _segment(value: str) -> str:
    """A value as one segment of a path: a slash or a dot in it never becomes part of the address."""
    escaped = quote(value, safe="")
    return escaped.replace(".", "%2E") if set(value) == {"."} else escaped


def _filters(filters: SearchFilters) -> dict[str, Any]:
    body: dict[str, Any] = {
        "data_sources": list(filters.data_sources),
        "document_ids": list(filters.document_ids),
        "media_types": list(filters.media_types),
        "modified_after": rfc3339(filters.modified_after),
        "modified_before": rfc3339(filters.modified_before),
        "as_of": rfc3339(filters.as_of),
    }
    return {name: value for name, value in body.items() if value}


def _question(
    question: str,
    conversation_id: str | None,
    replaces: str | None,
    top_k: int | None,
    filters: SearchFilters,
    *,
    stream: bool,
) -> dict[str, Any]:
    chosen = {
        "conversation_id": conversation_id,
        "replaces": replaces,
        "top_k": top_k,
        "filters": _filters(filters),
    }
    return {"question": question, **{name: value for name, value in chosen.items() if value}, "stream": stream}
