"""What every response passes through: size limits, security headers, counters. Knows nothing of routes' meaning."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.acting import calling
from services.api.dependencies import address_of
from services.audit_notes import AuditNotes
from services.telemetry import REQUESTS

MAX_JSON = 1024 * 1024
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UPLOADS = frozenset({"/v1/documents", "/v1/documents/batch"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}


class SecurityHeaders:
    """Adds the headers that a response does not set itself; API answers are kept in no cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = dict(HEADERS)
                if scope["path"].startswith("/v1/"):
                    added[b"cache-control"] = b"no-store"
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in added.items() if name not in present),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyLimit:
    """Refuses bodies over 1 MiB, except uploads, which have a limit of their own and are checked as they come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["path"] in UPLOADS and scope["method"] == "POST"):
            await self._app(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_JSON:
                raise HTTPException(413, "The request is larger than 1 MiB.")
            return message

        await self._app(scope, counted, send)


class Audited:
    """Says who acts, as far as a request shows it, and notes what somebody had no right to.

    Of nobody known nothing is noted: no limit holds for them, and what is noted stays.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def seen(message: Message) -> None:
            refused = message["type"] == "http.response.start" and message["status"] == 403
            if refused and actor.user_id is not None:
                notes: AuditNotes = scope["app"].state.parts.audit_notes
                notes.add("authz_fail", method=scope["method"], route=getattr(scope.get("route"), "path", "other"))
            await send(message)

        with calling(address_of(Request(scope))) as actor:
            scope.setdefault("state", {})["actor"] = actor
            await self._app(scope, receive, seen)


class Observed:
    """Counts requests by route template and known method, so that nothing an outsider makes up becomes a label."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(method, route, str(status)).inc()
