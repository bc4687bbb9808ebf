"""The FastAPI application: routes, errors and headers. Knows nothing of settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.api import errors, mcp_server, web_files
from services.api.dependencies import Parts
from services.api.description import completed
from services.api.middleware import Audited, BodyLimit, Observed, SecurityHeaders
from services.api.routes import (
    admin,
    api_keys,
    ask,
    audit_log,
    auditing,
    chat_completions,
    conversations,
    data_sources,
    documents,
    mcp,
    search,
    sessions,
    single_sign_on,
    users,
)
from services.api.schemas import Problem

ROUTERS = (
    documents,
    search,
    ask,
    chat_completions,
    mcp,
    conversations,
    sessions,
    single_sign_on,
    users,
    api_keys,
    data_sources,
    admin,
    audit_log,
    auditing,
)


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """See FastAPI."""
        return completed(super().openapi())


def create_app(parts: Parts | None = None, *, close: Callable[[], None] = lambda: None) -> FastAPI:
    """Build the application. Without `parts` it only serves to print its OpenAPI document."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with mcp_server.running() as endpoint:
            app.state.mcp = endpoint
            yield
        if parts is not None:
            parts.audit_notes.close()
        close()

    # The interactive pages load scripts from elsewhere, which our content security policy forbids.
    problems: dict[int | str, dict[str, Any]] = {"4XX": {"model": Problem}, "5XX": {"model": Problem}}
    app = _Application(
        title="Footnote",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=problems,
    )
    app.state.parts = parts
    errors.install(app)
    for module in ROUTERS:
        app.include_router(module.router)
    app.add_middleware(BodyLimit)
    app.add_middleware(Audited)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observed)
    web_files.serve(app, parts.web if parts else None)
    return app
