"""The data sources of the command line's fake server: added, synced after some looks, and as the test says after that.

It keeps the contract's shapes and nothing of what is behind them.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

COUNTERS = {"listed": 3, "unchanged": 1, "fetched": 2, "new": 2, "changed": 0, "moved": 0, "deleted": 0, "failed": 0}
CONNECTORS: list[dict[str, Any]] = [
    {"name": "folder", "description": "A folder on the server.", "options": [
        {"name": "path", "description": "Where it is.", "required": True, "secret": False, "default": None},
        {"name": "include", "description": "Only these.", "required": False, "secret": False, "default": []},
        {"name": "depth", "description": "How deep.", "required": False, "secret": False, "default": 5},
    ]},
    {"name": "imap", "description": "A mailbox.", "options": [
        {"name": "host", "description": "", "required": True, "secret": False, "default": None},
        {"name": "username", "description": "", "required": True, "secret": False, "default": None},
        {"name": "password", "description": "", "required": True, "secret": True, "default": None},
    ]},
]  # fmt: skip


class FakeSources:
    """`looks_until_done` looks after a sync was asked for it ends with `outcome`; `failures` are its failing items."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.by_name: dict[str, dict[str, Any]] = {}
        self.bodies: list[dict[str, Any]] = []
        self.looks_until_done = 2
        self.outcome: dict[str, Any] = {"outcome": "done"}
        self.failures: list[dict[str, Any]] = []
        self._looks = 0

    def routes(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "/v1/connectors", lambda _: JSONResponse({"items": CONNECTORS, "next_cursor": None})),
            ("POST", "/v1/data-sources", self._add),
            ("GET", "/v1/data-sources/{name}", self._show),
            ("PATCH", "/v1/data-sources/{name}", self._change),
            ("DELETE", "/v1/data-sources/{name}", self._remove),
            ("POST", "/v1/data-sources/{name}/sync", self._sync),
            ("GET", "/v1/data-sources/{name}/items", self._items),
        ]

    async def _add(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        self.by_name[body["name"]] = {
            "name": body["name"], "connector": body["connector"], "documents": 0,
            "setup": {
                "owner": "root@example.com", "options": body["options"], "secrets": body["secrets"],
                "grants": body["grants"], "every_s": body["every_s"], "state": "waiting", "paused": False,
                "next_sync_at": "2025-03-01T09:30:00Z", "sync": None, "failed_items": 0, "failed_documents": 0,
                "created_at": "2025-03-01T09:00:00Z",
            },
        }  # fmt: skip
        return JSONResponse(self.by_name[body["name"]], status_code=201)

    def _show(self, request: Request) -> Response:
        source = self.by_name.get(request.path_params["name"])
        if source is None:
            return _problem(404, "unknown_data_source", "There is no data source of this name with a connector.")
        self._looks += 1
        over = self._looks >= self.looks_until_done
        if source["setup"]["state"] in ("waiting", "syncing"):
            source["setup"]["state"] = "idle" if over else "syncing"
            source["documents"] = 3 if over else 0
            source["setup"]["failed_items"] = len(self.failures) if over else 0
            source["setup"]["sync"] = {
                "number": 1, "started_at": "2025-03-01T09:30:00Z", "finished_at": None, "outcome": None, "code": None,
                "reason": None, "unconfirmed": 0, "counters": COUNTERS, **(self.outcome if over else {}),
            }  # fmt: skip
        return JSONResponse(source)

    async def _change(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        source = self.by_name[request.path_params["name"]]
        source["setup"].update(body)
        return JSONResponse(source)

    def _remove(self, request: Request) -> Response:
        keep = request.query_params["keep_documents"] == "true"
        if not keep and request.query_params["confirm"] != "true":
            return _problem(409, "confirmation_required", "Removing it deletes its 3 documents: confirm that.")
        return JSONResponse({"deleted": 0 if keep else 3, "kept": 3 if keep else 0})

    async def _sync(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        self._looks = 0
        self.by_name[request.path_params["name"]]["setup"]["state"] = "waiting"
        return JSONResponse({"name": request.path_params["name"], "number": 1}, status_code=202)

    def _items(self, _: Request) -> Response:
        return JSONResponse({"items": self.failures, "next_cursor": None})


def _problem(status: int, code: str, detail: str) -> Response:
    body = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
