"""What another site caused is refused, and counts as any other request of whoever's key or session it carries."""

from contextlib import suppress
from typing import NoReturn

from fastapi import Request

from retrieval.errors import ForbiddenError, UnauthenticatedError
from services.api.dependencies import Parts, principal_of, sent_key


def refuse(request: Request, parts: Parts) -> NoReturn:
    """Count it for whose it is, who is named in the audit log then, or as a failure of its address, and refuse it.

    Raises ForbiddenError whatever it carries, but RateLimitedError where it was one too many, and UnavailableError as
    `principal_of` does.
    """
    with suppress(UnauthenticatedError):
        principal_of(request, parts, sent_key(request))
    raise ForbiddenError("This request comes from another site.", code="cross_site")
