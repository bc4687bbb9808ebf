"""The provider as we use it: a code is asked for, exchanged, refreshed. Knows nothing of accounts or sessions."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx

from services.oidc import access_token
from services.oidc.discovery import POST, Metadata, address_of, metadata_of
from services.oidc.errors import (
    GrantEndedError,
    ProviderMisconfiguredError,
    ProviderUnavailableError,
    SignInRefusedError,
    TokenInvalidError,
)
from services.oidc.id_token import checked
from services.oidc.kept import Kept
from services.oidc.keys import Jwks
from services.oidc.signed import Claims
from services.oidc.transport import Transport

METADATA_SECONDS = 24 * 3600.0
# Calls for sign-ins that are made at a time, for which `services/single_sign_on.py` sees.
MOST_SIGN_INS = 16
# A key that a provider takes back is refused after this time at the latest.
KEYS_SECONDS = 3600.0
LONGEST_REFRESH_SECONDS = 365 * 24 * 3600.0
BAD_SECRET = (httpx.codes.UNAUTHORIZED, "unauthorized_client")  # what Keycloak says, instead of invalid_client
LATER = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who we are to the provider. `secret` None: a public client, which PKCE alone protects."""

    issuer: str
    id: str
    secret: str | None = field(repr=False)
    scopes: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """Where to send the browser, and what has to fit when it comes back."""

    url: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """Who somebody is, and what to ask for it again with, where the provider gives that.

    `refresh_seconds`: how long it is good for, where the provider says so.
    """

    claims: Claims
    refresh_token: str | None = field(repr=False)
    refresh_seconds: float | None = None


class Provider:
    """Every call may raise ProviderUnavailableError or ProviderMisconfiguredError."""

    def __init__(self, client: Client, transport: Transport) -> None:
        self.client = client
        self._transport = transport
        self._metadata: Kept[Metadata] = Kept(
            self._discovered,
            seconds=METADATA_SECONDS,
            waiters=MOST_SIGN_INS + 1,  # whoever reads the keys of access tokens, one at a time
        )
        self._jwks: Kept[Jwks] = Kept(self._published, seconds=KEYS_SECONDS, waiters=MOST_SIGN_INS)
        # Anybody may send access tokens of keys that nobody knows: what that has us ask for is not a sign-in's chance.
        self._access_jwks: Kept[Jwks] = Kept(self._published, seconds=KEYS_SECONDS)

    def code_request(self) -> CodeRequest:
        """A new request for a code: everything in it is good once."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uri,
            "scope": self.client.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return CodeRequest(_with(self._metadata.value().authorization_endpoint, asked), state, nonce, verifier)

    def check_issuer(self, said: str | None) -> None:
        """Raises SignInRefusedError where an answer comes from another provider than the one that was asked."""
        if said != self.client.issuer and (said is not None or self._metadata.value().names_issuer):
            raise SignInRefusedError("This answer comes from another sign-in provider.")

    def exchanged(self, code: str, *, nonce: str, verifier: str) -> Proof:
        """Raises GrantEndedError for a code that is not good, TokenInvalidError for what comes for it."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.client.redirect_uri}
        return self._proof(form | {"code_verifier": verifier}, nonce)

    def refreshed(self, refresh_token: str, *, subject: str) -> Proof:
        """The same person's proof anew. Raises GrantEndedError where the provider has ended it, TokenInvalidError."""
        proof = self._proof({"grant_type": "refresh_token", "refresh_token": refresh_token}, None)
        if proof.claims["sub"] != subject:
            raise TokenInvalidError("The refreshed ID token is somebody else's.")
        return replace(proof, refresh_token=proof.refresh_token or refresh_token)

    def access_claims(self, token: str, *, audience: str) -> Claims:
        """What an access token for this audience claims. Raises AccessTokenInvalidError."""
        return access_token.checked(token, keys=self._access_jwks, issuer=self.client.issuer, audience=audience)

    def sign_out_url(self, back: str) -> str | None:
        """Where a browser ends its session at the provider; None where the provider has no such page."""
        endpoint = self._metadata.value().end_session_endpoint
        return _with(endpoint, {"client_id": self.client.id, "post_logout_redirect_uri": back}) if endpoint else None

    def _proof(self, form: dict[str, str], nonce: str | None) -> Proof:
        tokens = self._tokens(form)
        id_token, access, refresh = (tokens.get(name) for name in ("id_token", "access_token", "refresh_token"))
        if not isinstance(id_token, str):
            raise TokenInvalidError("The provider sent no ID token: is openid among FOOTNOTE_OIDC_SCOPES?")
        claims = checked(
            id_token,
            keys=self._jwks,
            issuer=self.client.issuer,
            client_id=self.client.id,
            nonce=nonce,
            access_token=access if isinstance(access, str) else "",
        )
        refresh_token = refresh if isinstance(refresh, str) and refresh else None
        return Proof(claims, refresh_token, _seconds(tokens.get("refresh_expires_in")))

    def _tokens(self, form: dict[str, str]) -> Mapping[str, Any]:
        metadata, auth = self._metadata.value(), None
        if self.client.secret is None or metadata.authentication == POST:
            form = form | {"client_id": self.client.id}
        if self.client.secret is not None and metadata.authentication == POST:
            form = form | {"client_secret": self.client.secret}
        elif self.client.secret is not None:  # form-encoded first, as RFC 6749, 2.3.1 has it
            auth = httpx.BasicAuth(quote_plus(self.client.id), quote_plus(self.client.secret))
        status, answer = self._transport.post(metadata.token_endpoint, form, auth)
        if status == httpx.codes.OK:
            return answer
        code = str(answer.get("error"))[:60]
        if code == "invalid_grant":
            raise GrantEndedError("The sign-in provider has ended this sign-in.")
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in LATER:
            raise ProviderUnavailableError(f"The sign-in provider answers {status}.")
        ours = code == "invalid_client" or (status, code) == BAD_SECRET
        if form["grant_type"] == "refresh_token" and not ours and httpx.codes.is_client_error(status):
            # Providers have other words for it, too: whoever signs in anew goes on, or is told what is wrong.
            raise GrantEndedError(f"The sign-in provider renews this sign-in no more ({status}, {code}).")
        raise ProviderMisconfiguredError(
            f"The sign-in provider refuses us ({status}, {code}): check client and secret."
        )

    def _discovered(self) -> Metadata:
        return metadata_of(self._transport.get(address_of(self.client.issuer)), self.client.issuer)

    def _published(self) -> Jwks:
        return self._transport.get(self._metadata.value().jwks_uri)


def _seconds(said: object) -> float | None:
    """A time that the provider names; None where it names none, or 0, which Keycloak says of a token that stays."""
    if isinstance(said, bool) or not isinstance(said, int | float) or not said > 0:
        return None
    return float(min(said, LONGEST_REFRESH_SECONDS))


def _with(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
