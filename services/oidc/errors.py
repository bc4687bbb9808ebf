"""What can go wrong with a sign-in elsewhere. The codes stand in the address of the sign-in page: they are stable."""

from retrieval.errors import UnauthenticatedError, UnavailableError


class ProviderUnavailableError(UnavailableError):
    """The provider is down, slow, or says something else than it should: another time it may work."""

    code = "oidc_unavailable"


class KeyNotReadError(ProviderUnavailableError):
    """The key is none that we know, and those of the provider could not be read again just now: it may be a new one."""


class ProviderMisconfiguredError(UnavailableError):
    """The provider and our settings do not fit: somebody has to change one of them."""

    code = "oidc_misconfigured"


class SignInRefusedError(UnauthenticatedError):
    """This sign-in leads to no session. Codes: `oidc_cancelled`, `oidc_refused`, `oidc_expired`, `oidc_no_email`,
    `oidc_email_unverified`, `oidc_domain`.
    """

    code = "oidc_refused"


class TokenInvalidError(SignInRefusedError):
    """An ID token that proves nothing. The message says why and is for the log: who signs in is told the code."""

    code = "oidc_invalid_token"


class AccessTokenInvalidError(UnauthenticatedError):
    """A bearer token that proves nothing. Whoever sent it is told why, as they have to get another."""

    code = "invalid_token"


class GrantEndedError(SignInRefusedError):
    """The code or the refresh token is no longer good."""

    code = "oidc_grant_ended"
