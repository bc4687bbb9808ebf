"""The FastAPI application: routes, errors, headers and the web app's files. Knows nothing of settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from services.api import errors, mcp_server
from services.api.dependencies import Parts
from services.api.middleware import BodyLimit, Observed, SecurityHeaders
from services.api.routes import (
    admin,
    api_keys,
    ask,
    auditing,
    chat_completions,
    conversations,
    data_sources,
    documents,
    mcp,
    search,
    sessions,
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
    users,
    api_keys,
    data_sources,
    admin,
    auditing,
)
NOT_BUILT = (
    "<!doctype html><title>Footnote</title><h1>Footnote is running</h1>"
    "<p>The web app was not built: install Node 20 or newer and run <code>make web</code>. "
    "The command line and the REST interface work without it.</p>"
)
# MCP clients look for OAuth under .well-known: a page in its place would be taken for an answer.
_API = ("v1/", "mcp", ".well-known/", "healthz", "readyz", "metrics", "openapi.json")


def create_app(parts: Parts | None = None, *, close: Callable[[], None] = lambda: None) -> FastAPI:
    """Build the application. Without `parts` it only serves to print its OpenAPI document."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with mcp_server.running() as endpoint:
            app.state.mcp = endpoint
            yield
        close()

    # The interactive pages load scripts from elsewhere, which our content security policy forbids.
    problems: dict[int | str, dict[str, Any]] = {"4XX": {"model": Problem}, "5XX": {"model": Problem}}
    app = FastAPI(title="Footnote", version="1", docs_url=None, redoc_url=None, lifespan=lifespan, responses=problems)
    app.state.parts = parts
    errors.install(app)
    for module in ROUTERS:
        app.include_router(module.router)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observed)
    _serve_web(app, parts.web if parts else None)
    return app


def _serve_web(app: FastAPI, web: Path | None) -> None:
    """The built app: its files, and index.html for every address that the app itself routes."""
    if web is not None:
        app.mount("/assets", StaticFiles(directory=web / "assets", check_dir=False), name="assets")

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> Response:
        if path.startswith(_API):
            raise HTTPException(404)
        if web is None:
            return HTMLResponse(NOT_BUILT)
        file = (web / path).resolve()
        if path and file.is_file() and file.is_relative_to(web.resolve()):
            return FileResponse(file)
        return FileResponse(web / "index.html", headers={"Cache-Control": "no-cache"})
