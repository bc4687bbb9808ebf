"""A Footnote server of a few lines, in memory, on a free port of 127.0.0.1: the other side of the command line's tests.

It keeps the contract's shapes and statuses and nothing of what is behind them. Documents become ready after having
been asked for `asks_until_ready` times; those whose bytes hold `corrupt` fail, those that hold `forbidden` are refused.
"""

import hashlib
import json
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.unit.fake_sources import FakeSources

KEY = "fn_test-key"
EMAIL = "root@example.com"

SOURCE: dict[str, Any] = {
    "number": 1, "document_id": "d1", "version": 1, "title": "Leave policy", "url": None, "data_source": "hr",
    "external_id": "leave.md", "page": 2, "heading_path": ["Leave"], "start": 10, "end": 43,
    "text": "Everyone has 28 days of leave [sic]. More below.", "modified_at": "2025-03-01T00:00:00Z",
    "superseded_by": None,
}  # fmt: skip
CITATION = {
    "source": 1, "document_id": "d1", "version": 1, "start": 10, "end": 43, "quote": "Everyone has 28 days of leave.",
    "support": 0.93,
}  # fmt: skip
SENTENCES = [
    {"text": "You have 28 days of leave [1].", "start": 0, "end": 30, "status": "supported", "citations": [CITATION]},
    {"text": "Ask your manager.", "start": 31, "end": 48, "status": "no_claim", "citations": []},
]
ANSWER: dict[str, Any] = {
    "id": "a1", "conversation_id": "c1", "outcome": "answered", "mode": "extractive",
    "text": "You have 28 days of leave [1]. Ask your manager.", "sentences": SENTENCES, "sources": [SOURCE],
    "conflicts": [], "refusal": None, "usage": {"llm_calls": 0, "prompt_tokens": 0, "completion_tokens": 0},
    "timings_ms": {"rewrite": 0, "retrieve": 4.2, "rerank": 0, "first_text": 5, "total": 9},
}  # fmt: skip
REFUSAL: dict[str, Any] = {
    **ANSWER, "outcome": "refused", "text": "", "sentences": [], "sources": [],
    "refusal": {"reason": "no_evidence", "closest": [SOURCE]},
}  # fmt: skip

PLACE: dict[str, Any] = {
    "rank": 1, "score": 0.0325, "document_id": "d1", "version": 1, "title": "Leave policy", "page": 2, "start": 10,
    "end": 43, "dense_rank": 2, "dense_score": 0.8124, "sparse_rank": None, "fused_rank": 3,
}  # fmt: skip
EXPLANATION: dict[str, Any] = {
    "recorded": True, "query": "leave", "hits": [PLACE, {**PLACE, "rank": 10, "page": None, "title": "Long " * 30}],
    "withheld": 0, "dropped": 4, "timings_ms": {"embed": 8.13, "search": 3.2}, "answer": None,
}  # fmt: skip
EXPLAINED_ANSWER: dict[str, Any] = {
    **EXPLANATION, "withheld": 2,
    "answer": {"outcome": "answered", "mode": "extractive", "refusal": None, "sufficiency": 0.831, "threshold": 0.45,
               "usage": ANSWER["usage"], "timings_ms": ANSWER["timings_ms"]},
}  # fmt: skip
NOT_RECORDED: dict[str, Any] = {
    "recorded": False, "query": None, "hits": [], "withheld": 0, "dropped": None, "timings_ms": {},
    "answer": {**EXPLAINED_ANSWER["answer"], "sufficiency": None, "threshold": None},
}  # fmt: skip


