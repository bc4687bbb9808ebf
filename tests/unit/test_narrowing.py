"""What a day means: the end of it for what was in force, the whole of it for what changed."""

from datetime import UTC, datetime

import pytest
import typer

from ingest.commands.narrowing import day_after, first_moment, last_moment

DAY, NEXT = datetime(2024, 12, 31, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)


def test_a_day_has_a_first_and_a_last_moment_and_a_day_after() -> None:
    assert first_moment("2024-12-31") == DAY
    assert last_moment("2024-12-31") == datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert day_after("2024-12-31") == NEXT


@pytest.mark.parametrize("meaning", [first_moment, last_moment, day_after])
def test_a_moment_is_itself_and_of_utc_where_it_names_no_zone(meaning: object) -> None:
    assert callable(meaning)
    assert meaning("2025-01-01T00:00:00Z") == NEXT
    assert meaning("2025-01-01T01:00:00+01:00") == NEXT
    assert meaning("2025-01-01T00:00") == NEXT


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-01", "2024-02-30", "31.12.2024", "0001-01-01T00:00:00+14:00"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write 2025-12-31"):
        last_moment(text)


def test_the_last_day_of_all_has_no_day_after() -> None:
    with pytest.raises(typer.BadParameter, match="too far away"):
        day_after("9999-12-31")
