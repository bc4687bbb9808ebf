"""Signing in at the company's own provider: from sending the browser there to keeping the session as it is there.

Knows nothing of HTTP or SQL: it has `services/oidc` ask the provider, and `services/db` remember.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import BoundedSemaphore

import structlog

from retrieval.errors import ConflictError, OverloadedError, UnauthenticatedError, UnavailableError
from services.db.identities import Identified
from services.db.provider_sessions import Begun, Due, ProviderSessions
from services.oidc.errors import ProviderUnavailableError, SignInRefusedError
from services.oidc.person import Rules, person_of
from services.oidc.provider import MOST_SIGN_INS, Proof, Provider
from services.oidc.sealing import seal, unseal
from services.oidc.signed import Claims

# Calls of the provider at a time: one that is slow must not keep everybody else's requests waiting.
MOST = MOST_SIGN_INS
# Requests that wait for another one's renewal, beside those: threads are left for everybody else's.
WAITERS = 8
LOOKS, LOOK_SECONDS = 100, 0.1
PAUSE = timedelta(seconds=30)
AT_ONCE = timedelta(0)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the browser goes, and the secret that it keeps until it comes back."""

    url: str
    browser: str


class SingleSignOn:
    """`name` is what people call the provider."""

    def __init__(
        self,
        provider: Provider,
        sessions: ProviderSessions,
        rules: Rules,
        *,
        name: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._provider = provider
        self._sessions = sessions
        self._rules = rules
        self._sleep = sleep
        self._room = BoundedSemaphore(MOST)
        self._waiters = BoundedSemaphore(WAITERS)

    def send(self, goes_on: str, *, browser: str | None) -> Sent:
        """Begin a sign-in that ends at the path `goes_on`; `browser` is the secret that this one has already.

        Raises UnavailableError.
        """
        with self._at_provider():
            request = self._provider.code_request()
        browser = browser or secrets.token_urlsafe(32)
        begun = Begun(request.nonce, request.verifier, goes_on)
        self._sessions.begin(begun, state=request.state, browser=browser)
        return Sent(request.url, browser)

    def come_back(
        self, *, state: str, browser: str, code: str | None, error: str | None, issuer: str | None
    ) -> tuple[str, str]:
        """The new session's cookie, and the path to go on at. Raises SignInRefusedError, EmailTakenError,
        UnauthenticatedError (`account_disabled`), UnavailableError.
        """
        begun = self._sessions.come_back(state=state, browser=browser) if state and browser else None
        if begun is None:
            raise SignInRefusedError(
                "This sign-in took too long, was used already, or began in another browser.", code="oidc_expired"
            )
        with self._at_provider():
            self._provider.check_issuer(issuer)
            if error or not code:
                cancelled = error == "access_denied"
                said = (error or "no code")[:60]
                raise SignInRefusedError(
                    f"The sign-in provider says no ({said}).", code="oidc_cancelled" if cancelled else "oidc_refused"
                )
            proof = self._provider.exchanged(code, nonce=begun.nonce, verifier=begun.verifier)
        who, lives = identified(proof.claims, self._rules), _lives(proof)
        cookie = self._sessions.sign_in(who, lambda cookie: _sealed(proof, cookie), lives=lives)
        return cookie, begun.next

    def keep(self, cookie: str) -> None:
        """Have the provider say again who the session's person is, where that is due: it ends where it does not.

        Raises UnavailableError where the session may not go on before that, and the provider does not answer.
        """
        due = self._sessions.due(cookie)
        if due is not None and due.ended and not due.claimed:  # else the session holds while somebody else is at it
            due = self._waited_for(cookie)
        if due is not None and due.claimed:
            self._renew(cookie, due)

    def sign_out_url(self, back: str) -> str | None:
        """Where the browser ends its session at the provider too; None where there is no such page."""
        with self._at_provider():
            return self._provider.sign_out_url(back)

    def _waited_for(self, cookie: str) -> Due | None:
        """What is due once somebody else's renewal is over. Raises ProviderUnavailableError where that takes long."""
        if not self._waiters.acquire(blocking=False):
            raise ProviderUnavailableError("Many wait for the sign-in provider. Try again shortly.")
        try:
            for _ in range(LOOKS):
                self._sleep(LOOK_SECONDS)
                due = self._sessions.due(cookie)
                if due is None or due.claimed or not due.ended:
                    return due
        finally:
            self._waiters.release()
        raise ProviderUnavailableError("The sign-in provider answers too slowly. Try again shortly.")

    def _renew(self, cookie: str, due: Due) -> None:
        try:
            proof = self._proved_again(cookie, due)
            who = identified(proof.claims, self._rules)
            self._sessions.renew(cookie, who, _sealed(proof, cookie), lives=_lives(proof))
        except (UnauthenticatedError, ConflictError) as error:
            _log.info("oidc_session_ended", code=error.code, reason=error.message)
            self._sessions.end(cookie)
        except UnavailableError as error:
            self._sessions.let_go(cookie, pause=AT_ONCE if due.ended else PAUSE)
            _log.warning("oidc_not_renewed", code=error.code, reason=error.message)
            if due.ended:
                raise
        except Exception:
            self._sessions.let_go(cookie, pause=AT_ONCE)
            raise

    def _proved_again(self, cookie: str, due: Due) -> Proof:
        token = unseal(due.refresh_token or "", cookie)
        if token is None or due.issuer != self._provider.client.issuer:
            raise SignInRefusedError("This session is another provider's.")
        with self._at_provider():
            return self._provider.refreshed(token, subject=due.subject)

    @contextmanager
    def _at_provider(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise OverloadedError("Many people are signing in just now. Try again shortly.", code="oidc_busy")
        try:
            yield
        finally:
            self._room.release()


def identified(claims: Claims, rules: Rules) -> Identified:
    """Whom a token names, for the registry. Raises as `person_of`."""
    person = person_of(claims, rules)
    return Identified(
        issuer=person.issuer,
        subject=person.subject,
        email=person.email,
        name=person.name,
        groups=person.groups,
        is_admin=person.is_admin,
        link=rules.link and person.email_verified is True,
    )


def _lives(proof: Proof) -> timedelta | None:
    return timedelta(seconds=proof.refresh_seconds) if proof.refresh_seconds else None


def _sealed(proof: Proof, cookie: str) -> str | None:
    return seal(proof.refresh_token, cookie) if proof.refresh_token else None
