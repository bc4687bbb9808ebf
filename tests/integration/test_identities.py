"""Accounts of people whom a sign-in provider knows, on both databases: who gets which, and what they may then."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from retrieval.errors import InvalidInputError, NotFoundError, UnauthenticatedError
from services.bootstrap import first_admin
from services.db.accounts import SCOPES, SESSION_LIFE, Account, Accounts
from services.db.audit_log import AuditLog
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.dump import load, snapshot
from services.db.identities import EmailTakenError, Identified, Identities, account_of
from services.db.keys import Keys
from services.db.models import AuditEvent, BrowserSession, Identity, ProviderSession, SignInRequest, User
from services.db.provider_sessions import Begun, ProviderSessions
from tests.integration.test_registry import handbook

HOUR = timedelta(hours=1)
ANN = Identified(
    issuer="https://login.example.com",
    subject="ann-1",
    email="ann@example.com",
    name="Ann",
    groups=frozenset({"hr"}),
    is_admin=False,
    link=False,
)


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def sessions(database: Database) -> ProviderSessions:
    return ProviderSessions(database, holds=HOUR)


@pytest.fixture
def enter(sessions: ProviderSessions, accounts: Accounts) -> Callable[..., Account]:
    """Signs this person in; their account."""

    def entered(**changed: object) -> Account:
        cookie = sessions.sign_in(replace(ANN, **changed), lambda _: None)  # type: ignore[arg-type]
        return accounts.by_id(accounts.principal_of_session(cookie).user_id)

    return entered


Enter = Callable[..., Account]


def test_the_first_sign_in_makes_an_account_and_the_next_finds_it(enter: Enter) -> None:
    first = enter()
    assert (first.user.email, first.user.name, first.groups, first.user.is_admin) == (
        "ann@example.com", "Ann", ("hr",), False,
    )  # fmt: skip
    assert enter(name="Ann Miller").user.id == first.user.id
    assert enter(subject="bob-1", email="bob@example.com").user.id != first.user.id
    assert enter(issuer="https://elsewhere.example.com", email="carl@example.com").user.id != first.user.id


def test_a_local_account_is_taken_by_nobody_who_only_has_its_address(enter: Enter, accounts: Accounts) -> None:
    root = accounts.create("root@example.com", name="", groups=["board"], is_admin=True)
    with pytest.raises(EmailTakenError) as refused:
        enter(email="root@example.com")
    assert refused.value.code == "oidc_email_taken"
    linked = enter(email="root@example.com", link=True)
    assert (linked.user.id, linked.user.is_admin, linked.groups) == (root.user.id, True, ("board", "hr"))


def test_who_is_given_an_address_after_another_does_not_get_their_account(enter: Enter) -> None:
    enter()
    with pytest.raises(EmailTakenError):
        enter(subject="another-ann", link=True)


def test_a_disabled_account_is_opened_by_no_provider(enter: Enter, accounts: Accounts) -> None:
    accounts.change(enter().user.id, name=None, is_admin=None, disabled=True)
    local = accounts.create("bob@example.com", name="", groups=[], is_admin=False)
    accounts.change(local.user.id, name=None, is_admin=None, disabled=True)
    for who in ({}, {"subject": "bob-1", "email": "bob@example.com", "link": True}):
        with pytest.raises(UnauthenticatedError) as refused:
            enter(**who)
        assert refused.value.code == "account_disabled"


def test_whom_a_provider_knows_has_no_password_but_links(enter: Enter, accounts: Accounts) -> None:
    password = "a long enough sentence"
    local = accounts.create("ann@example.com", name="", groups=[], is_admin=False).user
    accounts.set_password(local.id, password, current=None)
    before = accounts.sign_in_with_password("ann@example.com", password)
    assert not accounts.signs_in_elsewhere(local.id)
    assert enter(link=True).user.id == local.id
    assert accounts.signs_in_elsewhere(local.id)
    with pytest.raises(UnauthenticatedError):  # a session that no provider ends
        accounts.principal_of_session(before)
    messages = set()
    for email in ("ann@example.com", "nobody@example.com"):
        with pytest.raises(UnauthenticatedError) as refused:
            accounts.sign_in_with_password(email, password)
        messages.add((refused.value.code, refused.value.message))
    assert len(messages) == 1
    with pytest.raises(InvalidInputError) as kept:
        accounts.set_password(local.id, password, current=password)
    assert kept.value.code == "signs_in_elsewhere"
    assert accounts.sign_in_with_link(accounts.new_link(local.id)[0])


def test_an_operator_says_who_somebody_is_at_the_provider(
    enter: Enter, sessions: ProviderSessions, accounts: Accounts, database: Database
) -> None:
    identities, issuer = Identities(database), ANN.issuer
    local = accounts.create("ann@example.com", name="", groups=["board"], is_admin=False).user
    with pytest.raises(EmailTakenError) as refused:
        enter()
    assert {"ann-1", issuer} <= set(refused.value.message.replace(".com.", ".com").split())
    identities.link(" ANN@example.com", issuer=issuer, subject="ann-1")
    cookie = sessions.sign_in(replace(ANN, is_admin=True), lambda _: "sealed")
    assert accounts.principal_of_session(cookie).user_id == local.id
    assert accounts.by_id(local.id).groups == ("board", "hr")
    identities.link("ann@example.com", issuer=issuer, subject="ann-2")
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_session(cookie)
    left = accounts.by_id(local.id)
    assert (left.groups, left.user.is_admin) == (("board",), False), "what came by the one before goes with it"
    with pytest.raises(EmailTakenError):
        enter()
    assert enter(subject="ann-2").user.id == local.id
    other = accounts.create("other@example.com", name="", groups=[], is_admin=False).user
    identities.link("other@example.com", issuer=issuer, subject="ann-2")
    assert (accounts.signs_in_elsewhere(local.id), accounts.signs_in_elsewhere(other.id)) == (False, True)
    identities.unlink("other@example.com")
    accounts.set_password(other.id, "a long enough sentence", current=None)
    with pytest.raises(NotFoundError):
        identities.link("nobody@example.com", issuer=issuer, subject="ann-2")
    with database.read() as session:
        told = [row for row in session.scalars(select(AuditEvent)) if row.details.get("issuer") == issuer]
    assert [(row.event, row.subject) for row in told if row.user_id is None] == [
        ("user_updated", f"user:{local.id}"),
        ("authz_change", f"user:{local.id}"), ("user_updated", f"user:{local.id}"),
        ("authz_change", f"user:{local.id}"), ("user_updated", f"user:{other.id}"),
        ("authz_change", f"user:{other.id}"),
    ]  # fmt: skip


def test_where_no_administrator_is_left_the_first_one_is_made_again(
    enter: Enter, accounts: Accounts, database: Database
) -> None:
    enter(is_admin=True)
    left = enter().user
    assert not left.is_admin
    assert accounts.any_admin() is None
    account, made = first_admin(accounts, "Ann@example.com")
    assert (account.user.id, account.user.is_admin, made) == (left.id, True, True)
    assert first_admin(accounts, "ann@example.com")[1] is False
    accounts.create("root@example.com", name="", groups=[], is_admin=True)
    accounts.change(left.id, name=None, is_admin=None, disabled=True)
    assert first_admin(accounts, "ann@example.com")[0].user.email == "root@example.com", "only where there is none"
    with database.write() as session:
        session.execute(update(User).values(is_admin=False))
    account, made = first_admin(accounts, "ann@example.com")
    assert (account.user.id, account.user.is_admin, account.user.disabled_at, made) == (left.id, True, None, True)


def test_the_providers_groups_replace_those_before_and_leave_the_local_ones(enter: Enter, accounts: Accounts) -> None:
    enter(groups=frozenset({"hr", "sales"}))
    accounts.join("board", "ann@example.com")
    accounts.join("sales", "ann@example.com")
    assert enter(groups=frozenset({"legal", "board"})).groups == ("board", "legal", "sales")
    assert enter(groups=frozenset()).groups == ("board", "sales")


def test_administrators_are_those_of_the_providers_group_while_they_are_in_it(
    enter: Enter, accounts: Accounts, database: Database
) -> None:
    account = enter(is_admin=True)
    _, key = Keys(database).create(account.user.id, name="k", scopes=SCOPES)
    assert accounts.principal_of_key(key).is_admin
    assert not enter(is_admin=False).user.is_admin
    assert not accounts.principal_of_key(key).is_admin
    accounts.change(account.user.id, name=None, is_admin=True, disabled=None)
    assert enter(is_admin=False).user.is_admin, "whom an administrator made one stays one"
    accounts.create("root@example.com", name="", groups=[], is_admin=True)
    for promoted in (False, True):
        accounts.change(account.user.id, name=None, is_admin=promoted, disabled=None)
        assert enter(is_admin=True).user.is_admin
    accounts.change(account.user.id, name=None, is_admin=False, disabled=None)
    enter(is_admin=False)
    accounts.change(account.user.id, name=None, is_admin=True, disabled=None)
    assert enter(is_admin=False).user.is_admin, "nor does an old promotion count against them"


def test_a_changed_address_follows_where_nothing_hangs_on_it(enter: Enter) -> None:
    first = enter()
    moved = enter(email="ann.miller@example.com")
    assert (moved.user.id, moved.user.email) == (first.user.id, "ann.miller@example.com")
    assert enter(subject="new-ann").user.id != first.user.id


@pytest.mark.parametrize("granted", ["ann@example.com", "ann.miller@example.com"])
def test_an_address_that_opens_documents_is_neither_let_go_nor_taken(
    enter: Enter, accounts: Accounts, database: Database, granted: str
) -> None:
    owner = accounts.create("owner@example.com", name="", groups=[], is_admin=False)
    principal = accounts.principal_of_session(accounts.sign_in_with_link(accounts.new_link(owner.user.id)[0]))
    Documents(database).register(handbook(grants=(f"user:{granted}",)), principal)
    enter()
    assert enter(email="ann.miller@example.com").user.email == "ann@example.com"
    with pytest.raises(EmailTakenError):  # and nobody else gets what is granted to the old one
        enter(subject="new-ann")


def test_an_address_that_somebody_has_is_not_taken_over_by_a_change(enter: Enter, accounts: Accounts) -> None:
    accounts.create("bob@example.com", name="", groups=[], is_admin=True)
    enter()
    assert enter(email="bob@example.com", link=True).user.email == "ann@example.com"


def test_what_a_sign_in_changes_is_in_the_audit_log(enter: Enter, database: Database) -> None:
    user = enter(is_admin=True).user
    enter(groups=frozenset())
    with database.read() as session:
        events = [
            (row.event, row.subject) for row in session.scalars(select(AuditEvent).where(AuditEvent.user_id == user.id))
        ]
    person = f"user:{user.id}"
    assert events == [
        ("user_created", person),
        ("privilege_permissions_changed", "group:hr"),
        ("authz_change", person),
        ("authn_login_success", person),
        ("privilege_permissions_changed", "group:hr"),
        ("authz_change", person),
        ("authn_login_success", person),
    ]


def told(database: Database, event: str) -> list[tuple[str | None, object]]:
    """Subject and `change` or `reason` of events of this kind."""
    found = AuditLog(database).page(behind=0, limit=100, event_name=event)
    return [(one["subject"], one["details"].get("change", one["details"].get("reason"))) for one in found]


def test_a_membership_that_an_administrator_keeps_for_good_is_in_the_audit_log_once(
    enter: Enter, accounts: Accounts, database: Database
) -> None:
    enter()
    for _ in range(2):
        accounts.join("hr", "ann@example.com")
    assert told(database, "privilege_permissions_changed") == [("group:hr", "joined"), ("group:hr", "kept")]


def test_a_session_that_the_provider_ends_is_in_the_audit_log_once(
    sessions: ProviderSessions, accounts: Accounts, database: Database
) -> None:
    cookie = sessions.sign_in(ANN, lambda _: "sealed")
    user_id = accounts.principal_of_session(cookie).user_id
    for _ in range(2):
        sessions.end(cookie)
    assert told(database, "session_expired") == [(f"user:{user_id}", "provider")]


def test_two_browsers_of_one_person_at_once_make_one_account(sessions: ProviderSessions, database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        cookies = set(pool.map(lambda _: sessions.sign_in(ANN, lambda _: None), range(4)))
    with database.read() as session:
        assert len(session.scalars(select(User)).all()) == 1
        assert len(session.scalars(select(Identity)).all()) == 1
    assert len(cookies) == 4


# --- sign-ins under way


BEGUN = Begun("nonce", "verifier", "/documents")


def test_a_browser_comes_back_once_and_only_the_one_that_was_sent(sessions: ProviderSessions) -> None:
    sessions.begin(BEGUN, state="s", browser="b")
    assert sessions.come_back(state="another", browser="b") is None
    assert sessions.come_back(state="s", browser="another") is None
    assert sessions.come_back(state="s", browser="b") == BEGUN
    assert sessions.come_back(state="s", browser="b") is None


def test_a_browser_that_comes_back_late_begins_anew(sessions: ProviderSessions, database: Database) -> None:
    sessions.begin(BEGUN, state="s", browser="b")
    with database.write() as session:
        session.execute(update(SignInRequest).values(expires_at=clock(session)))
    assert sessions.come_back(state="s", browser="b") is None
    sessions.begin(BEGUN, state="t", browser="b")
    with database.write() as session:
        session.execute(update(SignInRequest).values(expires_at=clock(session)))
    sessions.begin(BEGUN, state="u", browser="b")
    with database.read() as session:
        assert len(session.scalars(select(SignInRequest.id)).all()) == 1, "those that never came back are forgotten"


# --- sessions that are renewed


def passed(database: Database, *, due: bool = True, ended: bool = False) -> None:
    """Time passes: every session is to be renewed, and has ended until it is."""
    with database.write() as session:
        now = clock(session)
        if due:
            session.execute(update(ProviderSession).values(renew_at=now))
        if ended:
            session.execute(update(BrowserSession).values(expires_at=now))


def test_a_session_ends_unless_it_is_renewed_and_one_renews_it(
    sessions: ProviderSessions, accounts: Accounts, database: Database
) -> None:
    cookie = sessions.sign_in(ANN, lambda cookie: f"sealed for {cookie}")
    assert sessions.due(cookie) is None
    passed(database)
    first, second = sessions.due(cookie), sessions.due(cookie)
    assert first
    assert second
    assert (first.claimed, second.claimed, first.ended) == (True, False, False)
    assert (first.subject, first.refresh_token) == ("ann-1", f"sealed for {cookie}")
    passed(database, ended=True)
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_session(cookie)
    sessions.renew(cookie, replace(ANN, groups=frozenset({"legal"})), "another")
    assert accounts.principal_of_session(cookie).grants == {"everyone", "user:ann@example.com", "group:legal"}
    assert sessions.due(cookie) is None


def test_what_was_not_renewed_is_tried_again_after_a_pause(sessions: ProviderSessions, database: Database) -> None:
    cookie = sessions.sign_in(ANN, lambda _: "sealed")
    passed(database)
    for pause, claimed in ((HOUR, False), (timedelta(0), True)):
        sessions.let_go(cookie, pause=pause)
        due = sessions.due(cookie)
        assert due
        assert due.claimed is claimed


def test_a_pause_ends_with_the_session(sessions: ProviderSessions, database: Database) -> None:
    cookie = sessions.sign_in(ANN, lambda _: "sealed")
    passed(database)
    assert sessions.due(cookie)
    sessions.let_go(cookie, pause=HOUR * 2)
    with database.read() as session:
        row, renewal = session.scalars(select(BrowserSession)).one(), session.scalars(select(ProviderSession)).one()
        assert renewal.renewing_until == row.expires_at
    passed(database, ended=True)
    sessions.let_go(cookie, pause=HOUR)
    due = sessions.due(cookie)
    assert due
    assert (due.claimed, due.ended) == (True, True), "whoever comes next asks, and nobody only waits"


@pytest.mark.parametrize("lives", [timedelta(minutes=30), timedelta(hours=3), None])
def test_a_session_is_renewed_before_its_refresh_token_ends(
    sessions: ProviderSessions, database: Database, lives: timedelta | None
) -> None:
    cookie = sessions.sign_in(ANN, lambda _: "sealed", lives=lives)
    for _ in range(2):
        with database.read() as session:
            renewal, now = session.scalars(select(ProviderSession)).one(), clock(session)
        left = min(lives or HOUR, HOUR) * 3 / 4
        assert left - timedelta(minutes=1) < renewal.renew_at - now <= left
        passed(database)
        sessions.renew(cookie, ANN, "another", lives=lives)


def test_two_browsers_of_one_person_may_renew_at_once(sessions: ProviderSessions, database: Database) -> None:
    cookies = [sessions.sign_in(ANN, lambda _: "sealed") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for number in range(5):
            now = replace(ANN, groups=frozenset({f"a{number}", f"b{number}"}))
            list(pool.map(lambda cookie, now=now: sessions.renew(cookie, now, "sealed"), cookies))
    with database.read() as session:
        groups = session.scalars(select(AuditEvent).where(AuditEvent.subject == "group:b3")).all()
    assert [row.details["change"] for row in groups] == ["joined", "left"]


def test_a_renewal_that_another_is_in_the_way_of_is_repeated(
    sessions: ProviderSessions, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = sessions.sign_in(ANN, lambda _: "sealed")
    asked: list[Identified] = []

    def in_the_way(session: Session, who: Identified) -> User:
        """An administrator has given them that group in this moment."""
        asked.append(who)
        if len(asked) == 1:
            raise IntegrityError("INSERT", {}, Exception("memberships"))
        return account_of(session, who)

    monkeypatch.setattr("services.db.provider_sessions.account_of", in_the_way)
    sessions.renew(cookie, replace(ANN, groups=frozenset({"legal"})), "another")
    assert "group:legal" in accounts.principal_of_session(cookie).grants


def test_sessions_that_are_over_for_good_are_forgotten(sessions: ProviderSessions, database: Database) -> None:
    sessions.sign_in(ANN, lambda _: "sealed")
    sessions.sign_in(replace(ANN, subject="bob-1", email="bob@example.com"), lambda _: "sealed")
    with database.write() as session:
        session.execute(update(BrowserSession).values(created_at=clock(session) - SESSION_LIFE))
    for _ in range(2):
        sessions.sign_in(ANN, lambda _: "sealed")
    with database.read() as session:
        assert len(session.scalars(select(BrowserSession.id)).all()) == 3, "two of hers, and another's"
        assert len(session.scalars(select(ProviderSession.session_id)).all()) == 3


def test_a_session_without_a_refresh_token_ends_by_itself(
    sessions: ProviderSessions, accounts: Accounts, database: Database
) -> None:
    cookie = sessions.sign_in(ANN, lambda _: None)
    with database.read() as session:
        row = session.scalars(select(BrowserSession)).one()
        assert HOUR - timedelta(minutes=1) < row.expires_at - clock(session) <= HOUR
    passed(database, ended=True)
    assert sessions.due(cookie) is None
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_session(cookie)


def test_a_session_that_was_ended_meanwhile_stays_so(
    sessions: ProviderSessions, accounts: Accounts, database: Database
) -> None:
    cookie = sessions.sign_in(ANN, lambda _: "sealed")
    passed(database)
    assert sessions.due(cookie)
    accounts.sign_out(cookie)
    sessions.renew(cookie, ANN, "sealed")
    sessions.let_go(cookie, pause=HOUR)
    assert sessions.due(cookie) is None
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_session(cookie)


def test_a_backup_carries_identities_and_where_memberships_are_from_but_no_session(
    sessions: ProviderSessions, accounts: Accounts, database: Database, enter: Enter
) -> None:
    cookie = sessions.sign_in(ANN, lambda _: "sealed")
    before = accounts.principal_of_session(cookie).user_id
    with snapshot(database) as still:
        revision = still.revision
        rows = {name: list(still.rows(name)) for name in still.tables()}
    load(database, revision, rows.items())
    with pytest.raises(UnauthenticatedError):
        accounts.principal_of_session(cookie)
    again = enter(groups=frozenset())
    assert (again.user.id, again.groups) == (before, ())
