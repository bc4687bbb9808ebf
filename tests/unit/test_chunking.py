"""Chunks: exact spans, nothing lost, within the limit, and cut where a reader would cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunking import chunk
from ingest.parsing import ParsedDocument
from retrieval.types import Chunk, Heading, Page


def words(text: str) -> int:
    return len(text.split())


def document(text: str, headings: tuple[Heading, ...] = (), pages: tuple[Page, ...] = ()) -> ParsedDocument:
    return ParsedDocument(text=text, pages=pages, headings=headings, title=None, media_type="text/plain")


def with_headings(text: str, *titles: tuple[int, str]) -> ParsedDocument:
    headings = []
    position = 0
    for level, title in titles:
        start = text.index(title, position)
        position = start + len(title)
        headings.append(Heading(level, title, start, position))
    return document(text, tuple(headings))


def assert_sound(parsed: ParsedDocument, chunks: list[Chunk]) -> None:
    position = 0
    for number, one in enumerate(chunks):
        assert one.number == number
        assert parsed.text[one.start : one.end] == one.text == one.text.strip()
        assert position <= one.start < one.end
        assert not parsed.text[position : one.start].strip()
        position = one.end
    assert not parsed.text[position:].strip()


PROSE = st.text(alphabet=st.sampled_from("ab Z.,\n|-#1é漢。"), max_size=400)


@st.composite
def documents(draw: st.DrawFn) -> ParsedDocument:
    """A document of paragraphs with headings between them, as parsing makes them, or of anything at all."""
    if draw(st.booleans()):
        text = draw(st.text(max_size=300) | PROSE)
        starts = sorted(draw(st.sets(st.integers(0, max(0, len(text) - 1)), max_size=5)))
        headings = [Heading(1 + start % 3, text[start : start + 3], start, start + 3) for start in starts]
        return document(text, tuple(h for h in headings if h.title.strip() and h.end <= len(text)))
    text = ""
    found: list[Heading] = []
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            title = draw(st.text("abc ", min_size=1, max_size=12)).strip() or "T"
            found.append(Heading(draw(st.integers(1, 4)), title, len(text), len(text) + len(title)))
            text += f"{title}\n\n"
        else:
            text += draw(PROSE) + "\n\n"
    return document(text, tuple(found))


@given(documents(), st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_chunks_are_exact_spans_that_cover_the_text_within_the_limit(parsed: ParsedDocument, limit: int) -> None:
    for count in (words, len):
        chunks = chunk(parsed, max_tokens=limit, count_tokens=count)
        assert_sound(parsed, chunks)
        assert all(count(one.text) <= limit for one in chunks)


@given(documents())
@settings(max_examples=50, deadline=None)
def test_the_same_document_always_gives_the_same_chunks(parsed: ParsedDocument) -> None:
    assert chunk(parsed, max_tokens=9, count_tokens=words) == chunk(parsed, max_tokens=9, count_tokens=words)


def test_a_tokenizers_own_marks_are_counted_once_a_chunk() -> None:
    parsed = document("one two three. four five six. seven eight nine. " * 10)
    chunks = chunk(parsed, max_tokens=20, count_tokens=lambda text: words(text) + 2)
    assert max(words(one.text) for one in chunks) == 18


def test_a_chunk_ends_with_its_section() -> None:
    body = "The rule is this one and no other. " * 4
    parsed = with_headings(f"Leave\n\n{body}\n\nTravel\n\n{body}", (1, "Leave"), (1, "Travel"))
    chunks = chunk(parsed, max_tokens=200, count_tokens=words)
    assert [one.heading_path for one in chunks] == [("Leave",), ("Travel",)]
    assert [one.text.split("\n")[0] for one in chunks] == ["Leave", "Travel"]


def test_a_heading_without_text_goes_with_the_heading_below_it() -> None:
    body = "Twenty-five days are granted to everybody. " * 5
    text = f"Handbook\n\nLeave\n\n{body}\n\nPay\n\n{body}"
    chunks = chunk(with_headings(text, (1, "Handbook"), (2, "Leave"), (2, "Pay")), count_tokens=words)
    assert [one.heading_path for one in chunks] == [("Handbook", "Leave"), ("Handbook", "Pay")]
    assert chunks[0].text.startswith("Handbook\n\nLeave\n\n")


def test_tiny_sections_share_a_chunk_under_their_common_headings() -> None:
    text = "Contacts\n\nHR\n\nCall 1.\n\nIT\n\nCall 2.\n\nLegal\n\nCall 3."
    parsed = with_headings(text, (1, "Contacts"), (2, "HR"), (2, "IT"), (2, "Legal"))
    chunks = chunk(parsed, count_tokens=words)
    assert [(one.text, one.heading_path) for one in chunks] == [(text, ("Contacts",))]


def test_a_markdown_heading_keeps_its_marks_and_starts_the_chunk() -> None:
    body = "Rules apply here as they do elsewhere. " * 5
    text = f"# One\n\n{body}\n\n## Two\n\n{body}"
    chunks = chunk(with_headings(text, (1, "One"), (2, "Two")), count_tokens=words)
    assert [one.text[:6] for one in chunks] == ["# One\n", "## Two"]
    assert chunks[1].heading_path == ("One", "Two")


def test_paragraphs_are_not_divided_where_they_fit() -> None:
    paragraph = "A sentence of six short words. " * 9
    text = "\n\n".join([paragraph.strip()] * 7)
    chunks = chunk(document(text), max_tokens=130, count_tokens=words)
    assert all(one.text.replace(paragraph.strip(), "").strip() == "" for one in chunks)


def test_sentences_are_not_divided_where_they_fit() -> None:
    text = "This sentence has exactly seven words now. " * 40
    for one in chunk(document(text), max_tokens=50, count_tokens=words):
        assert one.text.startswith("This") and one.text.endswith("now.")  # noqa: PT018


@pytest.mark.parametrize(
    "line", ["Name: A. Smith | Days: 25. Paid. | Team: Human Resources", "• Ask your manager. Then ask HR."]
)
def test_rows_and_items_are_not_divided_where_they_fit(line: str) -> None:
    lines = "\n".join([line] * 50)
    for one in chunk(document(lines), max_tokens=40, count_tokens=words):
        assert set(one.text.split("\n")) == {line}


def test_a_long_row_is_divided_between_its_cells() -> None:
    row = " | ".join(f"Column {number}: some words stand in this cell" for number in range(40))
    chunks = chunk(document(row), max_tokens=60, count_tokens=words)
    assert len(chunks) > 1
    assert all(one.text.startswith("Column") for one in chunks)


def test_the_page_is_the_one_where_the_chunk_starts() -> None:
    first, second = "The first page says this. " * 10, "The second page says that. " * 10
    parsed = document(first + second, pages=(Page(1, 0, len(first)), Page(2, len(first), len(first + second))))
    chunks = chunk(parsed, max_tokens=20, count_tokens=words)
    assert {one.page for one in chunks if "first" in one.text.split(".")[0]} == {1}
    assert {one.page for one in chunks if "first" not in one.text} == {2}


def test_a_document_without_pages_gives_chunks_without_pages() -> None:
    assert [one.page for one in chunk(document("Text."), count_tokens=words)] == [None]


def test_no_chunk_comes_of_white_space() -> None:
    assert chunk(document(" \n\n \n"), count_tokens=words) == []


@pytest.mark.parametrize("unit", ["x", "x ", "x\n", "x\n\n", "x. ", "漢", "a | ", "\n# h\n"])
def test_megabytes_of_one_kind_cost_a_bounded_number_of_counts(unit: str) -> None:
    text = unit * (2_000_000 // len(unit))
    calls = 0

    def count(piece: str) -> int:
        nonlocal calls
        calls += 1
        return words(piece)

    chunks = chunk(document(text), count_tokens=count)
    assert calls < len(text) // 15
    assert max(len(one.text) for one in chunks) <= 2_100
    assert sum(len(one.text) for one in chunks) >= len(text) * 0.4
