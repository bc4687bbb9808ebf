"""HTTP around the operations: routes, the key, bodies in and out, errors in Qdrant's shape.

A request for anything else, route, query parameter or body field, is answered 501 with the name of what is missing.
Operations run in threads, but for searches. Knows nothing of collections or points.
"""

import hmac
import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.embedded.index import operations as ops
from services.embedded.index.catalogue import Catalogue
from services.embedded.index.collection import ENGINE
from services.embedded.index.errors import (
    NotJsonError,
    RequestError,
    TooLargeError,
    UnsupportedError,
    WrongInputError,
)

# The interface is that of this release of Qdrant; qdrant-client compares it with its own.
QDRANT_VERSION = "1.20.0"
MAX_BODY_BYTES = 32 * 2**20  # Qdrant's own limit
OPEN_PATHS = ("/", "/healthz", "/livez", "/readyz")

# Accepted and without effect: there is one copy of each collection, and no call takes long enough to time out.
_HARMLESS = {"timeout": r"[1-9]\d*", "ordering": "weak|medium|strong", "consistency": r"majority|quorum|all|[1-9]\d*"}

# Run on the event loop itself. The engine holds the interpreter lock for the whole search in any case, and without two
# hand-overs between threads the 95th percentile beside a bulk load was 23 to 37 ms instead of 58 to 120.
_SEARCHES = (ops.query, ops.query_batch)

_ONE = "/collections/{collection}"
# Tried in turn, so searches come first.
_OPERATIONS: tuple[tuple[str, str, Callable[[ops.Call], Any]], ...] = (
    ("POST", f"{_ONE}/points/query/batch", ops.query_batch),
    ("POST", f"{_ONE}/points/query", ops.query),
    ("GET", "/collections", ops.list_collections),
    ("GET", "/aliases", ops.list_aliases),
    ("POST", "/collections/aliases", ops.change_aliases),
    ("GET", _ONE, ops.collection_info),
    ("PUT", _ONE, ops.create_collection),
    ("DELETE", _ONE, ops.delete_collection),
    ("GET", f"{_ONE}/exists", ops.collection_exists),
    ("GET", f"{_ONE}/aliases", ops.collection_aliases),
    ("PUT", f"{_ONE}/index", ops.create_payload_index),
    ("DELETE", f"{_ONE}/index/{{field}}", ops.delete_payload_index),
    ("PUT", f"{_ONE}/points", ops.upsert),
    ("POST", f"{_ONE}/points", ops.retrieve),
    ("GET", f"{_ONE}/points/{{id}}", ops.retrieve_one),
    ("POST", f"{_ONE}/points/delete", ops.delete_points),
    ("POST", f"{_ONE}/points/payload", ops.set_payload),
    ("POST", f"{_ONE}/points/scroll", ops.scroll),
    ("POST", f"{_ONE}/points/count", ops.count),
)


class OrJsonResponse(JSONResponse):
    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def index_app(catalogue: Catalogue, *, api_key: str | None) -> ASGIApp:
    """The server's application. With `api_key`, all but the health calls need it."""
    routes = [Route(path, _endpoint(catalogue, run), methods=[method]) for method, path, run in _OPERATIONS]
    routes.append(Route("/", _version, methods=["GET"]))
    routes += [Route(path, _healthy, methods=["GET"]) for path in OPEN_PATHS[1:]]
    handlers: Mapping[Any, Any] = {
        RequestError: _refused,
        HTTPException: _unknown_route,
        Exception: _failed,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app if api_key is None else KeyCheck(app, api_key)


class KeyCheck:
    """Lets a request through that carries the key, before any of its body is read."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self._app = app
        self._key = api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        given = _key_in(scope["headers"])
        if given is not None and hmac.compare_digest(given, self._key):
            await self._app(scope, receive, send)
        elif given is None:
            await _error(HTTPStatus.UNAUTHORIZED, "Must provide an API key")(scope, receive, send)
        else:
            await _error(HTTPStatus.FORBIDDEN, "Invalid API key")(scope, receive, send)


def _key_in(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    for name, value in headers:
        if name == b"api-key":
            return value
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:]
    return None


def _endpoint(catalogue: Catalogue, run: Callable[[ops.Call], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        wait = _wait(request)
        raw = await _body(request)

        def answer() -> bytes:
            call = ops.Call(catalogue, request.path_params, wait, _parsed(raw))
            took = {"result": run(call), "status": "ok", "time": time.perf_counter() - started}
            return orjson.dumps(took)

        content = answer() if run in _SEARCHES else await run_in_threadpool(answer)
        return Response(content, media_type="application/json")

    return endpoint


def _wait(request: Request) -> bool:
    """Read the query string."""
    wait = "false"
    for name, value in request.query_params.multi_items():
        if name == "wait" and value in ("true", "false"):
            wait = value
        elif name not in _HARMLESS and name != "wait":
            raise UnsupportedError(f"query parameter `{name}`")
        elif name == "wait" or not re.fullmatch(_HARMLESS[name], value):
            raise WrongInputError(f"Wrong input: bad value of query parameter `{name}`")
    return wait == "true"


async def _body(request: Request) -> bytes:
    too_large = TooLargeError(f"Wrong input: the body is larger than {MAX_BODY_BYTES} bytes")
    if int(request.headers.get("content-length", 0)) > MAX_BODY_BYTES:
        raise too_large
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise too_large
        pieces.append(piece)
    # A browser on this machine cannot send this type to another origin unasked, so no web page can write here.
    if size and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise NotJsonError("Wrong input: the body must be sent as application/json")
    return b"".join(pieces)


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise WrongInputError(f"Format error in JSON body: {error}") from None


async def _version(_: Request) -> Response:
    return OrJsonResponse({"title": f"{ENGINE}, as Qdrant", "version": QDRANT_VERSION})


async def _healthy(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.path[1:]} check passed")


async def _refused(_: Request, error: RequestError) -> Response:
    return _error(error.status, error.message)


async def _unknown_route(request: Request, error: HTTPException) -> Response:
    if error.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        missing = UnsupportedError(f"{request.method} {request.url.path}")
        return _error(missing.status, missing.message)
    return _error(error.status_code, error.detail)


async def _failed(_: Request, _error_logged_by_uvicorn: Exception) -> Response:
    return _error(500, "Service internal error")


def _error(status: int, message: str) -> Response:
    return OrJsonResponse({"status": {"error": message}, "time": 0.0}, status_code=status)
