"""What routes are given: the parts of the application, and the principal who calls.

Every route declares a permission as the type of a parameter, `Known`, `Reader`, `Writer`, `Admin` or `SignedIn`; a
test fails for a route without one. The principal is read from the database on each request, so that a change takes
effect on the next.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from retrieval.answering import Answerer
from retrieval.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from retrieval.index import ChunkIndex
from retrieval.searching import Searches
from retrieval.types import Principal
from services.access_tokens import AccessTokens
from services.api.kept import Kept
from services.api.left_out import LeftOuts
from services.api.limiter import Limiter
from services.api.open_answers import OpenAnswers
from services.api.scrape import Scrape
from services.audit_notes import AuditNotes
from services.auditing.verification import Verification
from services.blobs import BlobStore
from services.db.accounts import Accounts
from services.db.audit_log import AuditLog
from services.db.conversations import Conversations
from services.db.data_sources import DataSources
from services.db.documents import Documents
from services.db.keys import Keys
from services.db.registry import SqlRegistry
from services.db.source_items import SourceItems
from services.db.status import Figures, Status
from services.oidc.access_token import is_jwt
from services.queue import Doorbell
from services.single_sign_on import SingleSignOn

COOKIE = "footnote_session"
# For the OpenAPI document, which is told of them by these; `principal_of` reads what they are.
BEARER = HTTPBearer(
    scheme_name="bearer", description="An API key, or an access token of the sign-in provider.", auto_error=False
)
SESSION = APIKeyCookie(name=COOKIE, scheme_name="session", description="A browser's session.", auto_error=False)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that routes call, built by `services/wiring.py`."""

    accounts: Accounts
    keys: Keys
    documents: Documents
    data_sources: DataSources
    source_items: SourceItems
    check_connector: Callable[[str, Mapping[str, object], Mapping[str, str]], None]
    conversations: Conversations
    registry: SqlRegistry
    status: Status
    figures: Kept[Figures]
    scrape: Scrape
    blobs: BlobStore
    originals_answer: Kept[bool]
    left_out: LeftOuts
    index: Callable[[], ChunkIndex]
    verification: Verification
    searches: Searches
    answerer: Answerer
    open_answers: OpenAnswers
    doorbell: Doorbell
    limiter: Limiter
    single_sign_on: SingleSignOn | None
    access_tokens: AccessTokens | None
    local_sign_in: bool
    audit_log: AuditLog
    audit_notes: AuditNotes
    public_url: str
    max_upload_bytes: int
    web: Path | None
    model_name: str | None


def parts_of(request: Request) -> Parts:
    """The application's parts."""
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]


def sent_key(request: Request) -> str | None:
    """The API key or access token that was sent, unchecked; None where a browser's session has to do.

    Raises UnauthenticatedError.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.casefold() != "bearer" or not token:
        raise UnauthenticatedError("Send `Authorization: Bearer <API key or access token>`.", code="invalid_key")
    return token.strip()


SentKey = Annotated[str | None, Depends(sent_key)]


def principal_of(request: Request, parts: PartsOf, key: SentKey) -> Principal:
    """Who calls, counted. Raises UnauthenticatedError, RateLimitedError, ForbiddenError for a browser request from
    elsewhere, UnavailableError where only a sign-in provider that does not answer knows whether the session goes on, or
    whether it signed the token.
    """
    cookie = request.cookies.get(COOKIE)
    if key is None and not cookie:
        raise UnauthenticatedError("Sign in, or send an API key as `Authorization: Bearer <key>`.")
    try:
        if key is not None:
            principal = _of_token(parts, key) if is_jwt(key) else parts.accounts.principal_of_key(key)
        else:
            if parts.single_sign_on:
                parts.single_sign_on.keep(cookie or "")
            principal = parts.accounts.principal_of_session(cookie or "")
    except UnauthenticatedError:
        parts.limiter.failure(address_of(request), "session" if key is None else "key")
        raise
    request.state.actor.become(principal)
    parts.limiter.request(principal)
    if key is None:  # not before it is known whose session it is: a made-up one counts as such, wherever it is from
        check_origin(request)
    return principal


def _of_token(parts: Parts, token: str) -> Principal:
    if parts.access_tokens is None:
        raise UnauthenticatedError(
            "Access tokens are not taken here: send an API key, or have FOOTNOTE_OIDC_AUDIENCE set.",
            code="access_tokens_not_taken",
        )
    return parts.access_tokens.principal(token)


def address_of(request: Request) -> str:
    """Where a request comes from. Of IPv6 the network: whoever has one address there has 2^64."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ip_network((int(address) >> 64 << 64, 64)))


def check_origin(request: Request) -> None:
    """Refuse a browser's changing request that another site caused. Raises ForbiddenError."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    same = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not same and request.headers.get("sec-fetch-site") != "same-origin":
        raise ForbiddenError("This request comes from another site.", code="cross_site")


def known(
    request: Request,
    principal: Annotated[Principal, Depends(principal_of)],
    _bearer: Annotated[object, Depends(BEARER)],
    _session: Annotated[object, Depends(SESSION)],
) -> Principal:
    """Who calls, whatever their scopes. Raises NotFoundError for an address that holds a NUL.

    PostgreSQL refuses to look for one and SQLite finds nothing: so neither is asked, and every route says the same.
    """
    if any("\x00" in str(value) for value in request.path_params.values()):
        raise NotFoundError("There is nothing of this name: no name holds a NUL.")
    return principal


Known = Annotated[Principal, Depends(known)]


class Scope:
    """A dependency that asks for one scope, and for administrators where it is admin."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def __call__(self, principal: Known) -> Principal:
        if self.scope not in principal.scopes:
            raise ForbiddenError(f"This needs the scope '{self.scope}'.", code="missing_scope")
        return principal


Reader = Annotated[Principal, Depends(Scope("read"))]
Writer = Annotated[Principal, Depends(Scope("write"))]
Admin = Annotated[Principal, Depends(Scope("admin"))]


def signed_in(principal: Reader, key: SentKey) -> Principal:
    """Somebody in a browser's session. Raises ForbiddenError for a key, whatever its scopes, and for an access token.

    A session may do all that its person may, for as long as they sign in. So what opens one is out of a key's reach,
    else a key that may only read, or that ends tomorrow, would make itself one that does not. So is it
    out of an access token's, which ends at its time.
    """
    if key is not None:
        raise ForbiddenError(
            "Sign in in the browser to do this: neither an API key nor an access token will do.",
            code="session_required",
        )
    return principal


SignedIn = Annotated[Principal, Depends(signed_in)]


def check_outlasts_no_token(sent: str | None, what: str) -> None:
    """Refuse an access token `what`, as in "a key": it would go on when the token has ended. Raises ForbiddenError."""
    if sent is not None and is_jwt(sent):
        raise ForbiddenError(
            f"Sign in in the browser to make {what}: it would outlast your access token.", code="session_required"
        )
