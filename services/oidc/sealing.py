"""Refresh tokens as they may be stored: only with the session's cookie can they be read, and that nobody stores.

The registry keeps a digest of the cookie, so that neither it nor its backup opens anything. Knows nothing of either.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"footnote: refresh token of a browser session"


def seal(refresh_token: str, cookie: str) -> str:
    """Encrypted and authenticated with a key that is derived from the cookie, which has 256 random bits."""
    return _cipher(cookie).encrypt(refresh_token.encode()).decode()


def unseal(sealed: str, cookie: str) -> str | None:
    """The refresh token, None where the cookie is another or somebody changed what is stored."""
    try:
        return _cipher(cookie).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _cipher(cookie: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(cookie.encode())
    return Fernet(base64.urlsafe_b64encode(key))
