"""Opaque cursors of paged lists: where the next page starts. Knows nothing of what is listed."""

import base64
import json
from datetime import UTC, datetime

from retrieval.errors import InvalidInputError
from retrieval.storable import storable


def encode(*values: str) -> str:
    """A cursor that says behind which item the next page starts."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode(cursor: str | None, length: int) -> tuple[str, ...] | None:
    """The values put in; None for no cursor. Raises InvalidInputError for one that we did not make."""
    if not cursor:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):  # lists in lists, thousands deep
        values = None
    if not isinstance(values, list) or len(values) != length or not all(map(_is_text, values)):
        raise _not_ours()
    return tuple(values)


def moment(value: str) -> datetime:
    """A value of a cursor as the time that was put in. Raises InvalidInputError where it is none."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _not_ours() from error


def _is_text(value: object) -> bool:
    """Whether a database can be asked for it: half a surrogate pair cannot be sent, and PostgreSQL takes no NUL."""
    return isinstance(value, str) and storable(value) == value


def _not_ours() -> InvalidInputError:
    return InvalidInputError("This cursor is not one that a list gave out.", code="invalid_cursor")
