"""People who show an access token of the sign-in provider's: who they are here, and what they may by this token.

Knows nothing of tokens or HTTP. Nothing is written for somebody who is known: what the provider said at their last
sign-in stays in the registry, and does not count here where the token says something else.
"""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from retrieval.access import grants_of
from retrieval.errors import UnauthenticatedError
from retrieval.types import Principal
from services.db.accounts import LOCAL, SCOPES
from services.db.database import Database
from services.db.identities import EmailTakenError, Identified, account_of
from services.db.models import Identity, Membership, User


class TokenHolders:
    """The accounts of those whom the provider knows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def principal(self, *, issuer: str, subject: str, groups: frozenset[str], is_admin: bool) -> Principal | None:
        """Who this subject is, with the groups that are named and those that an administrator gave.

        `is_admin`: the token names the provider's group of administrators. Whom that made one is one only with it; who
        was made one here stays one. None where the subject has no account. Raises UnauthenticatedError
        (`account_disabled`).
        """
        with self._database.read() as session:
            identity = session.get(Identity, (issuer, subject))
            if identity is None:
                return None
            user = session.get_one(User, identity.user_id)
            given = select(Membership.group_name).where(Membership.user_id == user.id, Membership.origin == LOCAL)
            held = groups.union(session.scalars(given))
        if user.disabled_at is not None:
            raise UnauthenticatedError("This account is disabled.", code="account_disabled")
        administers = user.is_admin and (is_admin or not identity.is_admin)
        scopes = SCOPES if administers else SCOPES - {"admin"}
        return Principal(user.id, user.email, grants_of(user.email, sorted(held)), administers, scopes)

    def introduce(self, who: Identified) -> None:
        """An account for somebody new, made or linked as at a sign-in. Raises as `account_of`.

        Two requests of one person at the same moment: the later one finds the address taken by its own account, in the
        database or, on PostgreSQL, between two questions. Asked again it finds the account; who is another stays one.
        """
        try:
            self._introduce(who)
        except (IntegrityError, EmailTakenError):
            self._introduce(who)

    def _introduce(self, who: Identified) -> None:
        with self._database.write() as session:
            # Who signed in meanwhile has what that said, and this token changes nothing of it.
            if session.get(Identity, (who.issuer, who.subject)) is None:
                account_of(session, who)
