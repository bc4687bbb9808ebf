"""An ID token, checked: OpenID Connect Core 3.1.3.7 and RFC 8725. Knows nothing of where it comes from."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from services.oidc.errors import TokenInvalidError
from services.oidc.keys import KINDS, KeptJwks, key_for

SKEW_SECONDS = 60
MAX_SUBJECT = 255
MAX_TOKEN = 128 * 1024
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
Claims = Mapping[str, Any]
_HASHES = {"RS256": hashlib.sha256, "PS256": hashlib.sha256, "ES256": hashlib.sha256, "EdDSA": hashlib.sha512}


def checked(token: str, *, keys: KeptJwks, issuer: str, client_id: str, nonce: str | None, access_token: str) -> Claims:
    """What the token claims. `nonce` None: it answers a refresh, and so no request that named one.

    Raises TokenInvalidError, and ProviderUnavailableError where the keys cannot be had.
    """
    if len(token) > MAX_TOKEN:
        raise TokenInvalidError("The ID token is too long.")
    try:
        header = jwt.get_unverified_header(token)  # which refuses a critical extension that it does not know
        algorithm, kid = str(header.get("alg")), header.get("kid")
        if algorithm not in KINDS:
            raise TokenInvalidError(f"The ID token is signed by {algorithm[:20]}, which we do not accept.")
        claims: dict[str, Any] = jwt.decode(
            token,
            key_for(keys, kid, algorithm),
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=SKEW_SECONDS,
            options={"require": REQUIRED, "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise TokenInvalidError(f"The ID token is not valid ({type(error).__name__}: {error}).") from error
    _check_parties(claims, client_id)
    if nonce is not None and not _same(claims.get("nonce"), nonce):
        raise TokenInvalidError("The ID token answers another request (nonce).")
    if "at_hash" in claims and not _same(claims["at_hash"], _left_half(access_token, algorithm)):
        raise TokenInvalidError("The ID token belongs to another access token (at_hash).")
    return claims


def _check_parties(claims: Claims, client_id: str) -> None:
    audience, party = claims["aud"], claims.get("azp")
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise TokenInvalidError("The ID token is for several and does not say who asked for it (azp).")
    if party is not None and party != client_id:
        raise TokenInvalidError("The ID token was made for another client (azp).")
    subject = claims["sub"]
    if not (0 < len(subject) <= MAX_SUBJECT and subject.isascii() and subject.isprintable()):
        raise TokenInvalidError("The ID token's subject is empty, too long, or no ASCII.")


def _same(said: object, expected: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(), expected.encode())


def _left_half(access_token: str, algorithm: str) -> str:
    digest = _HASHES[algorithm](access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
