"""Breaking text that comes in pieces into lines."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from ingest.commands.typesetting import LineBreaker


def typeset(*pieces: str, width: int = 20) -> str:
    file = io.StringIO()
    lines = LineBreaker(Console(file=file, width=width, highlight=False, markup=False, emoji=False))
    for piece in pieces:
        lines.write(piece)
    lines.finish()
    return file.getvalue()


def test_lines_break_between_words_across_pieces() -> None:
    assert typeset("You have 28 days", " of leave [1].", " Ask.") == "You have 28 days of\nleave [1]. Ask.\n"


def test_line_feeds_in_the_text_stay() -> None:
    assert typeset("One.", "\n\n- Two.", "\n- Three.") == "One.\n\n- Two.\n- Three.\n"


def test_a_word_wider_than_the_line_is_printed_whole() -> None:
    assert typeset("a", " ", "b" * 30).replace("\n", "") == "a" + "b" * 30


def test_nothing_is_nothing() -> None:
    assert typeset("") == ""
    assert typeset("   ") == ""


@given(st.lists(st.text(alphabet="ab漢 é[1]", max_size=12), max_size=12))
def test_no_line_is_too_wide_and_no_word_is_lost(pieces: list[str]) -> None:
    words = [piece for piece in (" ".join(piece.split()) for piece in pieces) if piece]
    result = typeset(*(f" {word}" for word in words), width=30)
    assert result.split() == " ".join(words).split()
    assert all(cell_len(line) <= 30 for line in result.splitlines())
