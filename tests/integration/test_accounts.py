"""Accounts on both databases: passwords, links, keys, and what disabling and demoting somebody does.

Over HTTP, in both sizes: what a key may not do to become more than it is.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from retrieval.errors import ConflictError, InvalidInputError, UnauthenticatedError
from services.db.accounts import SCOPES, Account, Accounts
from services.db.database import Database, clock
from services.db.keys import Keys
from tests.system import System

PASSWORD = "a long enough sentence"


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def ann(accounts: Accounts) -> Account:
    return accounts.create(" Ann@Example.com ", name="Ann", groups=["HR"], is_admin=True)


def test_a_principal_holds_everyone_themselves_and_their_groups(accounts: Accounts, ann: Account) -> None:
    token, _ = accounts.new_link(ann.user.id)
    principal = accounts.principal_of_session(accounts.sign_in_with_link(token))
    assert principal.grants == {"everyone", "user:ann@example.com", "group:hr"}
    assert principal.is_admin


def test_a_link_signs_in_once(accounts: Accounts, ann: Account) -> None:
    token, _ = accounts.new_link(ann.user.id)
    accounts.sign_in_with_link(token)
    with pytest.raises(UnauthenticatedError):
        accounts.sign_in_with_link(token)


def test_a_password_signs_in_and_changing_it_needs_the_old_one(accounts: Accounts, ann: Account) -> None:
    with pytest.raises(UnauthenticatedError):
        accounts.sign_in_with_password("ann@example.com", "")  # none is set
    with pytest.raises(InvalidInputError):
        accounts.set_password(ann.user.id, "short", current=None)
    accounts.set_password(ann.user.id, PASSWORD, current=None)
    assert accounts.principal_of_session(accounts.sign_in_with_password("ANN@example.com", PASSWORD))
    with pytest.raises(InvalidInputError):
        accounts.set_password(ann.user.id, PASSWORD + "!", current="wrong")
    accounts.set_password(ann.user.id, PASSWORD + "!", current=PASSWORD)
    with pytest.raises(UnauthenticatedError):
        accounts.sign_in_with_password("ann@example.com", PASSWORD)


def test_an_unknown_address_and_a_wrong_password_are_the_same_error(accounts: Accounts, ann: Account) -> None:
    accounts.set_password(ann.user.id, PASSWORD, current=None)
    messages = set()
    for email in ("ann@example.com", "nobody@example.com"):
        with pytest.raises(UnauthenticatedError) as refused:
            accounts.sign_in_with_password(email, "wrong")
        messages.add((refused.value.code, refused.value.message))
    assert len(messages) == 1


def test_disabling_ends_sessions_and_keys_and_links(accounts: Accounts, ann: Account, database: Database) -> None:
    accounts.create("root@example.com", name="", groups=[], is_admin=True)
    token, _ = accounts.new_link(ann.user.id)
    link, _ = accounts.new_link(ann.user.id)
    cookie = accounts.sign_in_with_link(token)
    _, key = Keys(database).create(ann.user.id, name="k", scopes=SCOPES)
    assert accounts.principal_of_key(key).email == "ann@example.com"
    accounts.change(ann.user.id, name=None, is_admin=None, disabled=True)
    for attempt in (
        lambda: accounts.principal_of_session(cookie),
        lambda: accounts.principal_of_key(key),
        lambda: accounts.sign_in_with_link(link),
    ):
        with pytest.raises(UnauthenticatedError):
            attempt()


def test_the_last_administrator_stays(accounts: Accounts, ann: Account) -> None:
    with pytest.raises(ConflictError):
        accounts.change(ann.user.id, name=None, is_admin=False, disabled=None)
    with pytest.raises(ConflictError):
        accounts.change(ann.user.id, name=None, is_admin=None, disabled=True)


def test_an_expired_or_revoked_key_is_refused(accounts: Accounts, ann: Account, database: Database) -> None:
    keys = Keys(database)
    with database.read() as session:
        now = clock(session)
    with pytest.raises(InvalidInputError):
        keys.create(ann.user.id, name="k", scopes=SCOPES, expires_at=now - timedelta(seconds=1))
    row, key = keys.create(ann.user.id, name="k", scopes=frozenset({"read"}), expires_at=now + timedelta(hours=1))
    principal = accounts.principal_of_key(key)
    assert principal.scopes == {"read"}
    assert not principal.is_admin
    keys.revoke(row.id, user_id=ann.user.id)
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_key(key)


def test_an_address_is_taken_once_whatever_its_case(accounts: Accounts, ann: Account) -> None:
    with pytest.raises(ConflictError):
        accounts.create("ANN@EXAMPLE.COM", name="", groups=[], is_admin=False)


def test_when_a_key_ends_is_told_to_who_shows_it(accounts: Accounts, ann: Account, database: Database) -> None:
    keys = Keys(database)
    with database.read() as session:
        tomorrow = clock(session) + timedelta(days=1)
    for expires_at in (tomorrow, None):
        _, key = keys.create(ann.user.id, name="k", scopes=SCOPES, expires_at=expires_at)
        assert accounts.expiry_of_key(key) == expires_at


# --- over HTTP


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def made(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    response = client.post("/v1/api-keys", json=asked)
    assert response.status_code == 201, response.text
    return dict(response.json())


def signed_in(assistant: System, email: str) -> httpx.Client:
    """A browser of a new person, who has no password yet."""
    user = assistant.admin.post("/v1/users", json={"email": email, "is_admin": True}).json()
    browser = assistant.client(None)
    browser.headers["Origin"] = assistant.url
    token = user["sign_in_url"].split("token=")[1]
    assert browser.post("/v1/sessions", json={"token": token}).status_code == 201
    return browser


@pytest.mark.parametrize("scopes", [["read"], ["read", "write", "admin"]])
def test_a_key_sets_no_password_and_so_opens_no_session(assistant: System, scopes: list[str]) -> None:
    email = f"{len(scopes)}-scopes@example.com"
    browser = signed_in(assistant, email)
    holder = assistant.client(made(browser, scopes=scopes)["key"])
    credentials, change = {"email": email, "password": PASSWORD}, {"password": PASSWORD}
    assert holder.get("/v1/me").json()["has_password"] is False
    # The browser's cookie beside the key makes no session of it.
    both = {"Cookie": f"footnote_session={browser.cookies['footnote_session']}", "Origin": assistant.url}
    for headers in ({}, both):
        assert code(holder.put("/v1/me/password", json=change, headers=headers)) == (403, "session_required")
    assert code(assistant.client(None).post("/v1/sessions", json=credentials)) == (401, "invalid_credentials")
    assert browser.put("/v1/me/password", json=change).status_code == 204
    assert assistant.client(None).post("/v1/sessions", json=credentials).status_code == 201
    known = {"password": f"{PASSWORD}!", "current_password": PASSWORD}
    assert code(holder.put("/v1/me/password", json=known)) == (403, "session_required")
    assert browser.put("/v1/me/password", json=known).status_code == 204


def test_a_key_outlasts_neither_the_key_that_makes_it_nor_its_scopes(assistant: System) -> None:
    browser = signed_in(assistant, "keymaker@example.com")
    soon, later = (datetime.now(UTC) + timedelta(days=days) for days in (1, 2))
    first = made(browser, scopes=["read", "admin"], expires_at=soon.isoformat())
    maker = assistant.client(first["key"])
    for whose in ({}, {"user": "keymaker@example.com"}, {"user": assistant.admin.get("/v1/me").json()["email"]}):
        second = made(maker, **whose)
        assert (second["scopes"], second["expires_at"]) == (["admin", "read"], first["expires_at"])
        earlier = (soon - timedelta(hours=1)).isoformat()
        assert made(maker, **whose, scopes=["read"], expires_at=earlier)["expires_at"] < first["expires_at"]
        refused = maker.post("/v1/api-keys", json={**whose, "expires_at": later.isoformat()})
        assert code(refused) == (403, "outlasts_key")
        assert code(maker.post("/v1/api-keys", json={**whose, "scopes": ["write"]})) == (403, "missing_scope")
    third = made(assistant.client(second["key"]))
    assert third["expires_at"] == first["expires_at"], "nor by way of another"


def test_a_key_without_an_end_and_a_session_make_keys_that_end_as_asked(assistant: System) -> None:
    browser = signed_in(assistant, "endless@example.com")
    for maker in (browser, assistant.admin):
        assert made(maker, name="endless")["expires_at"] is None
        later = datetime.now(UTC) + timedelta(days=90)
        ends = made(maker, user="endless@example.com", expires_at=later.isoformat())["expires_at"]
        assert datetime.fromisoformat(ends) == later
