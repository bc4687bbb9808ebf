"""People, groups, keys and sessions: from a secret that somebody shows to the principal they are.

Knows nothing of HTTP. Secrets are random, shown once and stored as SHA-256; passwords are argon2id. Every look-up reads
the database, so that disabling a person or leaving a group takes effect on the next request.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from retrieval.access import grants_of
from retrieval.errors import ConflictError, InvalidInputError, NotFoundError, UnauthenticatedError
from retrieval.types import Principal
from services.acting import Actor, acting
from services.db.audit_log import record
from services.db.database import Database, clock
from services.db.models import ApiKey, BrowserSession, Identity, Membership, SignInLink, User

SCOPES = frozenset({"read", "write", "admin"})
SESSION_LIFE = timedelta(days=14)
LINK_LIFE = timedelta(days=2)
USED_NOTED_EVERY = timedelta(minutes=1)
KEY_PREFIX = "fn_"
LOCAL = "local"
_HASHER = PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Verified when no such person exists, so that both cases take the same time."""
    return _HASHER.hash(secrets.token_urlsafe())


@dataclass(frozen=True, slots=True)
class Account:
    """A person as administrators see them."""

    user: User
    groups: tuple[str, ...]


class Accounts:
    """Users and everything that proves who they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def principal_of_key(self, key: str) -> Principal:
        """The principal of an API key `fn_<id>_<secret>`. Raises UnauthenticatedError, the same for every fault."""
        key_id, secret = _id_and_secret(key)
        with self._database.read() as session:
            now = clock(session)
            row = session.get(ApiKey, key_id)
            expected = row.secret_hash if row else digest("")
            fits = hmac.compare_digest(digest(secret), expected)
            if row is None or not fits or row.revoked_at or (row.expires_at and row.expires_at <= now):
                raise key_refused()
            principal = _principal(session, row.user_id, frozenset(row.scopes), key_id=row.id)
        if principal is None:
            raise key_refused()
        if row.last_used_at is None or now - row.last_used_at > USED_NOTED_EVERY:
            with self._database.write() as session:
                session.get_one(ApiKey, key_id).last_used_at = now
        return principal

    def row_of_key(self, key: str) -> ApiKey:
        """What is stored of a key that `principal_of_key` has let through."""
        with self._database.read() as session:
            return session.get_one(ApiKey, _id_and_secret(key)[0])

    def principal_of_session(self, cookie: str) -> Principal:
        """The principal of a browser session. Raises UnauthenticatedError."""
        with self._database.read() as session:
            row = session.get(BrowserSession, digest(cookie))
            alive = row is not None and row.expires_at > clock(session)
            principal = _principal(session, row.user_id, SCOPES) if row is not None and alive else None
        if principal is None:
            raise UnauthenticatedError("Your session has ended: sign in again.", code="session_ended")
        return principal

    def sign_in_with_link(self, token: str) -> str:
        """Use a link up; returns the new session's cookie. Raises UnauthenticatedError."""
        with self._database.write() as session:
            link = session.get(SignInLink, digest(token), with_for_update=True)
            now = clock(session)
            if link is None or link.used_at is not None or link.expires_at <= now:
                raise UnauthenticatedError(
                    "This sign-in link is unknown, used or expired: ask for a new one.", code="invalid_link"
                )
            user = session.get_one(User, link.user_id)
            if user.disabled_at is not None:
                raise UnauthenticatedError("This account is disabled.", code="invalid_link")
            link.used_at = now
            return new_session(session, user, by="link")

    def sign_in_with_password(self, email: str, password: str) -> str:
        """Returns the new session's cookie. Raises UnauthenticatedError, the same for every fault.

        Whom a sign-in provider knows is nobody here: else who is let go there came back by a password.
        """
        with self._database.read() as session:
            known = select(User).where(User.email == email.strip().casefold(), ~_is_identified(User.id))
            user = session.scalar(known)
        stored = user.password_hash if user and user.password_hash and not user.disabled_at else None
        try:
            _HASHER.verify(stored or _nobodys_hash(), password)
        except (VerificationError, InvalidHashError):
            stored = None
        if user is None or stored is None:
            raise UnauthenticatedError("The e-mail address or the password is wrong.", code="invalid_credentials")
        with self._database.write() as session:
            return new_session(session, user, by="password")

    def has_session(self, cookie: str) -> bool:
        """Whether there is such a session, be it one that has to be renewed before it goes on."""
        with self._database.read() as session:
            return session.get(BrowserSession, digest(cookie)) is not None

    def sign_out(self, cookie: str) -> bool:
        """End a browser session; False where there is none."""
        with self._database.write() as session:
            user = ended(session, cookie)
            if user is not None:
                actor = themselves(user)
                record(session, "session_expired", subject=f"user:{user.id}", actor=actor, reason="logout")
            return user is not None

    def set_password(self, user_id: str, password: str, *, current: str | None) -> None:
        """Set or change a password. Raises InvalidInputError: too short, wrong current one, `signs_in_elsewhere`."""
        if len(password) < 10:
            raise InvalidInputError("A password needs at least 10 characters.", code="weak_password")
        with self._database.write() as session:
            user = session.get_one(User, user_id)
            if session.scalar(select(_is_identified(user_id))):
                raise InvalidInputError(
                    "You sign in at the company's provider: there is no password here.", code="signs_in_elsewhere"
                )
            if user.password_hash is not None:
                try:
                    _HASHER.verify(user.password_hash, current or "")
                except (VerificationError, InvalidHashError):
                    raise InvalidInputError("The current password is wrong.", code="wrong_password") from None
            user.password_hash = _HASHER.hash(password)
            record(session, "authn_password_change", subject=f"user:{user_id}")

    def new_link(self, user_id: str) -> tuple[str, datetime]:
        """A token that signs this person in once, and until when. Raises NotFoundError."""
        token = secrets.token_urlsafe(32)
        with self._database.write() as session:
            _user(session, user_id)
            expires = clock(session) + LINK_LIFE
            session.add(SignInLink(id=digest(token), user_id=user_id, expires_at=expires))
            told: dict[str, Any] = {"kind": "sign_in_link", "expires_at": expires}
            record(session, "authn_token_created", subject=f"user:{user_id}", **told)
        return token, expires

    def create(self, email: str, *, name: str, groups: Sequence[str], is_admin: bool) -> Account:
        """A new person. Raises ConflictError where the address is taken."""
        email = email.strip().casefold()
        try:
            with self._database.write() as session:
                user = User(
                    id=str(uuid.uuid4()), email=email, name=name or email, is_admin=is_admin, created_at=clock(session)
                )
                session.add(user)
                session.flush()
                for group in {group.casefold() for group in groups}:
                    session.add(Membership(group_name=group, user_id=user.id))
                session.flush()
                account = _account(session, user)
                told: dict[str, Any] = {"email": email, "groups": list(account.groups), "is_admin": is_admin}
                record(session, "user_created", subject=f"user:{user.id}", **told)
                return account
        except IntegrityError:
            raise ConflictError(f"There is an account for {email} already.", code="email_taken") from None

    def change(self, user_id: str, *, name: str | None, is_admin: bool | None, disabled: bool | None) -> Account:
        """Change what is given. Disabling ends the person's sessions. Raises NotFoundError, ConflictError."""
        with self._database.write() as session:
            user = _user(session, user_id)
            if (is_admin is False or disabled) and user.is_admin and not _other_admin(session, user_id):
                raise ConflictError("This is the last administrator: make somebody else one first.", code="last_admin")
            before = _told(user)
            user.name = name or user.name
            user.is_admin = user.is_admin if is_admin is None else is_admin
            if disabled is not None:
                user.disabled_at = clock(session) if disabled else None
                session.execute(delete(BrowserSession).where(BrowserSession.user_id == user_id))
            session.flush()
            _record_change(session, user, before)
            return _account(session, user)

    def page(self, *, email: str | None, after: str | None, limit: int) -> list[Account]:
        """People by e-mail address, behind `after`; `email` narrows to one address or a part of it."""
        query = select(User).order_by(User.email).limit(limit)
        if after:
            query = query.where(User.email > after)
        if email:
            query = query.where(
                or_(User.email == email.casefold(), User.email.contains(email.casefold(), autoescape=True))
            )
        with self._database.read() as session:
            return [_account(session, user) for user in session.scalars(query)]

    def by_email(self, email: str) -> Account:
        """Raises NotFoundError."""
        with self._database.read() as session:
            user = session.scalar(select(User).where(User.email == email.strip().casefold()))
            if user is None:
                raise NotFoundError(f"There is no account for {email}.", code="unknown_user")
            return _account(session, user)

    def by_id(self, user_id: str) -> Account:
        """Raises NotFoundError."""
        with self._database.read() as session:
            return _account(session, _user(session, user_id))

    def signs_in_elsewhere(self, user_id: str) -> bool:
        """Whether a sign-in provider knows this person: then no password opens their account."""
        with self._database.read() as session:
            return bool(session.scalar(select(_is_identified(user_id))))

    def any_admin(self) -> Account | None:
        """The oldest administrator who is not disabled, or None on a new installation."""
        query = select(User).where(User.is_admin, User.disabled_at.is_(None)).order_by(User.created_at).limit(1)
        with self._database.read() as session:
            user = session.scalar(query)
            return _account(session, user) if user else None

    def groups(self, *, after: str | None = None, limit: int) -> list[tuple[str, int]]:
        """Names of groups with their number of members, behind the name `after`."""
        query = select(Membership.group_name, func.count()).group_by(Membership.group_name)
        if after is not None:
            query = query.where(Membership.group_name > after)
        with self._database.read() as session:
            return list(session.execute(query.order_by(Membership.group_name).limit(limit)))

    def join(self, group: str, email: str) -> None:
        """Raises NotFoundError; joining twice is no error."""
        user = self.by_email(email).user
        with self._database.write() as session:
            membership = session.get(Membership, (group.casefold(), user.id))
            if membership is None:
                session.add(Membership(group_name=group.casefold(), user_id=user.id))
                record_membership(session, group.casefold(), user, "joined")
            elif membership.origin != LOCAL:  # whom the sign-in provider put there now stays when it no longer does
                membership.origin = LOCAL
                record_membership(session, group.casefold(), user, "kept")

    def leave(self, group: str, email: str) -> None:
        """Raises NotFoundError where there is no such person or membership."""
        user = self.by_email(email).user
        with self._database.write() as session:
            membership = session.get(Membership, (group.casefold(), user.id))
            if membership is None:
                raise NotFoundError(f"{email} is not in the group {group}.", code="unknown_membership")
            session.delete(membership)
            record_membership(session, group.casefold(), user, "left")


