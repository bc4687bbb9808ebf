"""Accounts on both databases: passwords, links, keys, and what disabling and demoting somebody does.

Over HTTP, in both sizes: what a key may not do to become more than it is, to outlive its revocation or to end another.
"""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, InvalidInputError, UnauthenticatedError
from services.db.accounts import SCOPES, Account, Accounts
from services.db.database import Database, clock
from services.db.dump import load, snapshot
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
        made, key = keys.create(ann.user.id, name="k", scopes=SCOPES, expires_at=expires_at)
        row = accounts.row_of_key(key)
        assert (row.id, row.expires_at) == (made.id, expires_at)


def test_a_key_ends_with_the_key_that_made_it(accounts: Accounts, ann: Account, database: Database) -> None:
    keys = Keys(database)
    root, _ = keys.create(ann.user.id, name="root", scopes=SCOPES)
    chain, made_by = [], root.id
    for name in ("first", "second", "third"):
        row, text = keys.create(ann.user.id, name=name, scopes=SCOPES, made_by=made_by)
        chain.append(text)
        made_by = row.id
    _, beside = keys.create(ann.user.id, name="beside", scopes=SCOPES, made_by=root.id)
    first = accounts.row_of_key(chain[0])
    keys.revoke(first.id, user_id=ann.user.id)
    for text in chain:
        with pytest.raises(UnauthenticatedError):
            accounts.principal_of_key(text)
    assert accounts.principal_of_key(beside)
    assert {row.name: row.revoked_at is None for row, _ in keys.page(user_id=None)} == {
        "root": True, "first": False, "second": False, "third": False, "beside": True,
    }  # fmt: skip
    with pytest.raises(UnauthenticatedError):
        keys.create(ann.user.id, name="late", scopes=SCOPES, made_by=first.id)


