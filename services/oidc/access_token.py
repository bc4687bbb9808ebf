"""An access token that a program shows us, checked: RFC 9068, and what providers write that do not follow it yet.

It has to be a JWT: of an opaque one nobody can prove that it was made for us. Knows nothing of whose it is.
"""

from retrieval.storable import storable
from services.oidc.errors import AccessTokenInvalidError, KeyNotReadError, TokenInvalidError
from services.oidc.keys import KeptJwks
from services.oidc.signed import Claims, Signed, proved

# In a claim `typ` Keycloak says what a token is. With DPoP it is for those who prove that they have a key.
BEARER = "bearer"
TYPES = frozenset({"at+jwt", "application/at+jwt"})
# What a header may say. Other types are of tokens for another purpose: rt+jwt, logout+jwt, secevent+jwt.
POSSIBLE_TYPES = TYPES | {"jwt", "application/jwt"}
# Nothing but disabling its person ends a token here before its time. A day is what providers give at most, unless they
# are told otherwise.
LONGEST_SECONDS = 24 * 3600
SCOPES = ("scope", "scp")
OF_ID_TOKENS = ("nonce", "at_hash", "c_hash")
# Characters of a reason that may repeat what was sent.
MOST_SAID = 300


def is_jwt(token: str) -> bool:
    """Whether this begins as a JSON Web Token does, with `{"` in base64: no API key does."""
    return token.startswith("eyJ")


def checked(token: str, *, keys: KeptJwks, issuer: str, audience: str) -> Claims:
    """What the token claims. Raises AccessTokenInvalidError, and ProviderUnavailableError without keys.

    Where a key is unknown and keys cannot be read again just now, it is the token that is refused: such tokens are what
    anybody can make, and only those that are refused are counted against their sender.
    """
    try:
        signed = proved(token, keys=keys, issuer=issuer, audience=audience, kind="access token")
    except (TokenInvalidError, KeyNotReadError) as error:
        raise AccessTokenInvalidError(storable(error.message)[:MOST_SAID]) from error
    _check_kind(signed)
    if int(signed.claims["exp"]) - int(signed.claims["iat"]) > LONGEST_SECONDS:
        raise AccessTokenInvalidError(
            "This access token is good for more than 24 hours (exp, iat): have the provider give it a shorter life."
        )
    if "cnf" in signed.claims:
        raise AccessTokenInvalidError("This access token is bound to a key (cnf): ask for one that is not.")
    return signed.claims


def _check_kind(signed: Signed) -> None:
    """Refuse what the same provider signed for another purpose, perhaps for the same audience.

    An ID token is shown to pages and written to logs more freely than what opens something. It is told by what only an
    access token says, and, where that is no more than its scopes, by what only an ID token does: Keycloak wrote nonce
    into both until version 24.
    """
    claims, header_typ = signed.claims, str(signed.header.get("typ") or "jwt").casefold()
    is_bearer = str(claims.get("typ")).casefold() == BEARER
    other_kind = claims.get("typ") is not None and not is_bearer
    other_use = claims.get("token_use", "access") != "access"  # Cognito's word for it
    if header_typ not in POSSIBLE_TYPES or other_kind or other_use or "events" in claims:
        raise AccessTokenInvalidError("This is no access token, but one that the provider made for another purpose.")
    if is_bearer or header_typ in TYPES:
        return
    if any(name in claims for name in OF_ID_TOKENS):
        raise AccessTokenInvalidError("This is an ID token: send the access token that came with it.")
    if not any(name in claims for name in SCOPES):
        raise AccessTokenInvalidError("This token names no type and no scope: nothing says that it is an access token.")
