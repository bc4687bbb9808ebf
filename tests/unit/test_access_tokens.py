"""Access tokens of a real provider: what proves for whom a program acts, and what does not."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from services.oidc.access_token import is_jwt
from services.oidc.errors import AccessTokenInvalidError, ProviderMisconfiguredError, ProviderUnavailableError
from services.oidc.kept import AGAIN_SECONDS, WAITERS, Kept
from services.oidc.provider import Provider
from services.oidc.signed import MAX_TOKEN
from tests.identity_provider import AUDIENCE, CLIENT, IdentityProvider, identity_provider, new_key
from tests.unit.test_oidc import ANN, Clock, client_of, encoded, signed_in, unsigned


@pytest.fixture
def idp() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        running.person = dict(ANN)
        yield running


@pytest.fixture
def provider(idp: IdentityProvider) -> Provider:
    return client_of(idp)


def claimed(provider: Provider, token: str) -> Any:
    return provider.access_claims(token, audience=AUDIENCE)["sub"]


def refusal(provider: Provider, token: str) -> str:
    with pytest.raises(AccessTokenInvalidError) as refused:
        provider.access_claims(token, audience=AUDIENCE)
    assert refused.value.code == "invalid_token"
    return refused.value.message


# --- what proves for whom a program acts


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_token_of_each_algorithm_is_taken(idp: IdentityProvider, provider: Provider, algorithm: str) -> None:
    idp.keys = [new_key("k", algorithm)]
    assert claimed(provider, idp.access_token()) == "ann-1"


@pytest.mark.parametrize(
    ("typ", "claims"),
    [
        ("at+jwt", {"scope": None}),  # RFC 9068
        ("application/AT+JWT", {"scope": None, "nonce": "n"}),
        ("JWT", {"scope": None, "typ": "Bearer"}),  # Keycloak
        ("JWT", {"typ": "Bearer", "nonce": "n"}),  # Keycloak until version 23
        ("JWT", {}),  # Auth0
        ("JWT", {"scope": None, "scp": "access_as_user"}),  # Entra ID
        ("JWT", {"scope": None, "scp": ["openid"]}),  # Okta
        ("at+jwt", {"aud": ["another", AUDIENCE], "azp": "any program"}),
        ("application/jwt", {}),
        (None, {}),
        ("JWT", {"token_use": "access"}),  # Cognito
    ],
)
def test_what_providers_call_an_access_token_is_one(
    idp: IdentityProvider, provider: Provider, typ: str | None, claims: dict[str, Any]
) -> None:
    idp.sign = lambda said: idp.signed(said, typ=typ)
    assert claimed(provider, idp.access_token(**claims)) == "ann-1"


@pytest.mark.parametrize("seconds", [{"exp": -30, "iat": -60}, {"iat": 30, "nbf": 30}, {"iat": 0, "exp": 24 * 3600}])
def test_clocks_may_differ_a_little_and_a_token_may_live_for_a_day(
    idp: IdentityProvider, provider: Provider, seconds: dict[str, int]
) -> None:
    assert claimed(provider, idp.access_token(**from_now(seconds))) == "ann-1"


def from_now(seconds: dict[str, int]) -> dict[str, Any]:
    """Claims of times, that far away."""
    now = int(time.time())
    return {claim: now + away for claim, away in seconds.items()}


def test_what_begins_as_a_token_does_is_no_key(idp: IdentityProvider) -> None:
    assert is_jwt(idp.access_token())
    assert not is_jwt("fn_0123456789abcdef_eyJhbGciOiJSUzI1NiJ9.e30.x")


# --- what does not


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": CLIENT}, {"aud": "another"}, {"aud": ["another"]}, {"aud": None}, {"aud": []},
        {"iss": "https://login.example.com"}, {"iss": None},
        {"exp": 1}, {"exp": None}, {"exp": "never"}, {"exp": float("inf")}, {"iat": None},
        {"sub": None}, {"sub": ""}, {"sub": "x" * 256}, {"sub": "ann\x00"}, {"sub": "\u00e4nn"},
        {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
    ],
)  # fmt: skip
def test_a_token_with_wrong_claims_proves_nothing(
    idp: IdentityProvider, provider: Provider, claims: dict[str, Any]
) -> None:
    refusal(provider, idp.access_token(**claims))


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        ({"iat": -7200, "exp": -3600}, "expired"),
        ({"iat": 3600}, "not yet valid"),
        ({"nbf": 3600}, "not yet valid"),
        ({"iat": 0, "exp": 24 * 3600 + 1}, "24 hours"),
        ({"iat": -48 * 3600, "exp": 60}, "24 hours"),
    ],
)
def test_a_token_is_good_for_its_time_and_for_no_more_than_a_day(
    idp: IdentityProvider, provider: Provider, seconds: dict[str, int], why: str
) -> None:
    assert why in refusal(provider, idp.access_token(**from_now(seconds)))


@pytest.mark.parametrize(
    ("typ", "claims", "why"),
    [
        ("JWT", {"nonce": "n"}, "ID token"),
        ("JWT", {"at_hash": "x"}, "ID token"),
        ("JWT", {"c_hash": "x"}, "ID token"),
        ("JWT", {"scope": None}, "nothing says"),
        ("JWT", {"scope": None, "typ": "ID"}, "another purpose"),
        ("at+jwt", {"typ": "ID"}, "another purpose"),
        ("at+jwt", {"typ": "Refresh"}, "another purpose"),
        ("at+jwt", {"typ": "Offline"}, "another purpose"),
        ("at+jwt", {"typ": "Logout"}, "another purpose"),
        ("at+jwt", {"typ": "DPoP"}, "another purpose"),
        ("at+jwt", {"typ": ["Bearer"]}, "another purpose"),
        ("logout+jwt", {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "another purpose"),
        ("JWT", {"events": {}}, "another purpose"),
        *((typ, {}, "another purpose") for typ in ("logout+jwt", "RT+jwt", "refresh+jwt", "secevent+jwt", "dpop+jwt")),
        ("at+jwt", {"token_use": "id"}, "another purpose"),
        ("JWT", {"token_use": "refresh"}, "another purpose"),
    ],
)
def test_what_the_provider_signed_for_something_else_opens_nothing(
    idp: IdentityProvider, provider: Provider, typ: str, claims: dict[str, Any], why: str
) -> None:
    assert why in refusal(provider, idp.access_token(header_typ=typ, **claims))


def test_an_id_token_opens_nothing_even_where_it_is_for_the_same_audience(
    idp: IdentityProvider, provider: Provider
) -> None:
    given: dict[str, Any] = {}
    idp.change_tokens = given.update
    signed_in(provider)
    with pytest.raises(AccessTokenInvalidError, match="ID token"):
        provider.access_claims(given["id_token"], audience=CLIENT)
    renewed = idp.signed(idp.claims(dict(ANN), None))  # of a refresh: without a nonce
    with pytest.raises(AccessTokenInvalidError, match="nothing says"):
        provider.access_claims(renewed, audience=CLIENT)


def confused(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    """Signed with the public key, as if it were a secret."""
    formats = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    published = idp.keys[0].private.public_key().public_bytes(*formats)
    said = f"{encoded({'alg': 'HS256', 'kid': 'first', 'typ': 'at+jwt'})}.{encoded(claims)}"
    mac = hmac.new(published, said.encode(), hashlib.sha256).digest()
    return f"{said}.{jwt.utils.base64url_encode(mac).decode()}"


@pytest.mark.parametrize("how", ["nobody", "the public key", "another algorithm", "a stranger", "a critical extension"])
def test_what_the_provider_did_not_sign_opens_nothing(idp: IdentityProvider, provider: Provider, how: str) -> None:
    headers = {"kid": "first", "typ": "at+jwt"}
    signers: dict[str, Callable[[dict[str, Any]], str]] = {
        "nobody": unsigned,
        "the public key": lambda claims: confused(idp, claims),
        "another algorithm": lambda claims: jwt.encode(claims, idp.keys[0].private, algorithm="RS384", headers=headers),
        "a stranger": lambda claims: jwt.encode(claims, new_key("x").private, algorithm="RS256", headers=headers),
        "a critical extension": lambda claims: idp.signed(claims, typ="at+jwt", crit=["exp"], exp=1),
    }
    idp.sign = signers[how]
    refusal(provider, idp.access_token())


def with_header(token: str, **header: Any) -> str:
    return f"{encoded(header)}.{token.partition('.')[2]}"


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-4] + "AAAA",
        lambda token: token.rpartition(".")[0],
        lambda token: token + ".x.y",  # as long as one that is encrypted
        lambda token: "eyJ",
        lambda token: "eyJhbGciOiJSUzI1NiJ9..",
        lambda token: token + "A" * MAX_TOKEN,
        lambda token: with_header(token, alg=["RS256"]),
        lambda token: with_header(token, alg="RS256", kid={}),
        lambda token: with_header(token, alg="\ud800"),
        lambda token: with_header(token, alg="RS256", crit=["x" * 10_000]),
    ],
)
def test_what_is_no_token_opens_nothing(
    idp: IdentityProvider, provider: Provider, change: Callable[[str], str]
) -> None:
    why = refusal(provider, change(idp.access_token()))
    assert len(why.encode()) < 1000, "it can be said, and is short"


# --- keys, while the provider is there and while it is not


def test_new_keys_are_found_and_old_ones_are_no_longer_good(idp: IdentityProvider, provider: Provider) -> None:
    old = idp.access_token()
    assert claimed(provider, old) == "ann-1"
    idp.keys = [new_key("second")]
    assert claimed(provider, idp.access_token()) == "ann-1"
    refusal(provider, old)
    assert idp.asked.count("/keys") == 2


def test_junk_takes_no_sign_ins_chance_to_read_new_keys(idp: IdentityProvider, provider: Provider) -> None:
    proof = signed_in(provider)
    idp.sign = IdentityProvider(idp.issuer, [new_key("stranger")]).signed
    junk = idp.access_token()
    for _ in range(3):
        refusal(provider, junk)
    idp.sign, idp.keys = None, [new_key("second")]
    assert signed_in(provider).claims["sub"] == "ann-1"
    assert provider.refreshed(proof.refresh_token or "", subject="ann-1").claims["sub"] == "ann-1"
    refusal(provider, idp.access_token())  # of a new key, once junk has used up the minute: it is good in the next


@pytest.mark.parametrize("why", ["just read", "down"])
def test_a_key_that_cannot_be_looked_for_ends_no_session(idp: IdentityProvider, provider: Provider, why: str) -> None:
    proof = signed_in(provider)
    if why == "just read":
        idp.keys = [new_key("second")]
        proof = signed_in(provider)
    else:
        idp.broken = {"/keys": lambda handler: handler.send_error(503)}
    idp.keys = [new_key("third")]
    with pytest.raises(ProviderUnavailableError):
        provider.refreshed(proof.refresh_token or "", subject="ann-1")


def test_without_keys_nobody_is_known_and_with_them_the_provider_is_not_needed(
    idp: IdentityProvider, provider: Provider
) -> None:
    token = idp.access_token()

    def down(handler: BaseHTTPRequestHandler) -> None:
        handler.send_error(503)

    idp.broken = {"/keys": down}
    with pytest.raises(ProviderUnavailableError):
        claimed(client_of(idp), token)
    idp.broken = {}
    assert claimed(provider, token) == "ann-1"
    idp.broken = {"/keys": down, "/.well-known/openid-configuration": down}
    assert claimed(provider, token) == "ann-1"
    assert idp.asked.count("/keys") == 2


def test_who_has_an_old_document_does_not_wait_for_whoever_fetches_a_new_one() -> None:
    clock, fetching, over = Clock(), Event(), Event()
    fetched: list[object] = []

    def fetch() -> object:
        if fetched:
            fetching.set()
            over.wait(20)
        fetched.append(object())
        return fetched[-1]

    kept = Kept(fetch, seconds=3600, clock=clock)
    old = kept.value()
    clock.now = 3601
    with ThreadPoolExecutor(1) as pool:
        renewed = pool.submit(kept.value)
        assert fetching.wait(10)
        assert kept.value() is old
        over.set()
        assert renewed.result() is kept.value() is fetched[1]


@pytest.mark.parametrize("error", [ProviderUnavailableError("down"), ProviderMisconfiguredError("somebody else")])
def test_an_old_document_serves_whatever_is_wrong_with_the_provider(error: Exception) -> None:
    clock, answers = Clock(), iter([None, error])
    first = object()

    def fetch() -> object:
        if wrong := next(answers):
            raise wrong
        return first

    kept = Kept(fetch, seconds=3600, clock=clock)
    assert kept.value() is first
    clock.now = 3601
    assert kept.value() is kept.newer(first) is first


def test_so_many_wait_for_the_first_document_and_no_more_and_none_asks_again() -> None:
    clock, over, asked = Clock(), Event(), []

    def fetch() -> object:
        asked.append(clock.now)
        over.wait(20)
        clock.now += AGAIN_SECONDS
        raise ProviderUnavailableError("down")

    kept = Kept(fetch, seconds=3600, clock=clock)
    with ThreadPoolExecutor(WAITERS + 1) as pool:
        calls = [pool.submit(kept.value) for _ in range(WAITERS + 1)]
        (refused,) = wait(calls, timeout=15, return_when=FIRST_COMPLETED).done
        over.set()
        told = [str(call.exception()) for call in calls]
    assert "Many wait" in str(refused.exception())
    assert sorted(words.partition(" ")[0] for words in told) == ["Many", *["The"] * (WAITERS - 1), "down"]
    assert len(asked) == 1
