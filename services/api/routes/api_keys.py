"""API keys: one's own, and everybody's for administrators."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from retrieval.errors import ForbiddenError
from services.api import cursors, queries, schemas
from services.api.dependencies import Known, PartsOf, Reader, SentKey, check_outlasts_no_token

router = APIRouter(prefix="/v1/api-keys", tags=["api keys"])


@router.get("")
def page(
    parts: PartsOf,
    principal: Reader,
    user: Annotated[schemas.Text | None, Query(max_length=254)] = None,
    limit: queries.LongLimit = queries.MOST,
    cursor: cursors.Cursor = None,
) -> schemas.Page[schemas.ApiKey]:
    """One's own keys, newest first; for administrators all, or those of `user`."""
    after = cursors.decode(cursor, 2)
    start = (cursors.moment(after[0]), after[1]) if after else None
    owner: str | None = principal.user_id
    if principal.is_admin:
        owner = parts.accounts.by_email(user).user.id if user else None
    rows = parts.keys.page(user_id=owner, after=start, limit=limit + 1)
    last = rows[limit - 1][0] if len(rows) > limit else None
    return schemas.Page(
        items=[
            schemas.ApiKey(
                id=key.id,
                name=key.name,
                user=email,
                scopes=key.scopes,
                created_at=key.created_at,
                expires_at=key.expires_at,
                last_used_at=key.last_used_at,
                revoked=key.revoked_at is not None,
            )
            for key, email in rows[:limit]
        ],
        next_cursor=cursors.encode(last.created_at.isoformat(), last.id) if last else None,
    )


@router.post("", status_code=201)
def create(body: schemas.NewApiKey, parts: PartsOf, principal: Reader, sent: SentKey) -> schemas.CreatedApiKey:
    """A new key. Nobody makes one that may do more than they may, or for somebody else unless they administer.

    One that is made with a key ends when that does or is revoked, or earlier. None is made with an access token of the
    sign-in provider, which ends within a day: its holder signs in to make one.
    """
    check_outlasts_no_token(sent, "a key")
    mine = body.user is None or body.user == principal.email
    if not mine and not principal.is_admin:
        raise ForbiddenError("Only administrators make keys for other people.", code="missing_scope")
    owner = principal.user_id if mine else parts.accounts.by_email(body.user or "").user.id
    scopes = frozenset(body.scopes) or principal.scopes
    if scopes - principal.scopes:
        raise ForbiddenError("A key cannot have a scope that you do not have.", code="missing_scope")
    maker = parts.accounts.row_of_key(sent) if sent else None
    key, text = parts.keys.create(
        owner,
        name=body.name or "API key",
        scopes=scopes,
        expires_at=_expiry(body.expires_at, maker.expires_at if maker else None),
        made_by=maker.id if maker else None,
    )
    return schemas.CreatedApiKey(id=key.id, key=text, name=key.name, scopes=key.scopes, expires_at=key.expires_at)


def _expiry(asked: datetime | None, makers: datetime | None) -> datetime | None:
    """When a new key ends: as asked, without that when its maker does. Raises ForbiddenError for a later moment.

    A key that ends would else go on for ever in those that it makes.
    """
    if asked is None or makers is None:
        return asked or makers
    if asked > makers:
        raise ForbiddenError("A key cannot outlast the key that makes it.", code="outlasts_key")
    return asked


@router.delete("/{key_id}", status_code=204)
def revoke(key_id: str, parts: PartsOf, principal: Known) -> Response:
    """End a key at once, with all keys that were made with it.

    A key, whatever its scopes, ends itself and others of its person that may do no more than it may. A session ends
    all of its person's, and an administrator everybody's.
    """
    if principal.is_admin:
        parts.keys.revoke(key_id, user_id=None)
    else:
        parts.keys.revoke(key_id, user_id=principal.user_id, scopes=principal.scopes)
    return Response(status_code=204)
