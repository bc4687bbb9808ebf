"""Sign-ins under way at a provider, and the sessions that come of them, which are renewed by asking it again.

Knows nothing of tokens, which come sealed, or of HTTP.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from services.db.accounts import digest, ended, new_session
from services.db.audit_log import record
from services.db.database import Database, clock
from services.db.identities import Identified, account_of
from services.db.models import BrowserSession, ProviderSession, SignInRequest

REQUEST_LIFE = timedelta(minutes=10)
# Longer than the provider is waited for.
CLAIM = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Begun:
    """What is remembered of a browser that was sent to the provider."""

    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    next: str


@dataclass(frozen=True, slots=True)
class Due:
    """A session that has to be renewed: by whoever `claimed` it. `ended`: until then it is none."""

    issuer: str
    subject: str
    refresh_token: str | None = field(repr=False)
    claimed: bool
    ended: bool


class ProviderSessions:
    """`holds` is how long a session goes on without asking the provider again."""

    def __init__(self, database: Database, *, holds: timedelta) -> None:
        self._database = database
        self._holds = holds

    def begin(self, begun: Begun, *, state: str, browser: str) -> None:
        """Remember a browser until it comes back; those that did not are forgotten."""
        with self._database.write() as session:
            now = clock(session)
            session.execute(delete(SignInRequest).where(SignInRequest.expires_at <= now))
            row = SignInRequest(id=digest(state), browser=digest(browser), expires_at=now + REQUEST_LIFE)
            row.nonce, row.verifier, row.next = begun.nonce, begun.verifier, begun.next
            session.add(row)

    def come_back(self, *, state: str, browser: str) -> Begun | None:
        """What was remembered, once; None where that is another browser's, was asked for before or is too old."""
        with self._database.write() as session:
            row = session.get(SignInRequest, digest(state), with_for_update=True)
            if row is None or not hmac.compare_digest(row.browser, digest(browser)):
                return None
            session.delete(row)
            return Begun(row.nonce, row.verifier, row.next) if row.expires_at > clock(session) else None

    def sign_in(self, who: Identified, seal: Callable[[str], str | None], *, lives: timedelta | None = None) -> str:
        """Make or find the account and begin a session; its cookie. `seal` is given that, for the refresh token, which
        is good while it `lives`, where that is known.

        Raises EmailTakenError, UnauthenticatedError (`account_disabled`).
        """
        try:
            return self._sign_in(who, seal, lives)
        except IntegrityError:  # two browsers of one person at the same moment: now they have an account
            return self._sign_in(who, seal, lives)

    def _sign_in(self, who: Identified, seal: Callable[[str], str | None], lives: timedelta | None) -> str:
        with self._database.write() as session:
            cookie = new_session(session, account_of(session, who), by="oidc")
            session.flush()
            row = session.get_one(BrowserSession, digest(cookie))
            renewal = ProviderSession(session_id=row.id, issuer=who.issuer, subject=who.subject)
            renewal.refresh_token, renewal.ends_at = seal(cookie), row.expires_at
            self._extend(session, row, renewal, lives)
            session.add(renewal)
            return cookie

    def due(self, cookie: str) -> Due | None:
        """Whether the session has to be renewed, and if nobody else does it: claimed by who asks."""
        session_id = digest(cookie)
        with self._database.read() as session:  # most requests find nothing to do, and wait for no writer
            seen = _due(session, session_id)
            if seen is None or not _is_free(seen[0], clock(session)):
                return _told(session, seen, claimed=False)
        with self._database.write() as session:
            seen = _due(session, session_id, lock=True)
            claimed = seen is not None and _is_free(seen[0], clock(session))
            if seen is not None and claimed:
                seen[0].renewing_until = clock(session) + CLAIM
            return _told(session, seen, claimed=claimed)

    def renew(self, cookie: str, who: Identified, refresh_token: str | None, *, lives: timedelta | None = None) -> None:
        """What the provider says now holds, and the session goes on. Raises as `sign_in`."""
        try:
            self._renew(cookie, who, refresh_token, lives)
        except (IntegrityError, StaleDataError):  # another browser of theirs did the same, or this one is signed out
            self._renew(cookie, who, refresh_token, lives)

    def _renew(self, cookie: str, who: Identified, refresh_token: str | None, lives: timedelta | None) -> None:
        with self._database.write() as session:
            row, renewal = session.get(BrowserSession, digest(cookie)), session.get(ProviderSession, digest(cookie))
            if row is None or renewal is None:  # signed out meanwhile
                return
            account_of(session, who)
            renewal.refresh_token, renewal.renewing_until = refresh_token, None
            self._extend(session, row, renewal, lives)

    def let_go(self, cookie: str, *, pause: timedelta) -> None:
        """The claim is given up; nobody tries again within `pause`, while the session holds.

        Once it does not, everybody would only wait for a renewal that nobody is at.
        """
        with self._database.write() as session:
            row, renewal = session.get(BrowserSession, digest(cookie)), session.get(ProviderSession, digest(cookie))
            if row is not None and renewal is not None:
                now = clock(session)
                renewal.renewing_until = min(now + pause, max(row.expires_at, now))

    def end(self, cookie: str) -> None:
        """The provider has ended it."""
        with self._database.write() as session:
            user = ended(session, cookie)
            if user is not None:
                record(session, "session_expired", subject=f"user:{user.id}", reason="provider")

    def _extend(self, session: Session, row: BrowserSession, renewal: ProviderSession, lives: timedelta | None) -> None:
        # Asked for again in the last quarter, so that a provider that is down for a while ends nobody's session.
        now = clock(session)
        row.expires_at = min(now + self._holds, renewal.ends_at)
        renewal.renew_at = now + min(self._holds, lives or self._holds) * 3 / 4


_Seen = tuple[ProviderSession, BrowserSession] | None


def _due(session: Session, session_id: str, *, lock: bool = False) -> _Seen:
    """What is stored of a session that has to be renewed and can be."""
    row = session.get(ProviderSession, session_id, with_for_update=lock)
    if row is None or row.refresh_token is None or not row.renew_at <= clock(session) < row.ends_at:
        return None
    return row, session.get_one(BrowserSession, session_id)


def _is_free(row: ProviderSession, now: datetime) -> bool:
    return row.renewing_until is None or row.renewing_until <= now


def _told(session: Session, seen: _Seen, *, claimed: bool) -> Due | None:
    if seen is None:
        return None
    row, browser = seen
    return Due(row.issuer, row.subject, row.refresh_token, claimed, browser.expires_at <= clock(session))
