"""Signing in at a provider, over HTTP: a real API, a real provider, browsers and their cookies, and who tries more."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

import httpx
import pytest
from sqlalchemy import select, update

from services.db.accounts import SCOPES, Accounts
from services.db.database import Database, clock
from services.db.keys import Keys
from services.db.models import AuditEvent, BrowserSession, ProviderSession
from services.db.provider_sessions import ProviderSessions
from services.oidc.person import Rules
from services.oidc.provider import Client, Provider
from services.oidc.transport import Transport
from services.single_sign_on import MOST, SingleSignOn
from tests import private_servers, system
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider, new_key
from tests.integration.test_counter_sharing import Broker
from tests.integration.test_journeys import eventually

SETTINGS = {
    "FOOTNOTE_OIDC_CLIENT_ID": CLIENT,
    "FOOTNOTE_OIDC_CLIENT_SECRET": SECRET,
    "FOOTNOTE_OIDC_NAME": "Acme",
    "FOOTNOTE_OIDC_ADMIN_GROUP": "admins",
    "FOOTNOTE_OIDC_GROUPS_PREFIX": "acme/",
    "FOOTNOTE_OIDC_ALLOWED_DOMAINS": "example.com",
}
CALLBACK = "/v1/sessions/oidc/callback"


@dataclass
class Site:
    """One API whose people sign in at a provider."""

    url: str
    idp: IdentityProvider
    database: Database
    log: Path
    environment: dict[str, str]
    stack: ExitStack = field(repr=False)

    def browser(self) -> httpx.Client:
        return self.stack.enter_context(
            httpx.Client(base_url=self.url, headers={"Origin": self.url}, timeout=30.0, follow_redirects=False)
        )

    def as_somebody(self, name: str, *groups: str, **claims: Any) -> None:
        """From now on this person is at the browser."""
        self.idp.person = {
            "sub": f"{name}-1", "email": f"{name}@example.com", "email_verified": True, "name": name.title(),
            "groups": list(groups), **claims,
        }  # fmt: skip

    def time_passes(self, *, ended: bool = True) -> None:
        """Every session has to be renewed; `ended`: and is none before that."""
        with self.database.write() as session:
            now = clock(session)
            session.execute(update(ProviderSession).values(renew_at=now, renewing_until=None))
            if ended:
                session.execute(update(BrowserSession).values(expires_at=now))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, index_url: str) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("sso")
    data_dir = folder / "data"
    data_dir.mkdir()
    (data_dir / "models").symlink_to(model_cache)
    broker = Broker(folder / "valkey")
    database_url = f"sqlite:///{data_dir / 'db'}"
    with identity_provider() as idp, ExitStack() as stack:
        stack.callback(broker.stop)
        said = system.environment(data_dir, database_url, broker.url, index_url) | SETTINGS
        said["FOOTNOTE_OIDC_ISSUER"] = idp.issuer
        url = f"http://127.0.0.1:{said['FOOTNOTE_PORT']}"
        api = stack.enter_context(system.process("api", said, data_dir))
        private_servers.wait_until(lambda: private_servers.answers(f"{url}/healthz"), process=api)
        database = Database(database_url)
        stack.callback(database.dispose)
        yield Site(url, idp, database, folder / "api.log", said, stack)


@pytest.fixture
def site(started: Site) -> Site:
    """The site with a provider that does as it should."""
    fresh = IdentityProvider(started.idp.issuer, started.idp.keys)
    for name, value in vars(fresh).items():
        if not name.startswith("_"):
            setattr(started.idp, name, value)
    return started


def at_provider(browser: httpx.Client, goes_on: str = "/") -> str:
    """Go to the provider; where it sends the browser back to."""
    sent = browser.get("/v1/sessions/oidc", params={"next": goes_on})
    assert sent.status_code == 303, sent.text
    assert sent.headers["location"].startswith("http://127.0.0.1:")
    return str(httpx.get(sent.headers["location"]).headers["location"])


def signed_in(site: Site, goes_on: str = "/") -> httpx.Client:
    browser = site.browser()
    back = browser.get(at_provider(browser, goes_on))
    assert (back.status_code, back.headers["location"]) == (303, goes_on), back.text
    return browser


def refused(response: httpx.Response) -> str:
    """The code with which the sign-in page is shown; no session began."""
    assert response.status_code == 303, response.text
    assert "footnote_session" not in response.cookies
    where = urlsplit(urljoin("http://app/", response.headers["location"]))
    assert (where.netloc, where.path) == ("app", "/sign-in"), response.headers["location"]
    return parse_qs(where.query)["error"][0]


def me(browser: httpx.Client) -> dict[str, Any]:
    response = browser.get("/v1/me")
    assert response.status_code == 200, response.text
    return dict(response.json())


def ended(browser: httpx.Client) -> bool:
    response = browser.get("/v1/me")
    return (response.status_code, response.json()["code"]) == (401, "session_ended")


# --- the journey


def test_somebody_signs_in_goes_on_where_they_were_and_signs_out(site: Site) -> None:
    site.as_somebody("ann", "hr")
    assert site.browser().get("/v1/sessions/methods").json() == {"local": True, "oidc": "Acme"}
    browser = signed_in(site, "/documents?q=leave&x=%C3%A9")
    known = me(browser)
    assert (known["email"], known["name"], known["groups"], known["is_admin"], known["has_password"]) == (
        "ann@example.com", "Ann", ["acme/hr"], False, False,
    )  # fmt: skip
    assert known["grants"] == ["everyone", "group:acme/hr", "user:ann@example.com"]
    assert me(signed_in(site))["id"] == known["id"]
    assert browser.delete("/v1/sessions/current").status_code == 204
    assert browser.get("/v1/me").status_code == 401
    there = browser.get("/v1/sessions/oidc/sign-out")
    assert there.headers["location"] == f"{site.idp.issuer}/sign-out?" + urlencode(
        {"client_id": CLIENT, "post_logout_redirect_uri": f"{site.url}/sign-in"}
    )


def test_what_the_browser_is_given_is_out_of_scripts_and_other_sites_reach(site: Site) -> None:
    site.as_somebody("ann")
    browser = site.browser()
    sent = browser.get("/v1/sessions/oidc")
    asked = dict(parse_qsl(urlsplit(sent.headers["location"]).query))
    assert asked["redirect_uri"] == f"{site.url}{CALLBACK}"
    assert (asked["tenant"], asked["code_challenge_method"], asked["response_type"]) == ("1", "S256", "code")
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert SECRET not in sent.headers["location"]
    back = browser.get(httpx.get(sent.headers["location"]).headers["location"])
    for response in (sent, back):
        cookie = response.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert response.headers["cache-control"] == "no-store"


def test_administrators_are_those_of_the_providers_group(site: Site) -> None:
    site.as_somebody("chief", "admins")
    browser = signed_in(site)
    assert me(browser)["is_admin"]
    assert browser.get("/v1/users").status_code == 200
    site.as_somebody("chief")
    site.time_passes()
    assert browser.get("/v1/users").status_code == 403
    assert not me(browser)["is_admin"]


def test_several_tabs_of_a_browser_may_sign_in_side_by_side(site: Site) -> None:
    site.as_somebody("ann")
    browser = site.browser()
    first, second = at_provider(browser, "/documents"), at_provider(browser, "/users")
    assert browser.get(first).headers["location"] == "/documents"
    assert browser.get(second).headers["location"] == "/users"


# --- attacks on the way


def test_a_state_that_is_wrong_missing_or_used_begins_no_session(site: Site) -> None:
    site.as_somebody("ann")
    browser = site.browser()
    back = at_provider(browser)
    code = dict(parse_qsl(urlsplit(back).query))["code"]
    for query in ({"code": code, "state": "guessed"}, {"code": code}, {}):
        assert refused(browser.get(CALLBACK, params=query)) == "oidc_expired"
    assert browser.get(back).headers["location"] == "/"
    assert refused(browser.get(back)) == "oidc_expired", "once only"


def test_a_code_that_was_used_begins_no_session(site: Site) -> None:
    site.as_somebody("ann")
    first, second = site.browser(), site.browser()
    used = dict(parse_qsl(urlsplit(at_provider(first)).query))
    first.get(CALLBACK, params=used)
    other = dict(parse_qsl(urlsplit(at_provider(second)).query))
    assert refused(second.get(CALLBACK, params={**other, "code": used["code"]})) == "oidc_grant_ended"


def test_nobody_is_signed_in_as_somebody_else_by_a_link(site: Site) -> None:
    site.as_somebody("attacker")
    link = at_provider(site.browser())
    victim = site.browser()
    assert refused(victim.get(link)) == "oidc_expired"
    site.as_somebody("victim")
    at_provider(victim)  # a browser that has a sign-in of its own under way is no other
    assert refused(victim.get(link)) == "oidc_expired"
    assert victim.get("/v1/me").status_code == 401


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "evil", "",
     "/%0d%0aSet-Cookie: a=b".replace("%0d%0a", "\r\n"), "javascript:alert(1)", "/ok\\..\\evil"],
)  # fmt: skip
def test_a_sign_in_ends_nowhere_else(site: Site, elsewhere: str) -> None:
    response = site.browser().get("/v1/sessions/oidc", params={"next": elsewhere})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_next")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "another"}, "oidc_invalid_token"),
        ({"aud": "another"}, "oidc_invalid_token"),
        ({"iss": "https://evil.example"}, "oidc_invalid_token"),
        ({"exp": 1}, "oidc_invalid_token"),
        ({"email": ""}, "oidc_no_email"),
        ({"email_verified": False}, "oidc_email_unverified"),
        ({"email": "ann@evil.example"}, "oidc_domain"),
        ({"email": system.ADMIN}, "oidc_email_taken"),
    ],
)
def test_a_token_that_names_nobody_begins_no_session(site: Site, claims: dict[str, Any], code: str) -> None:
    site.as_somebody("mallory")
    site.idp.change_claims = lambda said: said.update(claims)
    browser = site.browser()
    assert refused(browser.get(at_provider(browser))) == code
    assert browser.get("/v1/me").status_code == 401


def test_a_token_of_a_strangers_key_begins_no_session(site: Site) -> None:
    site.as_somebody("mallory")
    signer = IdentityProvider(site.idp.issuer, [new_key("stranger")])
    site.idp.sign = signer.signed
    browser = site.browser()
    assert refused(browser.get(at_provider(browser))) == "oidc_invalid_token"


@pytest.mark.parametrize(
    ("refusal", "code"),
    [("access_denied", "oidc_cancelled"), ("server_error", "oidc_refused"), ("\x1b", "oidc_refused")],
)
def test_who_cancels_comes_back_to_the_sign_in_page(site: Site, refusal: str, code: str) -> None:
    site.idp.refusal = refusal
    browser = site.browser()
    assert refused(browser.get(at_provider(browser))) == code


def test_an_answer_that_names_another_provider_is_refused(site: Site) -> None:
    site.as_somebody("ann")
    site.idp.change_answer = lambda answer: answer.update(iss="https://evil.example")
    browser = site.browser()
    assert refused(browser.get(at_provider(browser))) == "oidc_refused"


def test_an_account_that_an_administrator_disabled_stays_closed(site: Site) -> None:
    site.as_somebody("leaver")
    browser = signed_in(site)
    Accounts(site.database).change(me(browser)["id"], name=None, is_admin=None, disabled=True)
    assert ended(browser)
    other = site.browser()
    assert refused(other.get(at_provider(other))) == "account_disabled"


def test_a_made_up_session_counts_as_one_wherever_it_is_from_and_a_real_one_is_named(site: Site) -> None:
    elsewhere = {"Origin": "https://evil.example"}
    stranger = site.browser()
    stranger.cookies.set("footnote_session", "made-up")
    response = stranger.post("/v1/search", json={"query": "x"}, headers=elsewhere)
    assert (response.status_code, response.json()["code"]) == (401, "session_ended")
    assert stranger.delete("/v1/sessions/current", headers=elsewhere).status_code == 204
    site.as_somebody("lured")
    browser = signed_in(site)
    user_id = me(browser)["id"]
    for response in (
        browser.post("/v1/search", json={"query": "x"}, headers=elsewhere),
        browser.delete("/v1/sessions/current", headers=elsewhere),
    ):
        assert (response.status_code, response.json()["code"]) == (403, "cross_site")
    assert me(browser)["id"] == user_id

    def told() -> bool:
        with site.database.read() as session:
            rows = session.scalars(select(AuditEvent).where(AuditEvent.event == "authz_fail")).all()
        return ("/v1/search", user_id) in {(row.details.get("route"), row.user_id) for row in rows}

    eventually(told)


def test_who_signs_in_there_sets_no_password_here(site: Site) -> None:
    site.as_somebody("leaver2")
    browser = signed_in(site)
    assert me(browser)["signs_in_elsewhere"] is True
    response = browser.put("/v1/me/password", json={"password": "a long enough sentence"})
    assert (response.status_code, response.json()["code"]) == (422, "signs_in_elsewhere")


def test_an_operator_links_an_account_that_is_here_already(site: Site) -> None:
    user = Accounts(site.database).create("linked@example.com", name="", groups=[], is_admin=False).user
    site.as_somebody("linked")
    browser = site.browser()
    assert refused(browser.get(at_provider(browser))) == "oidc_email_taken"
    assert any("linked-1" in line and site.idp.issuer in line for line in site.log.read_text().splitlines())

    def linked(*words: str) -> int:
        command = [sys.executable, "-m", "services", "link-identity", "linked@example.com", *words]
        return subprocess.run(command, env=site.environment, check=False).returncode

    assert (linked(), linked("linked-1", "--remove"), linked("linked-1")) == (2, 2, 0)
    assert me(signed_in(site))["id"] == user.id


# --- while they are signed in


def test_groups_are_read_again_and_what_was_lost_is_lost(site: Site) -> None:
    site.as_somebody("mover", "hr", "board")
    browser = signed_in(site)
    site.as_somebody("mover", "legal")
    assert me(browser)["groups"] == ["acme/board", "acme/hr"]
    site.time_passes()
    assert me(browser)["groups"] == ["acme/legal"]


def test_who_is_disabled_at_the_provider_is_out_at_the_next_renewal(site: Site) -> None:
    site.as_somebody("fired", "hr")
    browser = signed_in(site)
    site.idp.end_refresh_tokens()
    assert me(browser)
    site.time_passes(ended=False)
    assert ended(browser)


def test_who_may_no_longer_come_from_there_is_out_too(site: Site) -> None:
    site.as_somebody("mover2")
    browser = signed_in(site)
    site.as_somebody("mover2", email="mover2@evil.example")
    site.time_passes()
    assert ended(browser)


def test_a_refresh_that_names_somebody_else_ends_the_session(site: Site) -> None:
    site.as_somebody("ann")
    browser = signed_in(site)
    site.as_somebody("eve")
    site.time_passes()
    assert ended(browser)


def test_without_a_refresh_token_the_session_ends(site: Site) -> None:
    site.as_somebody("short")
    site.idp.gives_refresh_tokens = False
    browser = signed_in(site)
    assert me(browser)
    site.time_passes()
    assert ended(browser)


def test_a_provider_that_is_down_keeps_a_session_that_holds_and_lets_none_go_on_beyond(site: Site) -> None:
    site.as_somebody("patient", "hr")
    browser = signed_in(site)
    down = {"/token": lambda handler: handler.send_error(503)}
    site.idp.broken = dict(down)
    site.time_passes(ended=False)
    assert me(browser)["groups"] == ["acme/hr"]
    site.time_passes()
    for _ in range(2):
        response = browser.get("/v1/me")
        assert (response.status_code, response.json()["code"]) == (503, "oidc_unavailable")
    site.idp.broken = {}
    assert me(browser)["groups"] == ["acme/hr"], "and it is the same session when it is back"


def test_many_requests_of_a_session_that_is_due_ask_the_provider_once_and_all_go_on(site: Site) -> None:
    site.as_somebody("busy", "hr")
    browser = signed_in(site)
    site.as_somebody("busy", "legal")
    site.time_passes()
    site.idp.asked.clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: me(browser)["groups"], range(16)))
    assert found == [["acme/legal"]] * 16
    assert site.idp.asked.count("/token") == 1


def test_a_provider_that_is_slow_keeps_so_many_waiting_and_no_more(site: Site) -> None:
    over = Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)
        handler.send_error(503)

    site.idp.broken = {"/.well-known/openid-configuration": slow}
    client = Client(issuer=site.idp.issuer, id=CLIENT, secret=SECRET, scopes="openid", redirect_uri=site.url)
    rules = Rules(groups_claim="groups", groups_prefix="", admin_group="", domains=frozenset(), link=False)
    sessions = ProviderSessions(site.database, holds=timedelta(hours=1))
    sso = SingleSignOn(Provider(client, Transport(silence_seconds=30)), sessions, rules, name="Acme")
    with ThreadPoolExecutor(MOST + 1) as pool:
        calls = [pool.submit(sso.sign_out_url, site.url) for _ in range(MOST + 1)]
        first = wait(calls, timeout=15, return_when=FIRST_COMPLETED).done
        over.set()
        codes = [getattr(call.exception(), "code", None) for call in first]
    assert codes == ["oidc_busy"]


def test_why_a_sign_in_failed_is_in_the_log(site: Site) -> None:
    site.as_somebody("ann")
    site.idp.change_claims = lambda said: said.update(aud="somebody else's")
    browser = site.browser()
    assert refused(browser.get(at_provider(browser))) == "oidc_invalid_token"
    assert any("oidc_sign_in_failed" in line and "udience" in line for line in site.log.read_text().splitlines())


def test_a_provider_that_is_down_is_told_on_the_sign_in_page(site: Site) -> None:
    site.as_somebody("ann")
    browser = site.browser()
    back = at_provider(browser)
    site.idp.broken = {"/token": lambda handler: handler.send_error(503)}
    assert refused(browser.get(back)) == "oidc_unavailable"
    site.idp.broken = {"/token": lambda handler: handler.send_error(401)}
    assert refused(browser.get(at_provider(browser))) == "oidc_unavailable", "an error page is no answer"


def test_a_key_of_somebody_who_signed_in_works_and_is_renewed_by_nobody(site: Site) -> None:
    site.as_somebody("keyholder", "hr")
    browser = signed_in(site)
    _, key = Keys(site.database).create(me(browser)["id"], name="k", scopes=SCOPES)
    site.idp.broken = {"/token": lambda handler: handler.send_error(503)}
    site.time_passes()
    answered = httpx.get(f"{site.url}/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert answered.json()["groups"] == ["acme/hr"]


# --- what is kept and said


def test_secrets_are_in_no_log_no_registry_and_no_address(site: Site) -> None:
    site.as_somebody("ann")
    browser = signed_in(site)
    with site.database.read() as session:
        stored = [row.refresh_token or "" for row in session.scalars(select(ProviderSession))]
    given = list(site.idp._refresh)
    assert given
    assert [token for token in given if any(token in kept for kept in stored)] == []
    log = site.log.read_text()
    for secret in (SECRET, browser.cookies["footnote_session"], *given):
        assert secret not in log


def test_who_signs_in_and_who_does_not_is_in_the_audit_log(site: Site) -> None:
    site.as_somebody("noted")
    user_id = me(signed_in(site))["id"]
    browser = site.browser()
    browser.get(CALLBACK, params={"state": "guessed"})

    def told() -> bool:
        with site.database.read() as session:
            rows = session.scalars(select(AuditEvent).where(AuditEvent.event.startswith("authn_login"))).all()
        found = {(row.event, row.subject, row.details.get("by"), row.details.get("code")) for row in rows}
        return {
            ("authn_login_success", f"user:{user_id}", "oidc", None),
            ("authn_login_fail", None, "oidc", "oidc_expired"),
        } <= found

    eventually(told)


def test_where_local_sign_in_is_off_links_and_passwords_open_nothing(site: Site) -> None:
    accounts = Accounts(site.database)
    user = accounts.create("local@example.com", name="", groups=[], is_admin=False).user
    token, _ = accounts.new_link(user.id)
    port = str(private_servers.free_port())
    said = {**site.environment, "FOOTNOTE_LOCAL_SIGN_IN": "false", "FOOTNOTE_PORT": port}
    url = f"http://127.0.0.1:{port}"
    with system.process("api", said, site.log.parent / "data") as api:
        private_servers.wait_until(lambda: private_servers.answers(f"{url}/healthz"), process=api)
        assert httpx.get(f"{url}/v1/sessions/methods").json() == {"local": False, "oidc": "Acme"}
        for body in ({"token": token}, {"email": "local@example.com", "password": "a long enough sentence"}):
            response = httpx.post(f"{url}/v1/sessions", json=body)
            assert (response.status_code, response.json()["code"]) == (403, "local_sign_in_off")
    assert site.browser().post("/v1/sessions", json={"token": token}).status_code == 201
