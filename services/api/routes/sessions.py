"""Signing in and out in the browser, and who one is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from retrieval.access import groups_among
from retrieval.errors import ForbiddenError, InvalidInputError, UnauthenticatedError
from retrieval.types import Principal
from services.api import schemas
from services.api.cross_site import refuse
from services.api.dependencies import COOKIE, Parts, PartsOf, Reader, SignedIn, address_of, check_origin
from services.api.session_cookie import set_session_cookie

router = APIRouter(prefix="/v1", tags=["sessions"])


@router.post("/sessions", status_code=201)
def sign_in(body: schemas.SignIn, request: Request, response: Response, parts: PartsOf) -> schemas.Me:
    """Sign in with a one-time token or a password; the session comes back as a cookie."""
    if not parts.local_sign_in:
        raise ForbiddenError("Here one signs in at the company's provider only.", code="local_sign_in_off")
    address = address_of(request)
    if body.token:
        with _noted(parts, by="link"), parts.limiter.sign_in(address):
            cookie = parts.accounts.sign_in_with_link(body.token)
    elif body.email and body.password:
        account = body.email.strip().casefold()
        with _noted(parts, by="password", account=account), parts.limiter.sign_in(address, account):
            cookie = parts.accounts.sign_in_with_password(body.email, body.password)
    else:
        raise InvalidInputError("Send a token, or an e-mail address and a password.", code="no_credentials")
    set_session_cookie(response, cookie, public_url=parts.public_url)
    return _me(parts, parts.accounts.principal_of_session(cookie))


@router.delete("/sessions/current", status_code=204)
def sign_out(request: Request, parts: PartsOf, footnote_session: Annotated[str | None, Cookie()] = None) -> Response:
    """End this browser's session."""
    if footnote_session and parts.accounts.has_session(footnote_session):
        try:
            check_origin(request)
        except ForbiddenError:
            refuse(request, parts)
        parts.accounts.sign_out(footnote_session)
    elif footnote_session:
        parts.limiter.failure(address_of(request), "session")
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/me")
def me(parts: PartsOf, principal: Reader) -> schemas.Me:
    """Who the caller is and what they may."""
    return _me(parts, principal)


@router.put("/me/password", status_code=204)
def set_password(body: schemas.PasswordChange, parts: PartsOf, principal: SignedIn) -> Response:
    """Set or change one's password, in a browser's session: with no API key or access token."""
    try:
        with parts.limiter.password_change(principal):
            parts.accounts.set_password(principal.user_id, body.password, current=body.current_password)
    except InvalidInputError as error:
        subject = f"user:{principal.user_id}"
        parts.audit_notes.add("authn_password_change_fail", subject=subject, code=error.code)
        raise
    return Response(status_code=204)


@contextmanager
def _noted(parts: Parts, *, by: str, account: str | None = None) -> Iterator[None]:
    """Note a sign-in that fails, with the account where there is one: else what was typed may be a password."""
    try:
        yield
    except UnauthenticatedError:
        parts.audit_notes.add("authn_login_fail", account=account, by=by)
        raise


def _me(parts: Parts, principal: Principal) -> schemas.Me:
    account = parts.accounts.by_id(principal.user_id)
    elsewhere = parts.accounts.signs_in_elsewhere(principal.user_id)
    return schemas.Me(
        id=principal.user_id,
        email=principal.email,
        name=account.user.name,
        is_admin=principal.is_admin,
        groups=groups_among(principal.grants),
        grants=sorted(principal.grants),
        scopes=sorted(principal.scopes),
        has_password=account.user.password_hash is not None and not elsewhere,
        signs_in_elsewhere=elsewhere,
    )
