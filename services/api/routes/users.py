"""People and groups, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from retrieval.access import GRANT
from retrieval.errors import InvalidInputError
from services.api import cursors, presenting, queries, schemas
from services.api.dependencies import Admin, Parts, PartsOf, SentKey, check_outlasts_no_token

router = APIRouter(prefix="/v1", tags=["users"])


@router.get("/users")
def page(
    parts: PartsOf,
    _admin: Admin,
    email: Annotated[schemas.Text | None, Query(max_length=254)] = None,
    limit: queries.Limit = 50,
    cursor: cursors.Cursor = None,
) -> schemas.Page[schemas.User]:
    """People by e-mail address."""
    after = cursors.decode(cursor, 1)
    rows = parts.accounts.page(email=email, after=after[0] if after else None, limit=limit + 1)
    more = cursors.encode(rows[limit - 1].user.email) if len(rows) > limit else None
    return schemas.Page(items=[presenting.user(row) for row in rows[:limit]], next_cursor=more)


@router.post("/users", status_code=201)
def create(body: schemas.NewUser, parts: PartsOf, _admin: Admin, sent: SentKey) -> schemas.CreatedUser:
    """A new person, with a link that signs them in once: not with an access token of the sign-in provider."""
    check_outlasts_no_token(sent, "a person with a sign-in link")
    groups = [_group_name(group) for group in body.groups]
    account = parts.accounts.create(body.email, name=body.name, groups=groups, is_admin=body.is_admin)
    link = _link(parts, account.user.id)
    return schemas.CreatedUser(**presenting.user(account).model_dump(), sign_in_url=link.url)


@router.patch("/users/{user_id}")
def change(user_id: str, body: schemas.UserChange, parts: PartsOf, _admin: Admin) -> schemas.User:
    """Rename, promote, disable or enable; disabling ends sessions and keys at once."""
    account = parts.accounts.change(user_id, name=body.name, is_admin=body.is_admin, disabled=body.disabled)
    return presenting.user(account)


@router.post("/users/{user_id}/sign-in-links", status_code=201)
def new_link(user_id: str, parts: PartsOf, _admin: Admin, sent: SentKey) -> schemas.SignInLink:
    """Another link, for somebody who lost theirs: not with an access token, which the link's session would outlast."""
    check_outlasts_no_token(sent, "a sign-in link")
    return _link(parts, user_id)


@router.get("/groups")
def groups(
    parts: PartsOf, _admin: Admin, limit: queries.LongLimit = queries.MOST, cursor: cursors.Cursor = None
) -> schemas.Page[schemas.Group]:
    """Groups that have members, by name."""
    after = cursors.decode(cursor, 1)
    rows = parts.accounts.groups(after=after[0] if after else None, limit=limit + 1)
    more = cursors.encode(rows[limit - 1][0]) if len(rows) > limit else None
    return schemas.Page(
        items=[schemas.Group(name=name, members=count) for name, count in rows[:limit]], next_cursor=more
    )


@router.put("/groups/{name:path}/members/{email}", status_code=204)
def join(name: schemas.Name, email: str, parts: PartsOf, _admin: Admin) -> Response:
    """Put somebody into a group, from their next request on."""
    parts.accounts.join(_group_name(name), email)
    return Response(status_code=204)


@router.delete("/groups/{name:path}/members/{email}", status_code=204)
def leave(name: str, email: str, parts: PartsOf, _admin: Admin) -> Response:
    """Take somebody out of a group, from their next request on."""
    # Also out of one whose name no new group may have.
    parts.accounts.leave(name, email)
    return Response(status_code=204)


def _group_name(name: str) -> str:
    """The name of a group that documents can be granted to and addresses can carry. Raises InvalidInputError."""
    if not {".", ".."}.isdisjoint(name.split("/")) or not GRANT.fullmatch(f"group:{name.casefold()}"):
        raise InvalidInputError(
            f"'{name[:80]}' cannot be a group's name: it takes at most 199 characters, and no spaces, commas and"
            " colons. Write human-resources.",
            code="invalid_group",
        )
    return name


def _link(parts: Parts, user_id: str) -> schemas.SignInLink:
    token, expires_at = parts.accounts.new_link(user_id)
    # The token stands behind #, which browsers send to nobody: it is in no log.
    return schemas.SignInLink(url=f"{parts.public_url}/sign-in#token={token}", expires_at=expires_at)
