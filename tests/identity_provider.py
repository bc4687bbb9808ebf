"""A provider of OpenID Connect on 127.0.0.1, as strict as a real one, and with switches for all that one may do wrong.

Whoever comes to its authorisation endpoint is the person who is set, without a page in between.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

CLIENT, SECRET = "footnote", "a secret: with %signs & more"
AUDIENCE = "footnote-api"
Change = Callable[[dict[str, Any]], object]


@dataclass
class SigningKey:
    """One that the provider signs with."""

    kid: str
    algorithm: str
    private: Any

    def public(self) -> dict[str, Any]:
        """As it is published."""
        described = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        return {**described, "kid": self.kid, "use": "sig", "alg": self.algorithm}


@cache
def new_key(kid: str, algorithm: str = "RS256") -> SigningKey:
    """A key of this id, the same each time: making one takes a while."""
    made: Any
    if algorithm in ("RS256", "PS256"):
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    elif algorithm == "ES256":
        made = ec.generate_private_key(ec.SECP256R1())
    else:
        made = ed25519.Ed25519PrivateKey.generate()
    return SigningKey(kid, algorithm, made)


@dataclass
class IdentityProvider:
    """What it says and does; tests change it. `person` None: whoever comes does not sign in."""

    issuer: str
    keys: list[SigningKey]
    person: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    refusal: str = "access_denied"
    gives_refresh_tokens: bool = True
    refreshes: bool = True
    id_token_at_refresh: bool = True
    change_claims: Change = field(default=lambda claims: None)
    change_answer: Change = field(default=lambda answer: None)
    change_tokens: Change = field(default=lambda answer: None)
    sign: Callable[[dict[str, Any]], str] | None = None
    broken: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    _refresh: dict[str, dict[str, Any]] = field(default_factory=dict)

    def claims(self, person: dict[str, Any], nonce: str | None) -> dict[str, Any]:
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **person}
        return said if nonce is None else {**said, "nonce": nonce}

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        key = self.keys[0]
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid, **header})

    def access_token(self, *, header_typ: str = "at+jwt", **changed: Any) -> str:
        """As a program of the company's gets one for the person who is set; what is changed to None is left out."""
        said = {**self.claims(self.person or {}, None), "aud": AUDIENCE, "client_id": "a-program", "scope": "openid"}
        claims = {name: value for name, value in {**said, **changed}.items() if value is not None}
        return (self.sign or partial(self.signed, typ=header_typ))(claims)

    def end_refresh_tokens(self) -> None:
        """As when somebody is disabled."""
        self._refresh.clear()

    def described(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/sign-out",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            **self.metadata,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to."""
        back = {"state": asked["state"]}
        if self.metadata.get("authorization_response_iss_parameter_supported"):
            back["iss"] = self.issuer
        fits = asked["client_id"] == CLIENT and asked["code_challenge_method"] == "S256" and "nonce" in asked
        if self.person is None or not fits or asked["response_type"] != "code":
            back["error"] = self.refusal if fits else "invalid_request"
        else:
            back["code"] = secrets.token_urlsafe(16)
            self._codes[back["code"]] = {**asked, "person": dict(self.person)}
        self.change_answer(back)
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if not self._knows(form, authorization):
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token":
            held = self._refresh.pop(form["refresh_token"], None)
            if held is None or not self.refreshes or self.person is None:
                return 400, {"error": "invalid_grant"}
            return 200, self._granted({**self.person}, None, id_token=self.id_token_at_refresh)
        asked = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            asked is None
            or challenge.decode() != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        return 200, self._granted(asked["person"], asked["nonce"])

    def _granted(self, person: dict[str, Any], nonce: str | None, *, id_token: bool = True) -> dict[str, Any]:
        access = secrets.token_urlsafe(16)
        claims = self.claims(person, nonce)
        digest = hashlib.sha512 if self.keys[0].algorithm == "EdDSA" else hashlib.sha256
        half = digest(access.encode()).digest()
        claims["at_hash"] = base64.urlsafe_b64encode(half[: len(half) // 2]).rstrip(b"=").decode()
        self.change_claims(claims)
        answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": 300}
        if id_token:
            answer["id_token"] = (self.sign or self.signed)(claims)
        if self.gives_refresh_tokens:
            answer["refresh_token"] = secrets.token_urlsafe(16)
            self._refresh[answer["refresh_token"]] = {}
        self.change_tokens(answer)
        return answer

    def _knows(self, form: dict[str, str], authorization: str) -> bool:
        if authorization:
            sent = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
            return [unquote_plus(part) for part in sent] == [CLIENT, SECRET]
        methods = self.described()["token_endpoint_auth_methods_supported"]
        if methods == ["none"]:
            return form.get("client_id") == CLIENT and "client_secret" not in form
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """A provider that runs, knows nobody and signs with one RSA key."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            provider.asked.append(path)
            if path in provider.broken:
                provider.broken[path](self)
            elif path == "/.well-known/openid-configuration":
                self.answer(200, provider.described())
            elif path == "/keys":
                self.answer(200, {"keys": [key.public() for key in provider.keys]})
            elif path == "/authorize":
                asked = {name: values[0] for name, values in parse_qs(query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(asked))
                self.end_headers()
            else:
                self.answer(200, {"at": path})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path in provider.broken:
                provider.broken[self.path](self)
                return
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*provider.tokens(form, self.headers.get("Authorization", "")))

        def answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = IdentityProvider(f"http://127.0.0.1:{server.server_address[1]}", [new_key("first")])
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