def key_refused() -> UnauthenticatedError:
    """The same for every fault of a key, so that nobody learns which keys there are."""
    return UnauthenticatedError("This API key is unknown, expired or revoked.", code="invalid_key")


def scopes_that_count(user: User, scopes: Iterable[str]) -> frozenset[str]:
    """What a key or session of these scopes may do for this person: only administrators administer."""
    return frozenset(scopes) if user.is_admin else frozenset(scopes) - {"admin"}


def _id_and_secret(key: str) -> tuple[str, str]:
    key_id, _, secret = key.removeprefix(KEY_PREFIX).partition("_")
    return key_id, secret


def _user(session: Session, user_id: str) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFoundError("There is no such person.", code="unknown_user")
    return user


def _principal(
    session: Session, user_id: str, scopes: frozenset[str], *, key_id: str | None = None
) -> Principal | None:
    user = session.get(User, user_id)
    if user is None or user.disabled_at is not None:
        return None
    allowed = scopes_that_count(user, scopes)
    grants = grants_of(user.email, list(_groups(session, user_id)))
    return Principal(user.id, user.email, grants, "admin" in allowed, allowed, key_id)


def _is_identified(user_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return exists().where(Identity.user_id == user_id)


def _account(session: Session, user: User) -> Account:
    return Account(user, _groups(session, user.id))


def _groups(session: Session, user_id: str) -> tuple[str, ...]:
    query = select(Membership.group_name).where(Membership.user_id == user_id).order_by(Membership.group_name)
    return tuple(session.scalars(query))


def _other_admin(session: Session, user_id: str) -> bool:
    query = select(func.count()).where(User.is_admin, User.disabled_at.is_(None), User.id != user_id)
    return bool(session.scalar(query))


def new_session(session: Session, user: User, *, by: str) -> str:
    """`by` says what they proved who they are with. Their sessions that are over for good are forgotten."""
    cookie = secrets.token_urlsafe(32)
    now = clock(session)
    over = (BrowserSession.user_id == user.id, BrowserSession.created_at <= now - SESSION_LIFE)
    session.execute(delete(BrowserSession).where(*over))
    session.add(BrowserSession(id=digest(cookie), user_id=user.id, expires_at=now + SESSION_LIFE, created_at=now))
    record(session, "authn_login_success", subject=f"user:{user.id}", actor=themselves(user), by=by)
    return cookie


def ended(session: Session, cookie: str) -> User | None:
    """Whose browser session this was, which ends with it; None where there is none."""
    mine = delete(BrowserSession).where(BrowserSession.id == digest(cookie)).returning(BrowserSession.user_id)
    user_id = session.scalar(mine)
    return None if user_id is None else session.get_one(User, user_id)


def themselves(user: User) -> Actor:
    """This person, where it was their own sign-in or session that said so: from where the request comes."""
    return Actor(user.email, user.id, address=acting().address)


def _told(user: User) -> dict[str, Any]:
    return {"name": user.name, "is_admin": user.is_admin, "disabled": user.disabled_at is not None}


def _record_change(session: Session, user: User, before: dict[str, Any]) -> None:
    """What changed, from what to what; who may administer is the gravest. Nothing where all is as it was."""
    changed = {name: [before[name], now] for name, now in _told(user).items() if now != before[name]}
    if changed:
        event = "authz_change" if "is_admin" in changed else "user_updated"
        record(session, event, subject=f"user:{user.id}", email=user.email, changed=changed)


def record_membership(
    session: Session, group: str, user: User, change: str, *, actor: Actor | None = None, **more: Any
) -> None:
    """Somebody joined or left a group, or stays in it for another reason."""
    told: dict[str, Any] = {"user": user.id, "email": user.email, "change": change, **more}
    record(session, "privilege_permissions_changed", subject=f"group:{group}", actor=actor, **told)


def digest(secret: str) -> str:
    """SHA-256 is enough here: what is hashed has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
