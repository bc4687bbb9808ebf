"""The options that narrow a search, and days as moments: what a person means by a day depends on what it bounds.

Knows nothing of searching. A day is one of UTC.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from retrieval.types import SearchFilters

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NEXT_DAY = timedelta(days=1)


def first_moment(text: str) -> datetime:
    """A day's beginning, or the moment that was given, in UTC where it names no zone. Raises typer.BadParameter."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"'{text}' is no date: write 2025-12-31 or 2025-12-31T18:00:00Z.") from error


def last_moment(text: str) -> datetime:
    """A day's end, or the moment that was given."""
    return day_after(text) - timedelta(microseconds=1) if _is_day(text) else first_moment(text)


def day_after(text: str) -> datetime:
    """The first moment after a day, or the moment that was given."""
    moment = first_moment(text)
    try:
        return moment + _NEXT_DAY if _is_day(text) else moment
    except OverflowError as error:
        raise typer.BadParameter(f"'{text}' lies too far away.") from error


def _is_day(text: str) -> bool:
    return bool(_DAY.fullmatch(text.strip()))


def moment_option(name: str, meaning: Callable[[str], datetime], help_text: str) -> typer.models.OptionInfo:
    """An option whose value is a moment."""
    option: typer.models.OptionInfo = typer.Option(name, metavar="DATE", parser=meaning, help=help_text)
    return option


DataSources = Annotated[
    list[str] | None, typer.Option("--data-source", metavar="NAME", help="Only from this data source. Repeat for more.")
]
AsOf = Annotated[datetime | None, moment_option("--as-of", last_moment, "What was in force then: a day means its end.")]
ModifiedAfter = Annotated[
    datetime | None, moment_option("--modified-after", first_moment, "Only what changed then or later.")
]
ModifiedBefore = Annotated[
    datetime | None,
    moment_option("--modified-before", last_moment, "Only what changed then or earlier: a day included."),
]


def filters(
    data_source: list[str] | None, as_of: datetime | None, after: datetime | None, before: datetime | None
) -> SearchFilters:
    """What these options say."""
    return SearchFilters(
        data_sources=tuple(data_source or ()), as_of=as_of, modified_after=after, modified_before=before
    )