def test_a_key_that_is_made_while_its_maker_is_revoked_ends_too(
    accounts: Accounts, ann: Account, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys(database)
    maker, _ = keys.create(ann.user.id, name="maker", scopes=SCOPES)
    revoking: list[Future[None]] = []

    def meanwhile(session: Session) -> datetime:
        """The clock, asked in the middle of making a key: there another revokes its maker."""
        if not revoking:
            revoking.append(pool.submit(keys.revoke, maker.id, user_id=None))
            wait(revoking, timeout=0.5)
        return clock(session)

    monkeypatch.setattr("services.db.keys.clock", meanwhile)
    with ThreadPoolExecutor() as pool:
        _, text = keys.create(ann.user.id, name="made", scopes=SCOPES, made_by=maker.id)
    revoking[0].result()
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_key(text)


# --- what becomes of older registries


def rows_of(database: Database) -> dict[str, list[dict[str, Any]]]:
    with snapshot(database) as still:
        return {name: list(still.rows(name)) for name in still.tables()}


def test_keys_of_a_backup_of_the_release_before_have_no_maker(
    accounts: Accounts, ann: Account, database: Database
) -> None:
    keys = Keys(database)
    maker, old = keys.create(ann.user.id, name="old", scopes=SCOPES)
    keys.create(ann.user.id, name="made", scopes=SCOPES, made_by=maker.id)
    rows = rows_of(database)
    for row in rows["api_keys"]:
        del row["made_by"]
    load(database, "0007", [(name, rows[name]) for name in ("users", "api_keys")])
    assert accounts.principal_of_key(old)
    assert [row.made_by for row, _ in keys.page(user_id=None)] == [None, None]
    _, new = keys.create(ann.user.id, name="new", scopes=SCOPES, made_by=maker.id)
    keys.revoke(maker.id, user_id=None)
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_key(new)


def test_a_backup_carries_makers_whatever_the_order_of_its_rows(
    accounts: Accounts, ann: Account, database: Database
) -> None:
    keys = Keys(database)
    maker, _ = keys.create(ann.user.id, name="maker", scopes=SCOPES)
    _, text = keys.create(ann.user.id, name="made", scopes=SCOPES, made_by=maker.id)
    with snapshot(database) as still:
        revision = still.revision
    rows = rows_of(database)
    rows["api_keys"].sort(key=lambda row: row["name"] == "maker")
    load(database, revision, rows.items())
    assert accounts.row_of_key(text).made_by == maker.id


# --- over HTTP


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def made(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    response = client.post("/v1/api-keys", json=asked)
    assert response.status_code == 201, response.text
    return dict(response.json())


def ended_by(client: httpx.Client, key: dict[str, Any]) -> httpx.Response:
    return client.delete(f"/v1/api-keys/{key['id']}")


def ended(assistant: System, key: dict[str, Any]) -> bool:
    """Whether a key is refused, and not only for what it may not do."""
    return assistant.client(key["key"]).get("/v1/me").status_code == 401


def signed_in(assistant: System, email: str, *, is_admin: bool = True) -> httpx.Client:
    """A browser of a new person, who has no password yet."""
    user = assistant.admin.post("/v1/users", json={"email": email, "is_admin": is_admin}).json()
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


def test_who_stole_a_key_keeps_none_that_it_made(assistant: System) -> None:
    browser = signed_in(assistant, "robbed@example.com")
    stolen, beside = made(browser, name="stolen"), made(browser, name="beside")
    thief = assistant.client(stolen["key"])
    second = made(thief, name="second")
    others = made(thief, name="another's", user=assistant.admin.get("/v1/me").json()["email"])
    third = made(assistant.client(second["key"]), name="third")
    assert ended_by(browser, stolen).status_code == 204
    for key in (stolen, second, third, others):
        assert ended(assistant, key)
    assert not ended(assistant, beside)
    listed = browser.get("/v1/api-keys", params={"user": "robbed@example.com"}).json()["items"]
    assert {key["name"] for key in listed if key["revoked"]} == {"stolen", "second", "third"}


def test_a_key_ends_itself_and_no_other_that_may_do_more(assistant: System) -> None:
    browser = signed_in(assistant, "careful@example.com", is_admin=False)

    def fresh(*scopes: str) -> dict[str, Any]:
        return made(assistant.admin, user="careful@example.com", scopes=scopes)

    reader, writer, both = fresh("read"), fresh("write"), fresh("read", "write")
    for by, key in ((reader, writer), (reader, both), (writer, reader), (writer, both)):
        assert code(ended_by(assistant.client(by["key"]), key)) == (403, "missing_scope")
        assert not ended(assistant, key)
    # `admin` counts for nothing here: whose keys these are is no administrator.
    for by, key in ((reader, fresh("read")), (both, reader), (both, fresh("write", "admin")), (writer, writer)):
        assert ended_by(assistant.client(by["key"]), key).status_code == 204
        assert ended(assistant, key)
    assert ended_by(browser, both).status_code == 204
    assert ended(assistant, both)


def test_of_an_administrators_keys_those_that_administer_end_every_other(assistant: System) -> None:
    browser = signed_in(assistant, "several-keys@example.com")
    reader, admin, whole = (made(browser, scopes=scopes) for scopes in (["read"], ["read", "admin"], []))
    for key in (admin, whole):
        assert code(ended_by(assistant.client(reader["key"]), key)) == (403, "missing_scope")
    assert ended_by(assistant.client(admin["key"]), whole).status_code == 204
    assert ended_by(browser, admin).status_code == 204


def test_a_mightier_key_of_somebody_else_is_a_missing_one(assistant: System) -> None:
    reader = assistant.person("curious@example.com", scopes=["read"])
    foreign = made(assistant.admin, name="foreign")
    told = [ended_by(reader, key) for key in (foreign, {"id": "0123456789abcdef"})]
    assert [code(response) for response in told] == [(404, "unknown_key")] * 2
    assert told[0].content == told[1].content
    assert not ended(assistant, foreign)
