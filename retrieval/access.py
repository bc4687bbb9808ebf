"""Who may see what, compiled: a principal and a closed form of filters become the one filter every search carries.

Knows nothing of Qdrant: `retrieval/index.py` translates the value made here. There is no way to build one without a
grant, because Qdrant reads an empty filter as "everything".
"""

import re
from dataclasses import dataclass
from datetime import datetime

from retrieval.errors import ForbiddenError, InvalidFilterError, InvalidInputError
from retrieval.types import EVERYONE, Principal, SearchFilters

GRANT = re.compile(r"everyone|(?:user|group):[^\s:,]{1,199}")
MAX_VALUES = 200


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """The grants one of which a chunk must carry (never empty), AND-ed with what the asker narrowed.

    Only `access_filter` makes these.
    """

    grants: tuple[str, ...]
    data_sources: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    modified_after: datetime | None = None
    modified_before: datetime | None = None

    def __post_init__(self) -> None:
        if not self.grants:
            raise ForbiddenError("A search needs somebody who asks: this principal holds no grant.")


def access_filter(principal: Principal, filters: SearchFilters) -> AccessFilter:
    """Compile the filter of one search.

    Raises InvalidFilterError for contradictory or oversized filters and ForbiddenError for a principal without grants.
    """
    after, before = filters.modified_after, filters.modified_before
    if after is not None and before is not None and after > before:
        raise InvalidFilterError("modified_after lies after modified_before: nothing can match.")
    for name in ("data_sources", "document_ids", "media_types"):
        if len(getattr(filters, name)) > MAX_VALUES:
            raise InvalidFilterError(f"{name} holds more than {MAX_VALUES} values.")
    return AccessFilter(
        grants=tuple(sorted(principal.grants)),
        data_sources=filters.data_sources,
        document_ids=filters.document_ids,
        media_types=filters.media_types,
        modified_after=after,
        modified_before=before,
    )


def checked_grants(grants: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the grants lower-cased, distinct and sorted; raises InvalidInputError naming the first malformed one."""
    normal = {grant.strip().casefold() for grant in grants}
    for grant in sorted(normal):
        if not GRANT.fullmatch(grant):
            raise InvalidInputError(
                f"'{grant[:80]}' is not a grant: write everyone, user:<email> or group:<name>.", code="invalid_grant"
            )
    return tuple(sorted(normal))


def groups_among(grants: frozenset[str]) -> list[str]:
    """The names of the groups that these grants are of, sorted."""
    return sorted(grant.removeprefix("group:") for grant in grants if grant.startswith("group:"))


def grants_of(email: str, groups: list[str]) -> frozenset[str]:
    """Every grant that a signed-in person holds."""
    return frozenset({EVERYONE, f"user:{email.casefold()}", *(f"group:{group.casefold()}" for group in groups)})
