"""Access tokens of a provider over HTTP: a whole assistant, a real provider, and programs that act for people."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from ingest.client import Client
from services.db.accounts import Accounts
from services.db.identities import Identities
from services.db.keys import Keys
from services.db.models import AuditEvent, Identity
from tests import private_servers, system
from tests.identity_provider import AUDIENCE, CLIENT, IdentityProvider, SigningKey, identity_provider, new_key
from tests.integration.test_command_line import footnote
from tests.integration.test_journeys import eventually
from tests.integration.test_single_sign_on import SETTINGS, at_provider, me
from tests.system import System

FAILURES = 20
BONUS = b"# Bonus\n\nThe signing bonus of a new manager is 4000 euros, paid with the first salary.\n"
QUESTION = "How many euros is the signing bonus of a new manager?"
MCP = {"Accept": "application/json, text/event-stream"}
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Company:
    """An assistant that takes tokens, the provider that gives them, and a document for its human resources."""

    system: System
    idp: IdentityProvider
    bonus: str

    def token(self, name: str, *groups: str, **claims: Any) -> str:
        """What a program gets that acts for this person."""
        said = {"sub": f"{name}-1", "email": f"{name}@example.com", "email_verified": True, "name": name.title()}
        return self.idp.access_token(**{**said, "groups": list(groups), **claims})

    def client(self, token: str) -> httpx.Client:
        """A program with this token, at an address of its own."""
        client = self.system.client(token)
        client.headers["X-Forwarded-For"] = f"198.51.100.{next(_NUMBERS)}"
        return client

    def program(self, name: str, *groups: str, **claims: Any) -> httpx.Client:
        return self.client(self.token(name, *groups, **claims))

    def browser(self, name: str, *groups: str) -> httpx.Client:
        """This person, signed in there."""
        email = f"{name}@example.com"
        self.idp.person = {"sub": f"{name}-1", "email": email, "name": name.title(), "groups": list(groups)}
        browser = self.system.client(None)
        browser.headers["Origin"] = self.system.url
        assert browser.get(at_provider(browser)).headers["location"] == "/"
        return browser


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Company]:
    with identity_provider() as idp:
        settings = SETTINGS | {
            "FOOTNOTE_OIDC_ISSUER": idp.issuer,
            "FOOTNOTE_OIDC_AUDIENCE": AUDIENCE,
            "FOOTNOTE_ADDRESS_FAILURES_PER_MINUTE": str(FAILURES),
        }
        folder = tmp_path_factory.mktemp("tokens")
        with system.running(system.ONE_MACHINE, folder, model_cache, **settings) as assistant:
            bonus = assistant.send("bonus.md", BONUS, title="Signing bonus", grants=["group:acme/hr"])
            assert bonus["state"] == "ready"
            yield Company(assistant, idp, bonus["id"])


@pytest.fixture
def company(started: Company) -> Company:
    """The company with a provider that does as it should."""
    started.idp.sign, started.idp.broken, started.idp.keys = None, {}, [new_key("first")]
    return started


def refused(client: httpx.Client) -> str:
    """The code with which nobody is known."""
    response = client.get("/v1/me")
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer"), response.text
    return str(response.json()["code"])


# --- for whom a program acts


def test_somebody_new_has_an_account_and_is_who_signs_in_in_the_browser(company: Company) -> None:
    known = me(company.program("ann", "hr"))
    assert (known["email"], known["name"], known["groups"]) == ("ann@example.com", "Ann", ["acme/hr"])
    assert known["grants"] == ["everyone", "group:acme/hr", "user:ann@example.com"]
    assert (known["scopes"], known["is_admin"], known["signs_in_elsewhere"]) == (["read", "write"], False, True)
    assert me(company.browser("ann", "hr")) == known


def test_the_groups_are_those_of_the_token_and_not_the_last_sign_ins(company: Company) -> None:
    browser = company.browser("mover", "hr")
    company.system.admin.put("/v1/groups/choir/members/mover@example.com")
    assert me(company.program("mover", "legal"))["groups"] == ["acme/legal", "choir"]
    assert me(company.program("mover", groups=None))["groups"] == ["choir"]
    assert me(browser)["groups"] == ["acme/hr", "choir"]
    moved, stayed = company.program("mover", "legal"), company.program("mover", "hr")
    assert moved.get(f"/v1/documents/{company.bonus}").status_code == 404
    assert stayed.get(f"/v1/documents/{company.bonus}").status_code == 200


def test_a_program_answers_on_every_interface_with_what_its_person_may_read(company: Company) -> None:
    chat = {"model": "footnote", "messages": [{"role": "user", "content": QUESTION}]}
    tool = {"name": "search", "arguments": {"query": QUESTION}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": tool}

    def told(client: httpx.Client) -> list[bool]:
        answers = [
            client.post("/v1/search", json={"query": QUESTION}),
            client.post("/v1/ask", json={"question": QUESTION}),
            client.post("/v1/chat/completions", json=chat),
            client.post("/mcp", json=call, headers=MCP),
        ]
        assert [answer.status_code for answer in answers] == [200] * 4
        return ["4000" in answer.text for answer in answers]

    assert told(company.program("reader", "hr")) == [True] * 4
    assert told(company.program("reader", "legal")) == [False] * 4


def test_the_client_and_the_command_line_send_it_as_they_send_a_key(company: Company, tmp_path: Path) -> None:
    token = company.token("tool", "hr")
    with Client(company.system.url, token) as client:
        assert client.me().email == "tool@example.com"
    found = footnote("search", QUESTION, "--json", url=company.system.url, key=token, cwd=tmp_path)
    assert (found.returncode, company.bonus in found.stdout) == (0, True), found.stderr


def test_an_administrator_by_the_providers_group_is_one_by_a_token_that_names_it(company: Company) -> None:
    chief = company.program("chief", "admins")
    assert not me(chief)["is_admin"], "a token makes nobody one"
    company.browser("chief", "admins")
    assert me(chief)["is_admin"]
    assert chief.get("/v1/users").status_code == 200
    left = company.program("chief")
    assert not me(left)["is_admin"]
    assert left.get("/v1/users").json()["code"] == "missing_scope"


def test_a_known_subject_needs_no_address_and_one_that_is_named_holds(company: Company) -> None:
    user_id = me(company.program("known"))["id"]
    assert me(company.program("known", email=None))["id"] == user_id
    assert me(company.program("known", email="renamed@example.com"))["email"] == "known@example.com"
    assert refused(company.program("known", email="known@evil.example")) == "oidc_domain"
    assert refused(company.program("known", email_verified=False)) == "oidc_email_unverified"


def test_an_operator_gives_a_program_of_its_own_an_account(company: Company) -> None:
    claims = {"email": None, "client_id": "feeder", "sub": "feeder", "azp": "feeder"}
    assert refused(company.program("feeder", **claims)) == "oidc_no_email"
    Accounts(company.system.database).create("feeder@example.com", name="", groups=[], is_admin=False)
    Identities(company.system.database).link("feeder@example.com", issuer=company.idp.issuer, subject="feeder")
    assert me(company.program("feeder", **claims))["email"] == "feeder@example.com"


# --- who is nobody


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"email": None}, "oidc_no_email"),
        ({"email_verified": False}, "oidc_email_unverified"),
        ({"email": "mallory@evil.example"}, "oidc_domain"),
        ({"email": system.ADMIN}, "oidc_email_taken"),
        ({"aud": CLIENT}, "invalid_token"),
        ({"aud": "another"}, "invalid_token"),
        ({"iss": "https://evil.example"}, "invalid_token"),
        ({"exp": 1}, "invalid_token"),
    ],
)
def test_a_token_that_names_nobody_opens_nothing(company: Company, claims: dict[str, Any], code: str) -> None:
    assert refused(company.program("mallory", **claims)) == code
    assert company.system.admin.get("/v1/users", params={"email": "mallory"}).json()["items"] == []
    with company.system.database.read() as session:
        assert session.scalars(select(Identity).where(Identity.subject == "mallory-1")).all() == []


def test_who_has_no_account_is_told_to_sign_in_and_the_administrator_why(company: Company) -> None:
    answer = company.program("taken", email=system.ADMIN).get("/v1/me")
    assert "Sign in once in the browser" in answer.json()["detail"]
    log = (company.system.data_dir.parent / "api.log").read_text()
    assert any("oidc_token_of_nobody" in line and "link-identity" in line for line in log.splitlines())


def test_an_id_token_opens_nothing(company: Company) -> None:
    person = {"sub": "ann-1", "email": "ann@example.com"}
    id_token = company.idp.signed({**company.idp.claims(person, "a nonce"), "aud": AUDIENCE})
    assert refused(company.client(id_token)) == "invalid_token"
    assert refused(company.client(company.idp.signed(company.idp.claims(person, None)))) == "invalid_token"


def test_a_token_of_a_strangers_key_opens_nothing_and_of_a_new_key_all(company: Company) -> None:
    old = company.idp.keys[0]
    assert me(company.program("ann"))["email"] == "ann@example.com"
    company.browser("ann")
    company.idp.keys = [new_key("second"), old]
    assert me(company.program("ann"))["email"] == "ann@example.com"
    for kid in ("stranger", "first", "second"):
        signer = SigningKey(kid, "RS256", new_key("stranger").private)
        company.idp.sign = IdentityProvider(company.idp.issuer, [signer]).signed
        assert refused(company.program("ann")) == "invalid_token"
    company.idp.sign, company.idp.keys = None, [new_key("third"), old]
    assert me(company.browser("ann"))["email"] == "ann@example.com", "junk keeps nobody from signing in"


def test_who_is_disabled_here_is_out_at_once(company: Company) -> None:
    program = company.program("leaver")
    user_id = me(program)["id"]
    company.system.admin.patch(f"/v1/users/{user_id}", json={"disabled": True})
    assert refused(program) == "account_disabled"


def test_tokens_that_are_not_valid_are_limited_for_their_address(company: Company) -> None:
    guess = company.program("guess", aud="another")
    answers = [guess.get("/v1/me") for _ in range(FAILURES + 1)]
    assert [answer.status_code for answer in answers] == [401] * FAILURES + [429]
    assert answers[-1].json()["code"] == "rate_limited"
    guess.headers["Authorization"] = f"Bearer {company.token('valid')}"
    assert me(guess)["email"] == "valid@example.com"


# --- what a token does not open


def test_a_token_makes_nothing_that_outlasts_it(company: Company) -> None:
    company.browser("maker", "admins")
    chief = company.program("maker", "admins")
    user_id = me(chief)["id"]
    for body in ({}, {"scopes": ["read"]}, {"user": "root@example.com"}):
        answer = chief.post("/v1/api-keys", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "session_required")
    for path, body in (("/v1/users", {"email": "made@example.com"}), (f"/v1/users/{user_id}/sign-in-links", {})):
        answer = chief.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "session_required")
        assert company.system.admin.post(path, json=body).status_code == 201, "an API key may, as before"
    password = chief.put("/v1/me/password", json={"password": "a long enough sentence"})
    assert (password.status_code, password.json()["code"]) == (403, "session_required")
    key, _ = Keys(company.system.database).create(user_id, name="k", scopes=frozenset({"read"}))
    assert [item["id"] for item in company.program("maker").get("/v1/api-keys").json()["items"]] == [key.id]
    assert company.program("maker").delete(f"/v1/api-keys/{key.id}").status_code == 204


# --- what is kept and said


def test_the_audit_log_names_the_person_and_nothing_of_the_token_is_kept(company: Company) -> None:
    token = company.token("noted", "hr")
    program = company.client(token)
    user_id = me(program)["id"]
    company.system.send("note.md", b"# Note\n\nA note.\n", client=program, title="Note")
    program.post("/v1/api-keys", json={})

    def told() -> bool:
        with company.system.database.read() as session:
            rows = session.scalars(select(AuditEvent).where(AuditEvent.user_id == user_id)).all()
        found = {(row.event, row.actor, row.key_id) for row in rows}
        events = ("user_created", "upload_complete", "authz_fail")
        return {(event, "noted@example.com", None) for event in events} <= found

    eventually(told)
    assert token.rpartition(".")[2] not in (company.system.data_dir.parent / "api.log").read_text()


# --- an API that has just started


def test_where_keys_were_never_read_the_provider_is_needed_and_without_an_audience_no_token_is_taken(
    company: Company,
) -> None:
    token = company.token("ann", "hr")
    company.idp.broken = {"/keys": lambda handler: BaseHTTPRequestHandler.send_error(handler, 503)}
    for audience, status, code in ((AUDIENCE, 503, "oidc_unavailable"), ("", 401, "access_tokens_not_taken")):
        port = str(private_servers.free_port())
        said = {**company.system.environment, "FOOTNOTE_OIDC_AUDIENCE": audience, "FOOTNOTE_PORT": port}
        url = f"http://127.0.0.1:{port}"
        with system.process("api", said, company.system.data_dir) as api:
            private_servers.wait_until(lambda url=url: private_servers.answers(f"{url}/healthz"), process=api)
            answer = httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"})
            assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert me(company.client(token))["email"] == "ann@example.com", "who has the keys needs no provider"
