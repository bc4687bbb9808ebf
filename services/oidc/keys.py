"""The provider's public keys: which one a token says that it is signed with. Knows nothing of what tokens claim."""

from collections.abc import Mapping
from typing import Any, Protocol

from jwt import PyJWK, PyJWTError

from services.oidc.errors import KeyNotReadError, TokenInvalidError

# All algorithms there are for us: none that shares a secret, and never "none". With the kind of key that each takes.
KINDS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
Jwks = Mapping[str, Any]


class KeptJwks(Protocol):
    """The key set that is kept, and a newer one: the same object where none can be had."""

    def value(self) -> Jwks: ...
    def newer(self, than: Jwks) -> Jwks: ...


def key_for(kept: KeptJwks, kid: str | None, algorithm: str) -> PyJWK:
    """The key of this id, of the algorithm's kind. Raises TokenInvalidError, ProviderUnavailableError.

    A provider that has just changed its keys signs with one that we do not know: so they are read again. Where they
    cannot be, nobody knows whether the provider publishes it: KeyNotReadError.
    """
    jwks = kept.value()
    key = _found(jwks, kid, algorithm)
    if key is not None:
        return key
    newer = kept.newer(jwks)
    key = _found(newer, kid, algorithm)
    if key is not None:
        return key
    if newer is jwks:
        raise KeyNotReadError("The token is signed with a key that we do not know yet. Try again in a minute.")
    raise TokenInvalidError("The token is signed with a key that the provider does not publish.")


def _found(jwks: Jwks, kid: str | None, algorithm: str) -> PyJWK | None:
    listed = jwks.get("keys")
    fitting = [key for key in listed if _fits(key, kid, algorithm)] if isinstance(listed, list) else []
    if len(fitting) != 1:  # without an id only where nothing is left to choose
        return None
    try:
        return PyJWK.from_dict(fitting[0], algorithm=algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None


def _fits(key: object, kid: str | None, algorithm: str) -> bool:
    if not isinstance(key, dict):
        return False
    kind, curve = KINDS[algorithm]
    return (
        key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    )
