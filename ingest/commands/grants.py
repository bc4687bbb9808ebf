"""The form of grants, checked before anything is sent.

Knows nothing of what they are for.
"""

import typer

from retrieval.access import checked_grants
from retrieval.errors import InvalidInputError


def check_grants(values: list[str] | None) -> list[str] | None:
    """A Typer callback: the grants in their normal form, or typer.BadParameter where one is none."""
    try:
        return list(checked_grants(values)) if values else None
    except InvalidInputError as error:
        raise typer.BadParameter(error.message) from error