class FakeServer:
    """State and routes. `requests` holds (method, path) of every call, `uploads` the external ids that were sent,
    `said` what was said of each, `batches` those that came together; `batch_refusal` is the status and code for all of
    these."""

    def __init__(self) -> None:
        self.url = ""
        self.sources = FakeSources()
        self.reset()

    def reset(self) -> None:
        """Forget everything but the address."""
        self.cut_audits = False
        self.documents: dict[str, dict[str, Any]] = {}
        self.sources.reset()
        self.users: dict[str, dict[str, Any]] = {}
        self.members: dict[str, list[str]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.uploads: list[str] = []
        self.said: list[dict[str, Any]] = []
        self.batches: list[list[str]] = []
        self.batch_refusal: tuple[int, str] | None = None
        self.bodies: list[dict[str, Any]] = []
        self.page_size = 2
        self.asks_until_ready = 1
        self.answer = ANSWER
        self.superseded_by: str | None = None
        self.explanation = EXPLAINED_ANSWER

    def app(self) -> Starlette:
        routes: list[tuple[str, str, Any]] = [
            ("GET", "/healthz", lambda _: Response()),
            ("POST", "/v1/documents", self._upload),
            ("POST", "/v1/documents/batch", self._upload_batch),
            ("GET", "/v1/documents", self._list_documents),
            ("GET", "/v1/documents/{id}", self._document),
            ("DELETE", "/v1/documents/{id}", self._delete),
            ("POST", "/v1/documents/{id}/retry", self._retry),
            ("PUT", "/v1/documents/{id}/grants", self._grants),
            ("GET", "/v1/answers/a1/explain", lambda _: JSONResponse(self.explanation)),
            ("GET", "/v1/me", lambda _: JSONResponse({"id": "u0", "email": EMAIL, "is_admin": True})),
            ("POST", "/v1/search", self._search),
            ("POST", "/v1/ask", self._ask),
            ("GET", "/v1/admin/status", self._status),
            ("POST", "/v1/admin/verify", self._verify),
            ("GET", "/v1/users", self._list_users),
            ("POST", "/v1/users", self._create_user),
            ("PATCH", "/v1/users/{id}", self._change_user),
            ("POST", "/v1/users/{id}/sign-in-links", self._link),
            ("GET", "/v1/groups", self._list_groups),
            ("PUT", "/v1/groups/{name}/members/{email}", self._member),
            ("DELETE", "/v1/groups/{name}/members/{email}", self._member),
            ("GET", "/v1/api-keys", lambda request: self._page(request, list(self.keys.values()))),
            ("POST", "/v1/api-keys", self._create_key),
            ("DELETE", "/v1/api-keys/{id}", self._revoke),
            ("GET", "/v1/data-sources", self._data_sources),
            *self.sources.routes(),
        ]
        return Starlette(routes=[Route(path, self._guarded(call), methods=[method]) for method, path, call in routes])

    def _guarded(self, call: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            self.requests.append((request.method, request.url.path))
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return problem(401, "unauthenticated", "The key is not known.")
            answer = call(request)
            response: Response = await answer if hasattr(answer, "__await__") else answer
            return response

        return endpoint

    def _page(self, request: Request, items: list[dict[str, Any]]) -> Response:
        start = int(request.query_params.get("cursor") or 0)
        end = start + self.page_size
        return JSONResponse({"items": items[start:end], "next_cursor": str(end) if end < len(items) else None})

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            return await self._take(json.loads(str(form["metadata"])), form["file"])

    async def _upload_batch(self, request: Request) -> Response:
        if self.batch_refusal:
            return problem(*self.batch_refusal, "Not as a batch.")
        async with request.form() as form:
            said = json.loads(str(form["metadata"]))
            answers = [await self._take(one, file) for one, file in zip(said, form.getlist("file"), strict=True)]
        self.batches.append([one["external_id"] for one in said])
        bodies = [(answer.status_code, json.loads(bytes(answer.body))) for answer in answers]
        items = [
            {"status": status, "document": body, "error": None} if status < 300
            else {"status": status, "document": None, "error": {"code": body["code"], "message": body["detail"]}}
            for status, body in bodies
        ]  # fmt: skip
        return JSONResponse({"items": items})

    async def _take(self, metadata: dict[str, Any], file: UploadFile | str) -> Response:
        assert not isinstance(file, str)
        content = await file.read()
        self.uploads.append(metadata["external_id"])
        self.said.append(metadata)
        if b"forbidden" in content:
            return problem(413, "too_large", "The file is over the limit of 50 MiB.")
        id_ = document_id(metadata["external_id"], metadata["data_source"])
        before = self.documents.get(id_)
        sha256 = hashlib.sha256(content).hexdigest()
        if before and before["sha256"] == sha256 and metadata.get("grants", before["grants"]) == before["grants"]:
            return JSONResponse({"id": id_, "version": before["version"], "state": before["state"], "job_id": None})
        self.documents[id_] = {
            **metadata, "id": id_, "title": metadata["external_id"], "url": None, "media_type": file.content_type,
            "version": (before["version"] if before else 0) + 1, "state": "queued", "reason": None, "attempts": 0,
            "next_attempt_at": None, "chunks": 1, "grants": metadata.get("grants", [f"user:{EMAIL}"]), "owner": EMAIL,
            "ready_at": None, "sha256": sha256, "size": len(content), "corrupt": b"corrupt" in content, "asked": 0,
        }  # fmt: skip
        document = self.documents[id_]
        return JSONResponse(
            {"id": id_, "version": document["version"], "state": "queued", "job_id": "j"}, status_code=202
        )

    def _list_documents(self, request: Request) -> Response:
        wanted = {name: request.query_params.get(name) for name in ("state", "data_source")}
        ids = request.query_params.getlist("id")
        for id_ in ids:
            self._look_at(id_)
        found = [
            document for document in self.documents.values()
            if all(value is None or document[name] == value for name, value in wanted.items())
            and (not ids or document["id"] in ids)
            and (request.query_params.get("q") or "") in document["title"]
        ]  # fmt: skip
        return self._page(request, found)

    def _document(self, request: Request) -> Response:
        document = self.documents.get(request.path_params["id"])
        if document is None:
            return problem(404, "not_found", "There is no such document, or you may not read it.")
        self._look_at(document["id"])
        return JSONResponse(document)

    def _look_at(self, id_: str) -> None:
        """Whoever asks often enough finds the document ready."""
        document = self.documents.get(id_)
        if document is None:
            return
        document["asked"] += 1
        if document["state"] == "queued" and document["asked"] >= self.asks_until_ready:
            document["state"] = "failed" if document["corrupt"] else "ready"
            document["reason"] = "The file is damaged." if document["corrupt"] else None

    def _delete(self, request: Request) -> Response:
        if self.documents.pop(request.path_params["id"], None) is None:
            return problem(404, "not_found", "There is no such document, or you may not read it.")
        return Response(status_code=204)

    def _retry(self, request: Request) -> Response:
        document = self.documents.get(request.path_params["id"])
        if document is None or document["state"] != "failed":
            return problem(409, "conflict", "Only failed or quarantined documents can be retried.")
        document["state"] = "queued"
        return JSONResponse({"id": document["id"], "state": "queued"}, status_code=202)

    async def _grants(self, request: Request) -> Response:
        document = self.documents[request.path_params["id"]]
        document["grants"] = (await request.json())["grants"]
        return JSONResponse(document)

    async def _search(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        hit = {name: value for name, value in SOURCE.items() if name != "number"}
        hit["superseded_by"] = self.superseded_by
        found = {"hits": [{**hit, "score": 0.731}, {**hit, "page": None, "score": 0.2}], "took_ms": 3}
        return JSONResponse({**found, "explain": EXPLANATION} if self.bodies[-1].get("explain") else found)

    async def _ask(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        if not body["stream"]:
            return JSONResponse(self.answer)
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        yield event("sources", self.answer["sources"])
        for number, sentence in enumerate(self.answer["sentences"]):
            yield event("text", {"delta": (" " if number else "") + sentence["text"]})
            yield event("sentence", sentence)
        yield event("done", self.answer)

    async def _verify(self, request: Request) -> Response:
        repair = (await request.json())["repair"]
        events = [*self.audit_events(repair=repair)]
        return StreamingResponse(iter(events), media_type="text/event-stream")

    def audit_events(self, *, repair: bool) -> Iterator[str]:
        """Lost chunks, which a repair brings back."""
        example = {"what": "chunk", "count": 3, "document_id": "d1", "version": 2}
        none: dict[str, Any] = {"count": 0, "examples": []}
        report: dict[str, Any] = {
            "clean": repair, "documents": 2, "chunks": 12, "originals": 4, "in_flight": 0, "seconds": 0.4,
            "missing": none if repair else {"count": 3, "examples": [example]},
            "phantom": none, "duplicate": none, "malformed": none,
            "repaired": {"documents_ingested": 1} if repair else None, "lost": [],
        }  # fmt: skip
        progress = {"stage": "documents", "done": 1, "total": 2}
        yield f"event: progress\ndata: {json.dumps(progress)}\n\n"
        if not self.cut_audits:
            yield f"event: report\ndata: {json.dumps(report)}\n\n"

    def _status(self, _: Request) -> Response:
        return JSONResponse(
            {
                "documents": {"queued": 1, "running": 1, "ready": 1240, "failed": 1, "quarantined": 0},
                "queue": {"waiting": 1, "running": 1, "oldest_waiting_s": 75.4},
                "throughput": {"documents_per_minute": 12.5, "chunks_per_minute": 3120},
                "index": {"chunks": 31002},
                "failures": [
                    {"id": "d9", "title": "Scan of the lease", "external_id": "lease.pdf", "state": "failed",
                     "reason": "The file is encrypted.", "attempts": 1, "next_attempt_at": None},
                ],
                "parts": {"database": "ok", "index": True, "broker": {"state": "ok"}, "model": "not set"},
                "version": "0.1.0",
            }
        )  # fmt: skip

    def _list_users(self, request: Request) -> Response:
        email = request.query_params.get("email")
        return self._page(request, [user for user in self.users.values() if email in {None, user["email"]}])

    async def _create_user(self, request: Request) -> Response:
        body = await request.json()
        if body["email"] in self.users:
            return problem(409, "conflict", "There is an account with this address already.")
        user = {**body, "id": f"u{len(self.users) + 1}", "disabled": False, "created_at": "2025-03-01T09:30:00Z"}
        self.users[body["email"]] = user
        return JSONResponse({**user, "sign_in_url": f"{self.url}/sign-in#token={'t' * 90}"}, status_code=201)

    async def _change_user(self, request: Request) -> Response:
        user = next(user for user in self.users.values() if user["id"] == request.path_params["id"])
        user.update(await request.json())
        return JSONResponse(user)

    def _link(self, _: Request) -> Response:
        link = {"url": f"{self.url}/sign-in#token={'n' * 90}", "expires_at": "2025-03-01T09:30:00Z"}
        return JSONResponse(link, status_code=201)

    def _list_groups(self, request: Request) -> Response:
        return self._page(request, [{"name": name, "members": len(found)} for name, found in self.members.items()])

    def _member(self, request: Request) -> Response:
        members = self.members.setdefault(request.path_params["name"], [])
        email = request.path_params["email"]
        if request.method == "PUT":
            members.append(email)
        elif email in members:
            members.remove(email)
        return Response(status_code=204)

    async def _create_key(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        id_ = str(uuid.uuid5(uuid.NAMESPACE_URL, str(len(self.keys))))
        self.keys[id_] = {
            **body, "id": id_, "created_at": "2025-03-01T09:30:00Z", "expires_at": body.get("expires_at"),
            "last_used_at": None, "revoked": False,
        }  # fmt: skip
        made = {
            "id": id_,
            "key": "fn_new-key",
            **{name: self.keys[id_][name] for name in ("name", "scopes", "expires_at")},
        }
        return JSONResponse(made, status_code=201)

    def _revoke(self, request: Request) -> Response:
        self.keys[request.path_params["id"]]["revoked"] = True
        return Response(status_code=204)

    def _data_sources(self, request: Request) -> Response:
        upload = {"name": "hr", "connector": "upload", "documents": 12}
        return self._page(request, [*self.sources.by_name.values(), upload])


def document_id(external_id: str, data_source: str = "uploads") -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{data_source}/{external_id}"))


def event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def problem(status: int, code: str, detail: str) -> Response:
    body = {"type": f"urn:footnote:{code}", "title": code, "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


@contextmanager
def running_server() -> Iterator[FakeServer]:
    """A server that answers until the block is left."""
    fake = FakeServer()
    server = uvicorn.Server(uvicorn.Config(fake.app(), log_level="warning", lifespan="off"))
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # before uvicorn does: who connects meanwhile waits and is not refused
    fake.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
