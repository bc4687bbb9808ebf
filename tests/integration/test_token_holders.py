"""Who somebody with an access token is, on both databases: what the token says counts, and nothing of it is kept."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from retrieval.errors import UnauthenticatedError
from retrieval.types import Principal
from services.db.accounts import SCOPES, Account, Accounts
from services.db.database import Database
from services.db.identities import EmailTakenError, Identities
from services.db.models import AuditEvent, Identity, Membership, User
from services.db.token_holders import TokenHolders
from tests.integration.test_identities import ANN

READ_AND_WRITE = SCOPES - {"admin"}


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def holders(database: Database) -> TokenHolders:
    return TokenHolders(database)


def shown(holders: TokenHolders, *groups: str, is_admin: bool = False, subject: str = "ann-1") -> Principal:
    found = holders.principal(issuer=ANN.issuer, subject=subject, groups=frozenset(groups), is_admin=is_admin)
    assert found is not None
    return found


def anns(accounts: Accounts) -> Account:
    return accounts.by_email(ANN.email)


def test_somebody_new_is_made_as_at_a_sign_in(holders: TokenHolders, accounts: Accounts) -> None:
    assert holders.principal(issuer=ANN.issuer, subject="ann-1", groups=frozenset(), is_admin=False) is None
    holders.introduce(ANN)
    made = anns(accounts)
    assert (made.user.name, made.groups, made.user.is_admin) == ("Ann", ("hr",), False)
    assert shown(holders, "hr") == Principal(
        made.user.id, "ann@example.com", frozenset({"everyone", "user:ann@example.com", "group:hr"}), False,
        READ_AND_WRITE,
    )  # fmt: skip
    assert holders.principal(issuer="https://another", subject="ann-1", groups=frozenset(), is_admin=False) is None


def test_an_account_that_is_here_is_linked_as_at_a_sign_in_or_not_at_all(
    holders: TokenHolders, accounts: Accounts
) -> None:
    mine = accounts.create(ANN.email, name="", groups=[], is_admin=False)
    with pytest.raises(EmailTakenError):
        holders.introduce(ANN)
    holders.introduce(replace(ANN, link=True))
    assert shown(holders).user_id == mine.user.id


def test_the_groups_are_the_tokens_and_those_that_an_administrator_gave(
    holders: TokenHolders, accounts: Accounts
) -> None:
    holders.introduce(replace(ANN, groups=frozenset({"hr", "board"})))
    accounts.join("board", ANN.email)
    accounts.join("choir", ANN.email)
    alone = {"everyone", "user:ann@example.com", "group:board", "group:choir"}
    assert shown(holders).grants == alone
    assert shown(holders, "legal").grants == alone | {"group:legal"}
    assert anns(accounts).groups == ("board", "choir", "hr"), "and the registry's are as they were"


def test_whom_the_providers_group_made_an_administrator_is_one_with_it_only(
    holders: TokenHolders, accounts: Accounts
) -> None:
    holders.introduce(replace(ANN, is_admin=True))
    with_it, without = shown(holders, is_admin=True), shown(holders)
    assert (with_it.is_admin, with_it.scopes) == (True, SCOPES)
    assert (without.is_admin, without.scopes) == (False, READ_AND_WRITE)
    assert anns(accounts).user.is_admin
    accounts.create("root@example.com", name="", groups=[], is_admin=True)
    accounts.change(with_it.user_id, name=None, is_admin=False, disabled=None)
    assert not shown(holders, is_admin=True).is_admin, "a token alone makes nobody one"


def test_an_administrator_who_was_made_here_stays_one(holders: TokenHolders, accounts: Accounts) -> None:
    root = accounts.create("root@example.com", name="", groups=[], is_admin=True)
    holders.introduce(replace(ANN, email="root@example.com", link=True))
    assert shown(holders).user_id == root.user.id
    assert shown(holders).is_admin


def test_who_is_disabled_here_is_refused(holders: TokenHolders, accounts: Accounts) -> None:
    holders.introduce(ANN)
    accounts.change(shown(holders).user_id, name=None, is_admin=None, disabled=True)
    with pytest.raises(UnauthenticatedError) as refused:
        shown(holders)
    assert refused.value.code == "account_disabled"


def test_whom_an_operator_links_is_known_without_an_address(
    holders: TokenHolders, accounts: Accounts, database: Database
) -> None:
    robot = accounts.create("robot@example.com", name="", groups=["feeds"], is_admin=False)
    Identities(database).link("robot@example.com", issuer=ANN.issuer, subject="a-program")
    known = shown(holders, subject="a-program")
    assert known.user_id == robot.user.id
    assert known.grants == {"everyone", "user:robot@example.com", "group:feeds"}


def test_nothing_is_written_for_somebody_who_is_known(holders: TokenHolders, database: Database) -> None:
    holders.introduce(ANN)

    def written() -> list[list[tuple[object, ...]]]:
        tables = (AuditEvent.__table__, Membership.__table__, User.__table__, Identity.__table__)
        with database.read() as session:
            return [sorted((tuple(row) for row in session.execute(select(table))), key=repr) for table in tables]

    before = written()
    shown(holders, "legal", is_admin=True)
    holders.introduce(replace(ANN, name="Anna", groups=frozenset({"legal"}), is_admin=True))
    assert written() == before


def test_many_requests_of_somebody_new_make_one_account(holders: TokenHolders, database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: holders.introduce(ANN), range(8)))
    with database.read() as session:
        assert len(session.scalars(select(Identity)).all()) == 1
        assert len(session.scalars(select(User).where(User.email == ANN.email)).all()) == 1


def test_whose_account_is_made_between_two_questions_is_not_told_that_it_is_somebody_elses(
    holders: TokenHolders, accounts: Accounts, database: Database
) -> None:
    """As two requests of one person may come on PostgreSQL; SQLite has one writer at a time."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    asked: list[str] = []

    def another_first(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "users.email =" in statement:
            asked.append(statement)
            if len(asked) == 1:
                TokenHolders(database).introduce(ANN)

    event.listen(Engine, "before_cursor_execute", another_first)
    try:
        holders.introduce(ANN)
    finally:
        event.remove(Engine, "before_cursor_execute", another_first)
    assert len(asked) == 2, "both looked for the address, one after the other"
    assert shown(holders).user_id == anns(accounts).user.id
    with pytest.raises(EmailTakenError):
        holders.introduce(replace(ANN, subject="another"))
