"""The built web app: its files, and its page for every address that it routes itself. Knows nothing of the API."""

import os
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

NOT_BUILT = (
    "<!doctype html><title>Footnote</title><h1>Footnote is running</h1>"
    "<p>The web app was not built: install Node 20 or newer and run <code>make web</code>. "
    "The command line and the REST interface work without it.</p>"
)
# MCP clients look for OAuth under .well-known: a page in its place would be taken for an answer.
_API = ("v1/", "mcp", ".well-known/", "healthz", "readyz", "metrics", "openapi.json")


def serve(app: FastAPI, web: Path | None) -> None:
    """Serve the files of the folder `web`, and its index.html for every other address; None where it was not built."""
    if web is not None:
        app.mount("/assets", _Assets(directory=web / "assets", check_dir=False), name="assets")

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> Response:
        if path.startswith(_API) or "\x00" in path:
            raise HTTPException(404)
        if web is None:
            return HTMLResponse(NOT_BUILT)
        file = (web / path).resolve()
        if path and file.is_file() and file.is_relative_to(web.resolve()):
            return FileResponse(file)
        return FileResponse(web / "index.html", headers={"Cache-Control": "no-cache"})


class _Assets(StaticFiles):
    """Files of a folder. A name that holds a NUL is none, where the file system would fail."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """See StaticFiles."""
        return super().lookup_path(path) if "\x00" not in path else ("", None)
