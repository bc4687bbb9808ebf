"""Access tokens of the company's own provider as credentials: from what a program shows to the principal it acts for.

Knows nothing of HTTP or SQL: it has `services/oidc` check the token, and `services/db` find whose it is.
"""

from dataclasses import replace

import structlog

from retrieval.errors import ConflictError, UnauthenticatedError
from retrieval.types import Principal
from services.db.token_holders import TokenHolders
from services.oidc.person import Rules, email_of, standing_of
from services.oidc.provider import Provider
from services.oidc.signed import Claims
from services.single_sign_on import identified

_log = structlog.get_logger(__name__)


class AccessTokens:
    """`audience` is who tokens have to be made for: Footnote, by the name that the provider has for it."""

    def __init__(self, provider: Provider, holders: TokenHolders, rules: Rules, *, audience: str) -> None:
        self._provider = provider
        self._holders = holders
        self._rules = rules
        self._audience = audience

    def principal(self, token: str) -> Principal:
        """Whom the token was made for, with the groups that it names; an account is made for somebody new.

        Raises UnauthenticatedError: `invalid_token`, `account_disabled`, and what a sign-in is refused for, such as
        `oidc_no_email`. ProviderUnavailableError where the keys were never read and cannot be.
        """
        claims = self._provider.access_claims(token, audience=self._audience)
        if claims.get("email"):  # a token need not name one, but what it says holds
            email_of(claims, self._rules)
        found = self._found(claims)
        if found is None:
            self._introduce(claims)
            found = self._found(claims)
        if found is None:  # an operator took the identity away meanwhile
            raise UnauthenticatedError("Nobody here is whom this token names.", code="invalid_token")
        return found

    def _found(self, claims: Claims) -> Principal | None:
        standing = standing_of(claims, self._rules)
        return self._holders.principal(
            issuer=claims["iss"], subject=claims["sub"], groups=standing.groups, is_admin=standing.is_admin
        )

    def _introduce(self, claims: Claims) -> None:
        """Raises UnauthenticatedError; the whole reason is the administrator's to know: it is in the log.

        Whoever the token names, it makes no administrator: that is for a sign-in to say.
        """
        try:
            self._holders.introduce(replace(identified(claims, self._rules), is_admin=False))
        except (UnauthenticatedError, ConflictError) as error:
            subject = claims["sub"]
            _log.warning("oidc_token_of_nobody", code=error.code, reason=error.message, subject=subject)
            raise UnauthenticatedError(
                f"Nobody here is the subject {subject} that this token names, and it makes no account ({error.code})."
                " Sign in once in the browser, or ask your administrator.",
                code=error.code,
            ) from error
