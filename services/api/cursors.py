"""Opaque cursors of paged lists: where the next page starts. Knows nothing of what is listed."""

import base64
import binascii
import json

from retrieval.errors import InvalidInputError


def encode(*values: str) -> str:
    """A cursor that says behind which item the next page starts."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode(cursor: str | None, length: int) -> tuple[str, ...] | None:
    """The values put in; None for no cursor. Raises InvalidInputError for one that we did not make."""
    if not cursor:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if not isinstance(values, list) or len(values) != length or not all(isinstance(v, str) for v in values):
        raise InvalidInputError("This cursor is not one that a list gave out.", code="invalid_cursor")
    return tuple(values)
