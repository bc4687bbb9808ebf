"""Accounts on both databases: passwords, links, keys, and what disabling and demoting somebody does."""

from datetime import timedelta

import pytest

from retrieval.errors import ConflictError, InvalidInputError, UnauthenticatedError
from services.db.accounts import SCOPES, Account, Accounts
from services.db.database import Database, clock
from services.db.keys import Keys

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
