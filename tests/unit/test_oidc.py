"""The client of OpenID Connect against a real provider: what proves who somebody is, and what does not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from threading import Barrier, BrokenBarrierError, Event, Semaphore
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from services.db.provider_sessions import Due, ProviderSessions
from services.oidc.discovery import metadata_of
from services.oidc.errors import (
    GrantEndedError,
    KeyNotReadError,
    ProviderMisconfiguredError,
    ProviderUnavailableError,
    SignInRefusedError,
    TokenInvalidError,
)
from services.oidc.kept import AGAIN_SECONDS, RETRY_SECONDS, Kept
from services.oidc.person import Rules, person_of
from services.oidc.provider import Client, CodeRequest, Proof, Provider
from services.oidc.sealing import seal, unseal
from services.oidc.transport import MAX_BYTES, Transport
from services.single_sign_on import LOOKS, WAITERS, SingleSignOn
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, SigningKey, identity_provider, new_key

ANN = {"sub": "ann-1", "email": "ann@example.com", "email_verified": True, "name": "Ann", "groups": ["HR"]}
BROWSER = httpx.Client()
BACK = "http://127.0.0.1:8000/v1/sessions/oidc/callback"
RULES = Rules(groups_claim="groups", groups_prefix="", admin_group="", domains=frozenset(), link=False)


@pytest.fixture
def idp() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        running.person = dict(ANN)
        yield running


def client_of(idp: IdentityProvider, *, secret: str | None = SECRET, **transport: float) -> Provider:
    client = Client(issuer=idp.issuer, id=CLIENT, secret=secret, scopes="openid email", redirect_uri=BACK)
    return Provider(client, Transport(**transport))


@pytest.fixture
def provider(idp: IdentityProvider) -> Provider:
    return client_of(idp)


def visited(request: CodeRequest) -> dict[str, str]:
    """What a browser that follows the request brings back."""
    back = BROWSER.get(request.url).headers["location"]
    assert back.startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def signed_in(provider: Provider) -> Proof:
    request = provider.code_request()
    code = visited(request)["code"]
    return provider.exchanged(code, nonce=request.nonce, verifier=request.verifier)


# --- what proves who somebody is


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_who_signs_in_is_known_by_a_token_of_each_algorithm(
    idp: IdentityProvider, provider: Provider, algorithm: str
) -> None:
    idp.keys = [new_key("k", algorithm)]
    assert signed_in(provider).claims["sub"] == "ann-1"


@pytest.mark.parametrize(
    ("methods", "secret"),
    [(["client_secret_basic"], SECRET), (["client_secret_post"], SECRET), (["none"], None)],
)
def test_the_secret_goes_the_way_that_the_provider_takes_it(
    idp: IdentityProvider, methods: list[str], secret: str | None
) -> None:
    idp.metadata["token_endpoint_auth_methods_supported"] = methods
    assert signed_in(client_of(idp, secret=secret)).claims["sub"] == "ann-1"


def test_a_wrong_secret_is_the_operators_to_mend(idp: IdentityProvider) -> None:
    provider = client_of(idp, secret="another")
    with pytest.raises(ProviderMisconfiguredError):
        signed_in(provider)


def test_what_is_asked_for_is_new_each_time_and_bound_by_pkce(provider: Provider) -> None:
    first, second = provider.code_request(), provider.code_request()
    assert {first.state, first.nonce, first.verifier}.isdisjoint({second.state, second.nonce, second.verifier})
    code = visited(first)["code"]
    with pytest.raises(GrantEndedError):
        provider.exchanged(code, nonce=first.nonce, verifier=second.verifier)


def test_a_code_is_good_once(provider: Provider) -> None:
    request = provider.code_request()
    code = visited(request)["code"]
    provider.exchanged(code, nonce=request.nonce, verifier=request.verifier)
    with pytest.raises(GrantEndedError):
        provider.exchanged(code, nonce=request.nonce, verifier=request.verifier)


def test_a_small_difference_of_clocks_is_none(idp: IdentityProvider, provider: Provider) -> None:
    def skew(claims: dict[str, Any]) -> None:
        claims.update(exp=int(time.time()) - 30, iat=int(time.time()) + 30, nbf=int(time.time()) + 30)

    idp.change_claims = skew
    assert signed_in(provider).claims["sub"] == "ann-1"


def test_a_token_for_several_is_taken_where_it_says_that_we_asked(idp: IdentityProvider, provider: Provider) -> None:
    idp.change_claims = lambda claims: claims.update(aud=[CLIENT, "another"], azp=CLIENT)
    assert signed_in(provider).claims["sub"] == "ann-1"


# --- what does not


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda claims: claims.pop(name)


def with_(**said: Any) -> Callable[[dict[str, Any]], object]:
    return lambda claims: claims.update(said)


@pytest.mark.parametrize(
    "change",
    [
        with_(nonce="another request's"), without("nonce"),
        with_(aud="another client"), with_(aud=["another"]), without("aud"),
        with_(aud=[CLIENT, "another"]), with_(aud=[CLIENT, "another"], azp="another"), with_(azp="another"),
        with_(iss="https://login.example.com"), without("iss"),
        with_(exp=1), with_(exp=time.time() - 90), without("exp"), with_(exp="never"),
        with_(iat=time.time() + 3600), without("iat"), with_(nbf=time.time() + 3600),
        with_(sub=""), with_(sub=7), with_(sub="x" * 256), with_(sub="ann\x00"), with_(sub="\u00e4nn"), without("sub"),
        with_(at_hash="another token's"),
    ],
)  # fmt: skip
def test_a_token_with_wrong_claims_proves_nothing(
    idp: IdentityProvider, provider: Provider, change: Callable[[dict[str, Any]], object]
) -> None:
    idp.change_claims = change
    with pytest.raises(TokenInvalidError) as refused:
        signed_in(provider)
    assert refused.value.code == "oidc_invalid_token"


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'first'})}.{encoded(claims)}."


def test_a_token_that_nobody_signed_proves_nothing(idp: IdentityProvider, provider: Provider) -> None:
    idp.sign = unsigned
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


def test_the_public_key_is_no_secret_to_sign_with(idp: IdentityProvider, provider: Provider) -> None:
    published = (
        idp.keys[0]
        .private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    def confuse(claims: dict[str, Any]) -> str:
        said = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(claims)}"
        mac = hmac.new(published, said.encode(), hashlib.sha256).digest()
        return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    idp.sign = confuse
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS512"])
def test_an_algorithm_that_is_not_ours_is_refused(idp: IdentityProvider, provider: Provider, algorithm: str) -> None:
    idp.sign = lambda claims: jwt.encode(claims, idp.keys[0].private, algorithm=algorithm, headers={"kid": "first"})
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


def test_a_key_is_of_the_algorithm_that_it_is_published_for(idp: IdentityProvider, provider: Provider) -> None:
    idp.sign = lambda claims: jwt.encode(claims, idp.keys[0].private, algorithm="PS256", headers={"kid": "first"})
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": "exp", "exp": 1}])
def test_an_extension_that_we_do_not_know_is_refused(
    idp: IdentityProvider, provider: Provider, header: dict[str, Any]
) -> None:
    idp.sign = lambda claims: jwt.encode(
        claims, idp.keys[0].private, algorithm="RS256", headers={"kid": "first", **header}
    )
    with pytest.raises(TokenInvalidError, match=r"[Cc]rit"):
        signed_in(provider)


@pytest.mark.parametrize("change", [lambda token: token[:-4] + "AAAA", lambda token: "x", lambda token: "a.b.c"])
def test_a_token_that_somebody_changed_proves_nothing(
    idp: IdentityProvider, provider: Provider, change: Callable[[str], str]
) -> None:
    idp.sign = lambda claims: change(idp.signed(claims))
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


def test_where_no_id_token_comes_nobody_is_known(idp: IdentityProvider, provider: Provider) -> None:
    request = provider.code_request()
    idp.sign = lambda claims: None  # type: ignore[assignment,return-value]
    with pytest.raises(TokenInvalidError):
        provider.exchanged(visited(request)["code"], nonce=request.nonce, verifier=request.verifier)


def test_an_answer_of_another_provider_is_refused(idp: IdentityProvider, provider: Provider) -> None:
    provider.check_issuer(None)
    provider.check_issuer(idp.issuer)
    with pytest.raises(SignInRefusedError):
        provider.check_issuer("https://attacker.example")
    idp.metadata["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(SignInRefusedError):
        client_of(idp).check_issuer(None)


# --- keys


def test_new_keys_are_found_and_a_key_that_nobody_knows_is_looked_for_once(
    idp: IdentityProvider, provider: Provider
) -> None:
    signed_in(provider)
    idp.keys.insert(0, new_key("second"))
    assert signed_in(provider).claims["sub"] == "ann-1"
    assert idp.asked.count("/keys") == 2
    stranger = new_key("third")
    idp.sign = lambda claims: jwt.encode(claims, stranger.private, algorithm="RS256", headers={"kid": "third"})
    for _ in range(3):
        with pytest.raises(KeyNotReadError):  # it may be a new one: no session ends for it
            signed_in(provider)
    assert idp.asked.count("/keys") == 2, "within a minute nobody makes us ask again"


def test_a_stranger_with_a_known_id_is_a_stranger(idp: IdentityProvider, provider: Provider) -> None:
    stranger = new_key("another")
    idp.sign = lambda claims: jwt.encode(claims, stranger.private, algorithm="RS256", headers={"kid": "first"})
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


def test_a_token_may_name_no_key_where_there_is_one_of_its_kind(idp: IdentityProvider, provider: Provider) -> None:
    idp.sign = lambda claims: jwt.encode(claims, idp.keys[0].private, algorithm="RS256")
    idp.keys.append(new_key("curve", "ES256"))
    assert signed_in(provider).claims["sub"] == "ann-1"
    idp.keys.append(new_key("second"))
    with pytest.raises(TokenInvalidError):
        signed_in(client_of(idp))


class Encrypting(SigningKey):
    """Published as one that nothing is signed with."""

    def public(self) -> dict[str, Any]:
        return {**super().public(), "use": "enc"}


def test_a_key_for_encryption_signs_nothing(idp: IdentityProvider, provider: Provider) -> None:
    idp.keys = [Encrypting("k", "RS256", new_key("k").private)]
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


@pytest.mark.filterwarnings("ignore:The RSA key is")
def test_a_key_that_is_too_short_signs_nothing(idp: IdentityProvider, provider: Provider) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    idp.keys = [SigningKey("k", "RS256", short)]
    with pytest.raises(TokenInvalidError):
        signed_in(provider)


class Clock:
    """Time that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_many_who_wait_for_a_document_fetch_it_once() -> None:
    fetched, two = [], Barrier(2)

    def fetch() -> object:
        with suppress(BrokenBarrierError):
            two.wait(0.3)  # room for a second one to come in
        fetched.append(object())
        return fetched[-1]

    kept = Kept(fetch, seconds=3600, clock=Clock())
    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _: kept.value(), range(32)))
    assert values == set(fetched)
    assert len(fetched) == 1


