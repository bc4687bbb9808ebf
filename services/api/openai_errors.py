"""Our errors in OpenAI's form, at the routes that speak its protocol. Knows nothing of what those do."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from retrieval.errors import FootnoteError
from services.api.errors import headers_of, problem_of
from services.api.openai_schemas import Error, ErrorBody

_log = structlog.get_logger(__name__)
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_of(error: Exception) -> tuple[int, ErrorBody]:
    """An error's status and body. What cannot be right is 400, as OpenAI's clients expect."""
    problem = problem_of(error)
    status = 400 if problem.status == 422 else problem.status
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    param = getattr(error, "param", None) or (problem.errors or [{}])[0].get("field")
    return status, ErrorBody(error=Error(message=problem.detail, type=kind, code=problem.code, param=param))


class OpenAIRoute(APIRoute):
    """A route whose errors, those of its dependencies included, have OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except (FootnoteError, RequestValidationError, HTTPException) as error:
                return _response(error)
            except Exception as error:
                _log.exception("openai_route_crashed")
                return _response(error)

        return answered


def _response(error: Exception) -> JSONResponse:
    status, body = error_of(error)
    return JSONResponse(body.model_dump(), status, headers_of(status, error))
