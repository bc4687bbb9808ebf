"""The error tree as HTTP, once: RFC 9457 problem documents with a stable code. Knows nothing of routes."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from retrieval import errors
from services.api.limiter import RateLimitedError
from services.api.schemas import Problem

STATUS: dict[type[errors.FootnoteError], tuple[int, str]] = {
    errors.TooLargeError: (413, "Too large"),
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


def problem_of(error: Exception) -> Problem:
    """The problem document of any error; what is not ours says nothing of the inside."""
    if isinstance(error, RequestValidationError):
        return _of_invalid(error)
    if isinstance(error, HTTPException):
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
    return {"Retry-After": RETRY_AFTER_SECONDS} if status in (429, 503) else {}


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    problem = problem_of(error)
    content = problem.model_dump(exclude_none=True)
    headers = headers_of(problem.status, error)
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


def _of_invalid(error: RequestValidationError) -> Problem:
    found = [{"field": ".".join(str(part) for part in e["loc"][1:]), "problem": e["msg"]} for e in error.errors()]
    in_filters = any("filters" in e["loc"] for e in error.errors())
    first = f"{found[0]['field']}: {found[0]['problem']}" if found else "The request cannot be read."
    code = "invalid_filter" if in_filters else "invalid_input"
    return Problem(type="about:blank", title="Invalid request", status=422, detail=first, code=code, errors=found)
