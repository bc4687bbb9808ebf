"""The built web app: its files, and its page for every address that it routes itself. Knows nothing of the API."""

import os
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.routing import Match, Mount, Route
from starlette.types import Scope

NOT_BUILT = (
    "<!doctype html><title>Footnote</title><h1>Footnote is running</h1>"
    "<p>The web app was not built: install Node 20 or newer and run <code>make web</code>. "
    "The command line and the REST interface work without it.</p>"
)
# Where no page is, by the first part of an address. MCP clients look for OAuth under .well-known: a page in its place
# would be taken for an answer.
_API = frozenset({"v1", "mcp", ".well-known", "healthz", "readyz", "metrics", "openapi.json"})
_METHODS = ("GET", "HEAD")


def serve(app: FastAPI, web: Path | None) -> None:
    """Serve the files of the folder `web`, and its index.html for every other address; None where it was not built."""

    def page(request: Request) -> Response:
        if web is None:
            return HTMLResponse(NOT_BUILT)
        path = request.path_params["path"]
        file = (web / path).resolve()
        if path and file.is_file() and file.is_relative_to(web.resolve()):
            return FileResponse(file)
        return FileResponse(web / "index.html", headers={"Cache-Control": "no-cache"})

    if web is not None:
        app.router.routes.append(_AssetsRoute("/assets", _Assets(directory=web / "assets", check_dir=False)))
    app.router.routes.append(_PageRoute("/{path:path}", page, methods=_METHODS))


class _PageRoute(Route):
    """Every address that is none of the API's and holds no NUL: there nothing is found, by whatever method."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Route."""
        match, found = super().matches(scope)
        path = found["path_params"]["path"] if found else ""
        return (Match.NONE, {}) if path.split("/")[0] in _API or "\x00" in path else (match, found)


class _AssetsRoute(Mount):
    """A folder of files, which have no other methods than pages."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Mount."""
        match, found = super().matches(scope)
        return (Match.PARTIAL if match is Match.FULL and scope["method"] not in _METHODS else match), found


class _Assets(StaticFiles):
    """Files of a folder. A name that holds a NUL is none, where the file system would fail."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """See StaticFiles."""
        return super().lookup_path(path) if "\x00" not in path else ("", None)