def test_a_document_is_fetched_anew_when_it_is_old_and_the_old_one_serves_while_that_fails() -> None:
    clock, answers = Clock(), iter([object(), ProviderUnavailableError("down"), object()])
    fetched: list[object] = []

    def fetch() -> object:
        fetched.append(answer := next(answers))
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Kept(fetch, seconds=3600, clock=clock)
    first = kept.value()
    clock.now = 3601
    with capture_logs() as logs:
        assert kept.value() is first
        assert kept.value() is first
    assert ([entry["event"] for entry in logs], len(fetched)) == (["oidc_document_not_renewed"], 2)
    clock.now += AGAIN_SECONDS
    assert kept.value() is fetched[2] is not first


def test_a_provider_that_is_down_is_not_asked_by_everybody() -> None:
    clock, asked = Clock(), []

    def fetch() -> object:
        asked.append(clock.now)
        raise ProviderUnavailableError("down")

    kept = Kept(fetch, seconds=3600, clock=clock)
    for _ in range(5):
        with pytest.raises(ProviderUnavailableError):
            kept.value()
    clock.now = RETRY_SECONDS
    with pytest.raises(ProviderUnavailableError):
        kept.value()
    assert asked == [0.0, RETRY_SECONDS]


# --- a provider that does not do as it should


def huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(2 * MAX_BYTES // 4096):
            handler.wfile.write(b" " * 4096)
    except OSError:
        return


def says(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


BROKEN = {
    "too large": huge,
    "an error": says(500, b"{}"),
    "no JSON": says(200, b"<html>"),
    "no object": says(200, b"[]"),
    "too deep": says(200, b"[" * 100_000),
    "elsewhere": says(302, b"", Location="http://169.254.169.254/"),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_provider_that_answers_nonsense_is_not_there(idp: IdentityProvider, path: str, how: str) -> None:
    idp.broken[path] = BROKEN[how]
    with pytest.raises((ProviderUnavailableError, ProviderMisconfiguredError)):
        signed_in(client_of(idp))


def test_a_provider_that_says_nothing_is_not_waited_for(idp: IdentityProvider) -> None:
    over = Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    idp.broken["/token"] = silent
    with pytest.raises(ProviderUnavailableError):
        signed_in(client_of(idp, silence_seconds=0.2))
    over.set()


def test_a_provider_that_says_too_much_is_not_read_to_its_end(idp: IdentityProvider, provider: Provider) -> None:
    idp.metadata["more"] = "x" * MAX_BYTES
    with pytest.raises(ProviderUnavailableError, match="more than"):
        provider.code_request()


def test_a_provider_that_says_little_by_little_is_not_waited_for(idp: IdentityProvider) -> None:
    with pytest.raises(ProviderUnavailableError, match="too slowly"):
        client_of(idp, seconds=0.0).code_request()


def test_a_provider_that_is_gone_is_unavailable() -> None:
    with identity_provider() as idp:
        provider = client_of(idp)
    with pytest.raises(ProviderUnavailableError):
        provider.code_request()


HTTPS = {
    "issuer": "https://login.example.com",
    "authorization_endpoint": "https://login.example.com/a",
    "token_endpoint": "https://login.example.com/t",
    "jwks_uri": "https://login.example.com/k",
}


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://login.example.com/"},
        {"issuer": None},
        {"token_endpoint": "http://login.example.com/t"},
        {"token_endpoint": "http://127.0.0.1/t"},
        {"jwks_uri": "https://localhost/k"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user:pass@login.example.com/"},
        {"authorization_endpoint": None},
        {"end_session_endpoint": "http://login.example.com/o"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    ],
)
def test_a_description_of_another_or_that_leads_elsewhere_is_refused(change: dict[str, Any]) -> None:
    assert metadata_of(HTTPS, "https://login.example.com").authentication == "client_secret_basic"
    with pytest.raises(ProviderMisconfiguredError):
        metadata_of(HTTPS | change, "https://login.example.com")


# --- again, later


def test_a_refresh_says_who_somebody_is_now(idp: IdentityProvider, provider: Provider) -> None:
    proof = signed_in(provider)
    assert idp.person
    assert proof.refresh_token
    idp.person["groups"] = ["Legal"]
    again = provider.refreshed(proof.refresh_token, subject="ann-1")
    assert again.claims["groups"] == ["Legal"]
    assert again.refresh_token not in (None, proof.refresh_token)


def test_a_refresh_token_stays_where_no_new_one_comes(idp: IdentityProvider, provider: Provider) -> None:
    proof = signed_in(provider)
    idp.gives_refresh_tokens = False
    assert provider.refreshed(proof.refresh_token or "", subject="ann-1").refresh_token == proof.refresh_token


def test_a_refresh_that_names_somebody_else_or_nobody_is_refused(idp: IdentityProvider, provider: Provider) -> None:
    proof = signed_in(provider)
    idp.person = {**ANN, "sub": "eve-1"}
    with pytest.raises(TokenInvalidError):
        provider.refreshed(proof.refresh_token or "", subject="ann-1")
    idp.person = dict(ANN)
    proof = signed_in(provider)
    idp.id_token_at_refresh = False
    with pytest.raises(TokenInvalidError):
        provider.refreshed(proof.refresh_token or "", subject="ann-1")


def test_a_refresh_of_somebody_who_is_disabled_there_is_over(idp: IdentityProvider, provider: Provider) -> None:
    proof = signed_in(provider)
    idp.refreshes = False
    with pytest.raises(GrantEndedError):
        provider.refreshed(proof.refresh_token or "", subject="ann-1")


@pytest.mark.parametrize(
    ("status", "error", "raised"),
    [
        (400, "invalid_request", GrantEndedError), (400, "token_expired", GrantEndedError),
        (400, "unauthorized_client", GrantEndedError), (403, "access_denied", GrantEndedError),
        (401, "invalid_client", ProviderMisconfiguredError), (400, "invalid_client", ProviderMisconfiguredError),
        (401, "unauthorized_client", ProviderMisconfiguredError),
        (429, "slow_down", ProviderUnavailableError), (408, "timeout", ProviderUnavailableError),
        (503, "temporarily_unavailable", ProviderUnavailableError),
    ],
)  # fmt: skip
def test_a_refresh_that_is_refused_ends_it_unless_it_is_our_fault_or_may_work_later(
    idp: IdentityProvider, provider: Provider, status: int, error: str, raised: type[Exception]
) -> None:
    proof = signed_in(provider)
    idp.broken["/token"] = says(status, json.dumps({"error": error}).encode())
    with pytest.raises(raised):
        provider.refreshed(proof.refresh_token or "", subject="ann-1")
    if status < 500 and raised is GrantEndedError:
        with pytest.raises(ProviderMisconfiguredError):
            signed_in(provider)  # a code that is refused so is for the operator to look at


@pytest.mark.parametrize(
    ("told", "known"),
    [(1800, 1800), (90.5, 90.5), (0, None), (-1, None), (True, None), ("1800", None), (None, None),
     (float("nan"), None), (10**400, 365 * 24 * 3600)],
)  # fmt: skip
def test_how_long_a_refresh_token_is_good_for_is_known_where_the_provider_says_it(
    idp: IdentityProvider, provider: Provider, told: object, known: float | None
) -> None:
    idp.change_tokens = lambda answer: answer.update(refresh_expires_in=told)
    proof = signed_in(provider)
    assert proof.refresh_seconds == known
    assert provider.refreshed(proof.refresh_token or "", subject="ann-1").refresh_seconds == known


class Renewing:
    """Sessions of which somebody else renews each, and has not done it yet."""

    def __init__(self) -> None:
        self.asked = 0

    def due(self, _: str) -> Due:
        self.asked += 1
        return Due("https://login.example.com", "ann-1", "sealed", claimed=False, ended=True)


def test_so_many_wait_for_anothers_renewal_and_no_more(provider: Provider) -> None:
    asleep, over = Semaphore(0), Event()

    def sleep(_: float) -> None:
        asleep.release()
        over.wait(20)

    sessions = cast("ProviderSessions", Renewing())
    sso = SingleSignOn(provider, sessions, RULES, name="Acme", sleep=sleep)
    with ThreadPoolExecutor(WAITERS) as pool:
        waiting = [pool.submit(sso.keep, "cookie") for _ in range(WAITERS)]
        try:
            assert all(asleep.acquire(timeout=10) for _ in range(WAITERS))
            with pytest.raises(ProviderUnavailableError, match="Many"):
                sso.keep("cookie")
        finally:
            over.set()
        told = [str(one.exception()) for one in waiting]
    assert all("too slowly" in one for one in told)
    with pytest.raises(ProviderUnavailableError, match="too slowly"):  # and there is room again
        sso.keep("cookie")
    assert cast("Renewing", sessions).asked == WAITERS * (LOOKS + 1) + 1 + LOOKS + 1


def test_what_is_sealed_opens_with_its_cookie_only() -> None:
    sealed = seal("a refresh token", "cookie")
    assert "refresh" not in sealed
    assert (unseal(sealed, "cookie"), unseal(sealed, "another"), unseal(sealed[:-2], "cookie")) == (
        "a refresh token", None, None,
    )  # fmt: skip


# --- whom claims name


def said(**changed: Any) -> dict[str, Any]:
    return {"iss": "https://login.example.com", **ANN, **changed}


def rules(**changed: Any) -> Rules:
    return replace(RULES, **changed)


@pytest.mark.parametrize(
    ("claims", "rule", "code"),
    [
        (said(email=None), RULES, "oidc_no_email"),
        (said(email="ann"), RULES, "oidc_no_email"),
        (said(email="a b@example.com"), RULES, "oidc_no_email"),
        (said(email=f"{'a' * 200}@example.com"), RULES, "oidc_no_email"),
        (said(email_verified=False), RULES, "oidc_email_unverified"),
        (said(email_verified="false"), RULES, "oidc_email_unverified"),
        (said(), rules(domains=frozenset({"example.org"})), "oidc_domain"),
        (said(email="ann@example.com.evil.org"), rules(domains=frozenset({"example.com"})), "oidc_domain"),
        # Anybody may have a Google account with such an address: the company's own says hd.
        (said(iss="https://accounts.google.com"), rules(domains=frozenset({"example.com"})), "oidc_domain"),
    ],
)
def test_whom_claims_do_not_name_is_refused(claims: dict[str, Any], rule: Rules, code: str) -> None:
    with pytest.raises(SignInRefusedError) as refused:
        person_of(claims, rule)
    assert refused.value.code == code


def test_googles_accounts_of_the_company_are_its_domain() -> None:
    google = said(iss="https://accounts.google.com", hd="example.com")
    assert person_of(google, rules(domains=frozenset({"example.com"}))).email == "ann@example.com"


def test_groups_are_named_as_grants_can_carry_them_and_as_nobody_elses() -> None:
    listed = ["HR", "/Finance/EU", "Human Resources", "a:b,c", "../x", "", "x" * 300, 7]
    with capture_logs() as logs:
        person = person_of(said(groups=listed), rules(groups_prefix="idp/"))
    assert person.groups == {"idp/hr", "idp/finance/eu", "idp/human-resources", "idp/a-b-c"}
    assert {entry["event"] for entry in logs} == {"oidc_group_left_out"}
    assert person_of(said(groups="HR"), RULES).groups == {"hr"}
    odd = person_of(said(groups=["h\x00r", "\ud800"], name="An\x00n\ud800"), RULES)
    assert (set(odd.groups), odd.name) == ({"hr", "?"}, "Ann?"), "as every database holds it"
    assert person_of(said(groups=None), RULES).groups == frozenset()


def test_groups_that_the_provider_does_not_list_are_none_and_that_is_logged() -> None:
    with capture_logs() as logs:
        claims = said(_claim_names={"groups": "src1"}) | {"groups": None}
        assert person_of(claims, RULES).groups == frozenset()
    assert [entry["event"] for entry in logs] == ["oidc_groups_not_named"]


def test_the_group_of_administrators_is_the_providers_own_name() -> None:
    rule = rules(admin_group="Footnote Admins", groups_prefix="idp/")
    assert person_of(said(groups=["footnote admins"]), rule).is_admin
    assert not person_of(said(groups=["idp/footnote-admins"]), rule).is_admin
    assert not person_of(said(groups=[""]), RULES).is_admin
