"""An ID token, checked: OpenID Connect Core 3.1.3.7. Knows nothing of where it comes from."""

import base64
import hashlib
import hmac

from services.oidc.errors import TokenInvalidError
from services.oidc.keys import KeptJwks
from services.oidc.signed import Claims, proved

_HASHES = {"RS256": hashlib.sha256, "PS256": hashlib.sha256, "ES256": hashlib.sha256, "EdDSA": hashlib.sha512}


def checked(token: str, *, keys: KeptJwks, issuer: str, client_id: str, nonce: str | None, access_token: str) -> Claims:
    """What the token claims. `nonce` None: it answers a refresh, and so no request that named one.

    Raises TokenInvalidError, and ProviderUnavailableError where the keys cannot be had.
    """
    signed = proved(token, keys=keys, issuer=issuer, audience=client_id, kind="ID token")
    claims = signed.claims
    _check_parties(claims, client_id)
    if nonce is not None and not _same(claims.get("nonce"), nonce):
        raise TokenInvalidError("The ID token answers another request (nonce).")
    if "at_hash" in claims and not _same(claims["at_hash"], _left_half(access_token, signed.header["alg"])):
        raise TokenInvalidError("The ID token belongs to another access token (at_hash).")
    return claims


def _check_parties(claims: Claims, client_id: str) -> None:
    audience, party = claims["aud"], claims.get("azp")
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise TokenInvalidError("The ID token is for several and does not say who asked for it (azp).")
    if party is not None and party != client_id:
        raise TokenInvalidError("The ID token was made for another client (azp).")


def _same(said: object, expected: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(), expected.encode())


def _left_half(access_token: str, algorithm: str) -> str:
    digest = _HASHES[algorithm](access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
