"""The cookie that a browser's session is. Knows nothing of how it began."""

from fastapi import Response

from services.api.dependencies import COOKIE
from services.db.accounts import SESSION_LIFE


def set_session_cookie(response: Response, cookie: str, *, public_url: str) -> None:
    """Have the browser keep its session, out of scripts' reach; the server ends it, whatever the cookie says."""
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        secure=public_url.startswith("https://"),
        samesite="lax",
        path="/",
    )
