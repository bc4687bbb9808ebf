"""Accounts of people whom a sign-in provider knows: found by who they are there, made, and kept like they are there.

Knows nothing of tokens or HTTP. Whom a provider names is trusted; what their e-mail address opens is decided here.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, UnauthenticatedError
from services.db.accounts import LOCAL, Accounts, record_membership, themselves
from services.db.audit_log import record
from services.db.database import Database, clock
from services.db.models import BrowserSession, DataSource, DocumentGrant, Identity, Membership, User

ORIGIN = "oidc"
_log = structlog.get_logger(__name__)


class EmailTakenError(ConflictError):
    """There is an account of this address already, and nothing proves that it is the same person's."""

    code = "oidc_email_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Whom a provider names, and what of it holds here: e-mail address and groups as grants carry them.

    `link`: the provider vouches for the address, and the operator lets that suffice for an account that has it already.
    """

    issuer: str
    subject: str
    email: str
    name: str
    groups: frozenset[str]
    is_admin: bool
    link: bool


class Identities:
    """Who is whose account at a provider, where an operator says it instead of a sign-in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def link(self, email: str, *, issuer: str, subject: str) -> None:
        """From now on the account is this subject's there, and nobody else's. Raises NotFoundError."""
        user_id = Accounts(self._database).by_email(email).user.id
        with self._database.write() as session:
            user = session.get_one(User, user_id)
            _remove(session, Identity.issuer == issuer, or_(Identity.user_id == user_id, Identity.subject == subject))
            told: dict[str, Any] = {"email": user.email, "issuer": issuer, "identity": subject}
            record(session, "user_updated", subject=f"user:{user_id}", **told)
            _add(session, user, issuer, subject)

    def unlink(self, email: str) -> None:
        """From now on the account is nobody's at any provider, and may have a password. Raises NotFoundError."""
        user_id = Accounts(self._database).by_email(email).user.id
        with self._database.write() as session:
            _remove(session, Identity.user_id == user_id)


def account_of(session: Session, who: Identified) -> User:
    """Their account, made or linked where there is none, with groups and role as the provider has them.

    Raises EmailTakenError, UnauthenticatedError (`account_disabled`).
    """
    identity = session.get(Identity, (who.issuer, who.subject))
    if identity is None:
        identity = _introduced(session, who)
    # Two browsers of one person come one after the other, or both would give them the same group.
    user = session.get_one(User, identity.user_id, with_for_update={"key_share": True})
    if user.disabled_at is not None:
        raise UnauthenticatedError("This account is disabled.", code="account_disabled")
    _follow_email(session, user, who.email)
    user.name = who.name
    _keep_memberships(session, user, who)
    _keep_role(session, user, identity, who)
    session.flush()
    return user


def _introduced(session: Session, who: Identified) -> Identity:
    """The identity, from now on that of a new account or of the one that has this address."""
    user = session.scalar(select(User).where(User.email == who.email))
    if user is None:
        user = User(id=str(uuid.uuid4()), email=who.email, name=who.name, is_admin=False, created_at=clock(session))
        session.add(user)
        session.flush()
        event = "user_created"
    elif who.link and not _is_linked(session, user, who.issuer):
        event = "user_updated"
    else:
        raise EmailTakenError(
            f"There is an account for {who.email} already, which is not linked to the subject {who.subject} of"
            f" {who.issuer}. If that is the same person: footnote link-identity."
        )
    told = {"email": user.email, "issuer": who.issuer, "identity": who.subject}
    record(session, event, subject=f"user:{user.id}", actor=themselves(user), **told)
    return _add(session, user, who.issuer, who.subject)


def _add(session: Session, user: User, issuer: str, subject: str) -> Identity:
    """A new identity of this account; its sessions end, as they began without it and no provider would renew them."""
    session.execute(delete(BrowserSession).where(BrowserSession.user_id == user.id))
    identity = Identity(issuer=issuer, subject=subject, user_id=user.id, is_admin=False)
    identity.created_at = clock(session)
    session.add(identity)
    session.flush()
    return identity


def _remove(session: Session, *those: ColumnElement[bool]) -> None:
    """Take identities from their accounts, with the sessions, groups and role that came by them."""
    for identity in session.scalars(select(Identity).where(*those)).all():
        user = session.get_one(User, identity.user_id)
        came = delete(Membership).where(Membership.user_id == user.id, Membership.origin != LOCAL)
        groups = sorted(session.scalars(came.returning(Membership.group_name)))
        session.execute(delete(BrowserSession).where(BrowserSession.user_id == user.id))
        told: dict[str, Any] = {"email": user.email, "issuer": identity.issuer, "removed_identity": identity.subject}
        told["groups"] = groups
        if identity.is_admin and user.is_admin:
            told["changed"] = {"is_admin": [True, False]}
            user.is_admin = False
        record(session, "authz_change", subject=f"user:{user.id}", **told)
        session.delete(identity)
    session.flush()


def _is_linked(session: Session, user: User, issuer: str) -> bool:
    """Whether the account is somebody's there already: then whoever has its address now is another person."""
    mine = (Identity.user_id == user.id, Identity.issuer == issuer)
    return session.scalar(select(Identity.subject).where(*mine).limit(1)) is not None


def _keep_memberships(session: Session, user: User, who: Identified) -> None:
    """The provider's groups replace those it named before; what an administrator gave stays as it is."""
    held = {row.group_name: row for row in session.scalars(select(Membership).where(Membership.user_id == user.id))}
    for group in sorted(who.groups - held.keys()):
        session.add(Membership(group_name=group, user_id=user.id, origin=ORIGIN))
        record_membership(session, group, user, "joined", actor=themselves(user), by=ORIGIN)
    for group, membership in sorted(held.items()):
        if membership.origin != LOCAL and group not in who.groups:
            session.delete(membership)
            record_membership(session, group, user, "left", actor=themselves(user), by=ORIGIN)


def _keep_role(session: Session, user: User, identity: Identity, who: Identified) -> None:
    """Who is in the provider's group of administrators is one, and is none any more when they leave it.

    An administrator whom another one made stays one.
    """
    before = user.is_admin
    if who.is_admin and not before:
        user.is_admin = identity.is_admin = True
    elif identity.is_admin and not who.is_admin:
        user.is_admin = identity.is_admin = False
    if user.is_admin == before:
        return
    changed = {"is_admin": [before, user.is_admin]}
    told = {"email": user.email, "changed": changed, "by": ORIGIN}
    record(session, "authz_change", subject=f"user:{user.id}", actor=themselves(user), **told)


def _follow_email(session: Session, user: User, email: str) -> None:
    """A new address becomes the account's only where nothing hangs on either.

    Documents are granted to addresses. Would the account let go of one that opens some, whoever is given that address
    next could read them; would it take one that opens some, its holder would read what was meant for another.
    """
    if email == user.email:
        return
    taken = session.scalar(select(User.id).where(User.email == email)) is not None
    if taken or _opens_something(session, user.email) or _opens_something(session, email):
        _log.warning("oidc_email_not_followed", user_id=user.id, reason="taken" if taken else "documents are granted")
        return
    told = {"email": email, "changed": {"email": [user.email, email]}}
    record(session, "user_updated", subject=f"user:{user.id}", actor=themselves(user), **told)
    user.email = email


def _opens_something(session: Session, email: str) -> bool:
    grant = f"user:{email}"
    if session.scalar(select(DocumentGrant.document_id).where(DocumentGrant.grant_name == grant).limit(1)):
        return True
    granted = session.scalars(select(DataSource.grants).where(DataSource.removed_at.is_(None)))
    return any(grant in grants for grants in granted)
