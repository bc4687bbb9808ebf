"""Signing in at the company's own provider: the browser is sent there, and comes back.

What goes wrong is told on the sign-in page, by a stable code in its address: nobody reads JSON in the middle of that.
"""

import re
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from retrieval.errors import FootnoteError, InvalidInputError, NotFoundError
from services.api import schemas
from services.api.dependencies import Parts, PartsOf, address_of
from services.api.limiter import RateLimitedError
from services.api.session_cookie import set_private_cookie, set_session_cookie
from services.db.provider_sessions import REQUEST_LIFE
from services.single_sign_on import SingleSignOn

BROWSER = "footnote_sign_in"
PATH = "/v1/sessions/oidc"
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
# A path of this app and nothing that a browser takes for another host: it drops tabs, and takes \ for /.
LOCAL = re.compile(r"/(?:[^/\\\s\x00-\x1f\x7f][^\\\s\x00-\x1f\x7f]*)?")
_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
Redirect = Annotated[schemas.Text, Query(max_length=2000)]
Said = Annotated[schemas.Text | None, Query(max_length=8000)]


@router.get("/methods")
def methods(parts: PartsOf) -> schemas.SignInMethods:
    """How one can sign in here: for the page on which nobody is known yet."""
    sso = parts.single_sign_on
    return schemas.SignInMethods(local=parts.local_sign_in, oidc=sso.name if sso else None)


@router.get("/oidc", status_code=303, response_class=RedirectResponse)
def send(
    request: Request, parts: PartsOf, next_path: Annotated[Redirect, Query(alias="next")] = "/"
) -> RedirectResponse:
    """Send the browser to the provider; `next` is the path of this app to go on at."""
    sso = _configured(parts)
    if not LOCAL.fullmatch(next_path):
        raise InvalidInputError("Go on at a path of this app, such as /documents.", code="invalid_next")
    try:
        parts.limiter.begun_sign_in(address_of(request))
        sent = sso.send(next_path, browser=_browser(request))
    except FootnoteError as error:
        return _back(error)
    response = RedirectResponse(sent.url, 303)
    set_private_cookie(response, BROWSER, sent.browser, life=REQUEST_LIFE, path=PATH, public_url=parts.public_url)
    return response


@router.get("/oidc/callback", status_code=303, response_class=RedirectResponse)
def come_back(
    request: Request,
    parts: PartsOf,
    *,
    state: Said = None,
    code: Said = None,
    error: Said = None,
    iss: Said = None,
) -> RedirectResponse:
    """Where the provider sends the browser back to: a session begins, or the sign-in page says why not."""
    sso = _configured(parts)
    try:
        with parts.limiter.returned_sign_in(address_of(request)):
            cookie, goes_on = sso.come_back(
                state=state or "", browser=_browser(request) or "", code=code, error=error, issuer=iss
            )
    except RateLimitedError as problem:  # nothing was tried: it is noted once that the limit is met
        return _back(problem)
    except FootnoteError as problem:
        parts.audit_notes.add("authn_login_fail", account=None, by="oidc", code=problem.code)
        return _back(problem)
    response = RedirectResponse(goes_on, 303)
    set_session_cookie(response, cookie, public_url=parts.public_url)
    return response


@router.get("/oidc/sign-out", status_code=303, response_class=RedirectResponse)
def sign_out_there(parts: PartsOf) -> RedirectResponse:
    """Where a browser ends its session at the provider too, after it has ended the one here."""
    try:
        url = _configured(parts).sign_out_url(f"{parts.public_url}/sign-in")
    except FootnoteError as error:
        return _back(error)
    return RedirectResponse(url or f"/sign-in?{urlencode({'error': 'oidc_no_sign_out'})}", 303)


def _configured(parts: Parts) -> SingleSignOn:
    if parts.single_sign_on is None:
        raise NotFoundError("No sign-in provider is configured here.", code="oidc_not_configured")
    return parts.single_sign_on


def _browser(request: Request) -> str | None:
    """The secret of this browser's sign-ins, which several tabs share."""
    kept = request.cookies.get(BROWSER, "")
    return kept if SECRET.fullmatch(kept) else None


def _back(error: FootnoteError) -> RedirectResponse:
    """To the sign-in page. The reason is the administrator's to know: it is in the log."""
    _log.warning("oidc_sign_in_failed", code=error.code, reason=error.message)
    return RedirectResponse(f"/sign-in?{urlencode({'error': error.code})}", 303)
