"""A token that the provider signed, whatever its kind: signature, issuer, audience and times, as RFC 8725 has it.

Knows nothing of what kinds there are, or of where a token comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from services.oidc.errors import TokenInvalidError
from services.oidc.keys import KINDS, KeptJwks, key_for

SKEW_SECONDS = 60
MAX_SUBJECT = 255
MAX_TOKEN = 128 * 1024
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signed:
    """What is proved: the header, of which the algorithm is one of ours, and the claims."""

    header: Mapping[str, Any]
    claims: Claims


def proved(token: str, *, keys: KeptJwks, issuer: str, audience: str, kind: str) -> Signed:
    """What the token says; `kind` is what it ought to be, for messages: "ID token".

    Raises TokenInvalidError, and ProviderUnavailableError where the keys cannot be had.
    """
    if len(token) > MAX_TOKEN:
        raise TokenInvalidError(f"The {kind} is too long.")
    try:
        header = jwt.get_unverified_header(token)  # which refuses a critical extension that it does not know
        algorithm, kid = str(header.get("alg")), header.get("kid")
        if algorithm not in KINDS:
            raise TokenInvalidError(f"The {kind} is signed by {algorithm[:20]}, which we do not accept.")
        claims: dict[str, Any] = jwt.decode(
            token,
            key_for(keys, kid, algorithm),
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            leeway=SKEW_SECONDS,
            options={"require": REQUIRED, "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TokenInvalidError(f"The {kind} is not valid ({type(error).__name__}: {error}).") from error
    subject = claims["sub"]
    if not (0 < len(subject) <= MAX_SUBJECT and subject.isascii() and subject.isprintable()):
        raise TokenInvalidError(f"The {kind}'s subject is empty, too long, or no ASCII.")
    return Signed(header, claims)
