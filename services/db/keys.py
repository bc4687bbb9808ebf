"""API keys: made, listed and revoked. Knows nothing of HTTP; checking one is `Accounts.principal_of_key`."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.orm import Session, aliased

from retrieval.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.db.accounts import KEY_PREFIX, SCOPES, digest, key_refused, scopes_that_count
from services.db.audit_log import record
from services.db.database import Database, clock
from services.db.models import ApiKey, User


class Keys:
    """The keys of all people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, user_id: str, *, name: str, scopes: frozenset[str],
        expires_at: datetime | None = None, made_by: str | None = None,
    ) -> tuple[ApiKey, str]:  # fmt: skip
        """A new key and its text, `fn_<id>_<secret>`, which is not stored. It is revoked when the key `made_by` is.

        Raises InvalidInputError for a scope that does not exist or an expiry in the past, UnauthenticatedError where
        its maker was revoked meanwhile.
        """
        if unknown := scopes - SCOPES:
            raise InvalidInputError(
                f"Unknown scope {sorted(unknown)[0]!r}: use read, write or admin.", code="invalid_scope"
            )
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        with self._database.write() as session:
            if made_by is not None:
                _hold(session, made_by)
            now = clock(session)
            if expires_at is not None and expires_at <= now:
                raise InvalidInputError("expires_at lies in the past.", code="invalid_expiry")
            key = ApiKey(
                id=key_id,
                user_id=user_id,
                made_by=made_by,
                name=name,
                secret_hash=digest(secret),
                scopes=sorted(scopes),
                expires_at=expires_at,
                created_at=now,
            )
            session.add(key)
            told: dict[str, Any] = {"kind": "api_key", "user": user_id, "scopes": key.scopes, "made_by": made_by}
            record(session, "authn_token_created", subject=f"key:{key_id}", **told, expires_at=expires_at)
        return key, f"{KEY_PREFIX}{key_id}_{secret}"

    def page(
        self, *, user_id: str | None, after: tuple[datetime, str] | None = None, limit: int | None = None
    ) -> list[tuple[ApiKey, str]]:
        """Keys with their person's address, newest first, behind `after` (created_at, id); `user_id` narrows to one
        person."""
        query = select(ApiKey, User.email).join(User, User.id == ApiKey.user_id)
        if user_id is not None:
            query = query.where(ApiKey.user_id == user_id)
        if after:
            moment, last = after
            query = query.where(or_(ApiKey.created_at < moment, and_(ApiKey.created_at == moment, ApiKey.id > last)))
        with self._database.read() as session:
            return list(session.execute(query.order_by(ApiKey.created_at.desc(), ApiKey.id).limit(limit)))

    def revoke(self, key_id: str, *, user_id: str | None, scopes: frozenset[str] = SCOPES) -> None:
        """End a key, those made with it and those made with them, at once; `user_id` narrows to that person's.

        Raises NotFoundError, and ForbiddenError for a key that may do more than `scopes`.
        """
        with self._database.write() as session:
            key = session.get(ApiKey, key_id)
            if key is None or (user_id is not None and key.user_id != user_id):
                raise NotFoundError("There is no such key.", code="unknown_key")
            if scopes_that_count(session.get_one(User, key.user_id), key.scopes) - scopes:
                message = "This key may do more than the one you sent: sign in, or revoke it with one that may as much."
                raise ForbiddenError(message, code="missing_scope")
            alive = select(ApiKey.id).where(ApiKey.id.in_(_with_made(key_id)), ApiKey.revoked_at.is_(None))
            # Whoever is making another holds its maker until that is stored: only a look begun after the wait sees it.
            revoked: list[str] = []
            while ids := session.scalars(alive).all():
                session.execute(update(ApiKey).where(ApiKey.id.in_(ids)).values(revoked_at=clock(session)))
                revoked.extend(ids)
            if revoked:
                told: dict[str, Any] = {"kind": "api_key", "user": key.user_id, "keys": sorted(revoked)}
                record(session, "authn_token_revoked", subject=f"key:{key_id}", **told)


def _hold(session: Session, key_id: str) -> None:
    """Keep a key from being revoked until this transaction ends. Raises UnauthenticatedError where it is already."""
    if session.get_one(ApiKey, key_id, with_for_update=True).revoked_at is not None:
        raise key_refused()


def _with_made(key_id: str) -> Select[str]:
    """The ids of a key, of those made with it, of those made with them, and so on."""
    first, made = aliased(ApiKey), aliased(ApiKey)
    found = select(first.id).where(first.id == key_id).cte("found", recursive=True)
    found = found.union(select(made.id).join(found, made.made_by == found.c.id))
    return select(found.c.id)
