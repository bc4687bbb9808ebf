"""Signing in and out in the browser, and who one is."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Request, Response

from retrieval.errors import InvalidInputError
from retrieval.types import Principal
from services.api import schemas
from services.api.dependencies import COOKIE, Parts, PartsOf, Reader, SignedIn, check_origin
from services.db.accounts import SESSION_LIFE

router = APIRouter(prefix="/v1", tags=["sessions"])


@router.post("/sessions", status_code=201)
def sign_in(body: schemas.SignIn, request: Request, response: Response, parts: PartsOf) -> schemas.Me:
    """Sign in with a one-time token or a password; the session comes back as a cookie."""
    address = request.client.host if request.client else "unknown"
    if body.token:
        with parts.sign_in_limiter.attempt(address):
            cookie = parts.accounts.sign_in_with_link(body.token)
    elif body.email and body.password:
        with parts.sign_in_limiter.attempt(f"{address} {body.email.casefold()}"):
            cookie = parts.accounts.sign_in_with_password(body.email, body.password)
    else:
        raise InvalidInputError("Send a token, or an e-mail address and a password.", code="no_credentials")
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        secure=parts.public_url.startswith("https://"),
        samesite="lax",
        path="/",
    )
    return _me(parts, parts.accounts.principal_of_session(cookie))


@router.delete("/sessions/current", status_code=204, dependencies=[Depends(check_origin)])
def sign_out(parts: PartsOf, footnote_session: Annotated[str | None, Cookie()] = None) -> Response:
    """End this browser's session."""
    if footnote_session:
        parts.accounts.sign_out(footnote_session)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/me")
def me(parts: PartsOf, principal: Reader) -> schemas.Me:
    """Who the caller is and what they may."""
    return _me(parts, principal)


@router.put("/me/password", status_code=204)
def set_password(body: schemas.PasswordChange, parts: PartsOf, principal: SignedIn) -> Response:
    """Set or change one's password, in a browser's session: no API key may."""
    with parts.sign_in_limiter.attempt(f"password {principal.user_id}"):
        parts.accounts.set_password(principal.user_id, body.password, current=body.current_password)
    return Response(status_code=204)


def _me(parts: Parts, principal: Principal) -> schemas.Me:
    account = parts.accounts.by_id(principal.user_id)
    return schemas.Me(
        id=principal.user_id,
        email=principal.email,
        name=account.user.name,
        is_admin=principal.is_admin,
        groups=list(account.groups),
        grants=sorted(principal.grants),
        scopes=sorted(principal.scopes),
        has_password=account.user.password_hash is not None,
    )
