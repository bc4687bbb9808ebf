"""The cookies of a browser's sign-in and session, out of scripts' reach. Knows nothing of what they are good for."""

from datetime import timedelta

from fastapi import Response

from services.api.dependencies import COOKIE
from services.db.accounts import SESSION_LIFE


def set_session_cookie(response: Response, cookie: str, *, public_url: str) -> None:
    """Have the browser keep its session; the server ends it, whatever the cookie says."""
    set_private_cookie(response, COOKIE, cookie, life=SESSION_LIFE, path="/", public_url=public_url)


def set_private_cookie(
    response: Response, name: str, value: str, *, life: timedelta, path: str, public_url: str
) -> None:
    """A cookie for requests to `path` alone, which no script reads and no other site's form sends."""
    response.set_cookie(
        name,
        value,
        max_age=int(life.total_seconds()),
        httponly=True,
        secure=public_url.startswith("https://"),
        samesite="lax",
        path=path,
    )
