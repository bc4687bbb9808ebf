"""The error tree as HTTP, once: RFC 9457 problem documents with a stable code. Knows nothing of routes."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from retrieval import errors
from services.api.byte_ranges import RangeNotSatisfiableError
from services.api.limiter import RateLimitedError
from services.api.schemas import Problem

STATUS: dict[type[errors.FootnoteError], tuple[int, str]] = {
    errors.TooLargeError: (413, "Too large"),
    RangeNotSatisfiableError: (416, "Range not satisfiable"),
    errors.InvalidInputError: (422, "Invalid request"),
    errors.DocumentError: (422, "Invalid document"),
    errors.UnauthenticatedError: (401, "Not signed in"),
    errors.ForbiddenError: (403, "Not allowed"),
    errors.NotFoundError: (404, "Not found"),
    errors.ConflictError: (409, "Conflict"),
    errors.OverloadedError: (429, "Too many requests"),
    errors.UnavailableError: (503, "Not available"),
    errors.FootnoteError: (500, "Internal error"),
}
_HTTP = {404: "not_found", 405: "method_not_allowed", 400: "bad_request", 413: "too_large"}
RETRY_AFTER_SECONDS = "5"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_NO_JSON = "This is no JSON."


def problem_of(error: Exception) -> Problem:
    """The problem document of any error; what is not ours says nothing of the inside."""
    if isinstance(error, RequestValidationError):
        return _of_invalid(error)
    if isinstance(error, HTTPException):
        # With these FastAPI refuses a body that is no text, or nested too deep to be read.
        if isinstance(error.__cause__, ValueError | RecursionError):
            return _invalid([{"field": "body", "problem": _NO_JSON}])
        code = _HTTP.get(error.status_code, "http_error")
        detail = "There is nothing at this address." if error.status_code == 404 else str(error.detail)
        return Problem(type="about:blank", title=code, status=error.status_code, detail=detail, code=code)
    for kind, (status, title) in STATUS.items():
        if isinstance(error, kind):
            return Problem(type="about:blank", title=title, status=status, detail=error.message, code=error.code)
    detail = "Something went wrong inside. It is in the log."
    return Problem(type="about:blank", title="Internal error", status=500, detail=detail, code="internal_error")


def install(app: FastAPI) -> None:
    """Map every error of this application."""
    for kind in (errors.FootnoteError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


def headers_of(status: int, error: Exception) -> dict[str, str]:
    """What a response of this status says beside its body, whatever form that has."""
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimitedError):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, RangeNotSatisfiableError):
        return {"Content-Range": f"bytes */{error.size}"}
    return {"Retry-After": RETRY_AFTER_SECONDS} if status in (429, 503) else {}


async def _answer(request: Request, error: Exception) -> JSONResponse:
    problem = problem_of(error)
    content = problem.model_dump(exclude_none=True)
    headers = {"Allow": _allowed(request)} if problem.status == 405 else headers_of(problem.status, error)
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


def _allowed(request: Request) -> str:
    """The methods of an address. Each has a route of its own, and the error knows of the first route alone."""
    scope, routes = request.scope, request.app.router.routes
    asked = {name: scope[name] for name in ("type", "path", "root_path", "headers")}
    return ", ".join(
        method
        for method in METHODS
        if any(route.matches(asked | {"method": method})[0] is Match.FULL for route in routes)
    )


def _of_invalid(error: RequestValidationError) -> Problem:
    found = [
        {"field": _field(e), "problem": _NO_JSON if e["type"] == "json_invalid" else e["msg"]} for e in error.errors()
    ]
    in_filters = any("filters" in e["loc"] for e in error.errors())
    return _invalid(found, code="invalid_filter" if in_filters else "invalid_input")


def _field(error: Mapping[str, Any]) -> str:
    """The part of the request that is wrong: the body itself where it is no JSON, or none, and no field of it."""
    if error["type"] == "json_invalid":
        return "body"
    return ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])


def _invalid(found: list[dict[str, Any]], *, code: str = "invalid_input") -> Problem:
    first = f"{found[0]['field']}: {found[0]['problem']}" if found else "The request cannot be read."
    return Problem(type="about:blank", title="Invalid request", status=422, detail=first, code=code, errors=found)
