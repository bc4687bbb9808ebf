"""Opaque cursors of paged lists: where the next page starts. Knows nothing of what is listed."""

import base64
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from retrieval.errors import InvalidInputError

# A list's query parameter. Of no greatest length: a list takes back whatever it gave out, however long what it lists.
Cursor = Annotated[str | None, Query()]
# Stands in no text that a database keeps. Nothing is escaped, so a cursor is a third longer than its values and no
# more: proxies refuse addresses of more than some thousand characters.
_END = "\x00"
# What a column of whole numbers holds at most, short and long.
INTEGER, BIGINT = 2**31 - 1, 2**63 - 1


def encode(*values: str) -> str:
    """A cursor that says behind which item the next page starts."""
    return base64.urlsafe_b64encode("".join(value + _END for value in values).encode()).decode().rstrip("=")


def decode(cursor: str | None, length: int) -> tuple[str, ...] | None:
    """The values put in; None for no cursor. Raises InvalidInputError for one that we did not make."""
    if not cursor:
        return None
    try:
        *values, rest = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(_END)
    except ValueError as error:
        raise not_ours() from error
    if rest or len(values) != length:
        raise not_ours()
    return tuple(values)


def moment(value: str) -> datetime:
    """A value of a cursor as the time that was put in. Raises InvalidInputError where it is none."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise not_ours() from error


def number(value: str, *, most: int) -> int:
    """A value of a cursor as the number that was put in, up to `most`. Raises InvalidInputError where it is none."""
    digits = value.isascii() and value.isdecimal() and len(value) <= len(str(most))
    if not digits or int(value) > most:
        raise not_ours()
    return int(value)


def not_ours() -> InvalidInputError:
    """What a cursor is refused with that no list gave out."""
    return InvalidInputError("This cursor is not one that a list gave out.", code="invalid_cursor")
