"""API keys: made, listed and revoked. Knows nothing of HTTP; checking one is `Accounts.principal_of_key`."""

import secrets
from datetime import datetime

from sqlalchemy import select

from retrieval.errors import InvalidInputError, NotFoundError
from services.db.accounts import KEY_PREFIX, SCOPES, digest
from services.db.database import Database, clock
from services.db.models import ApiKey, User


class Keys:
    """The keys of all people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, user_id: str, *, name: str, scopes: frozenset[str], expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its text, `fn_<id>_<secret>`, which is not stored.

        Raises InvalidInputError for a scope that does not exist or an expiry in the past.
        """
        if unknown := scopes - SCOPES:
            raise InvalidInputError(
                f"Unknown scope {sorted(unknown)[0]!r}: use read, write or admin.", code="invalid_scope"
            )
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        with self._database.write() as session:
            now = clock(session)
            if expires_at is not None and expires_at <= now:
                raise InvalidInputError("expires_at lies in the past.", code="invalid_expiry")
            key = ApiKey(
                id=key_id,
                user_id=user_id,
                name=name,
                secret_hash=digest(secret),
                scopes=sorted(scopes),
                expires_at=expires_at,
                created_at=now,
            )
            session.add(key)
        return key, f"{KEY_PREFIX}{key_id}_{secret}"

    def page(self, *, user_id: str | None) -> list[tuple[ApiKey, str]]:
        """Keys with their person's address, newest first; `user_id` narrows to one person."""
        query = select(ApiKey, User.email).join(User, User.id == ApiKey.user_id).order_by(ApiKey.created_at.desc())
        if user_id is not None:
            query = query.where(ApiKey.user_id == user_id)
        with self._database.read() as session:
            return list(session.execute(query))

    def revoke(self, key_id: str, *, user_id: str | None) -> None:
        """End a key at once; `user_id` narrows to that person's. Raises NotFoundError."""
        with self._database.write() as session:
            key = session.get(ApiKey, key_id)
            if key is None or (user_id is not None and key.user_id != user_id):
                raise NotFoundError("There is no such key.", code="unknown_key")
            key.revoked_at = key.revoked_at or clock(session)
