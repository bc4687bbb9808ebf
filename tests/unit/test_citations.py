"""Markers and sentences out of streamed text, however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.citations import MAX_SENTENCE, Draft, Marker, SentenceReader, with_markers, without_markers
from tests.marker_reading import SOURCES, parsed, read
from tests.unit.counting import operations

TEXTS = [
    "The limit is 30 days [1]. It was 20 before [2][3].",
    "The limit is 30 days. [1] It was 20 before. [2, 3] Ask HR.",
    "See [9] and [0] and [1, 9]; a [list] of [x] and [1x] and [ 2 ].",
    "Ranges [1-3] and words [Source 2] and [sources 1 and 2] 【3】 【1†L4-L9】 stay.",
    "- first item [1]\n- second item [2]\n\nA new paragraph [3].",
    "Dr. Smith approved it on 3.5.2024, i.e. last year [1]. Then it ended [2].",
    "[[1]] [[ [1 [2] [1]] [",
    "一年有三十天[1]。之前是二十天[2]。\n還有[3]。",
    "Name | Days\nAda | 30 [1]\nBob | 20 [2]",
    "No marker at all. Not one. " * 3,
    "Wait... what?! [1] Really. NO_ANSWER",
    "💡 emoji [1] and e\u0301 accents [2].",
]


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(places)] or [""]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 days [1].", ["30 days ", Marker((1,)), "."]),
        ("[1][2]", [Marker((1,)), Marker((2,))]),
        ("[1, 2]", [Marker((1, 2))]),
        ("[2;3]", [Marker((2, 3))]),
        ("[1-3]", [Marker((1, 2, 3))]),
        ("[ 2 ]", [Marker((2,))]),
        ("[Source 2]", [Marker((2,))]),
        ("【3】", [Marker((3,))]),
        ("【1†L4-L9】", [Marker((1,))]),
        ("[9]", [Marker(())]),
        ("[0]", [Marker(())]),
        ("[1, 9]", [Marker((1,))]),
        ("[1-9999]", [Marker((1, 2, 3, 4))]),
        ("[x]", ["[x]"]),
        ("[1x]", ["[1x]"]),
        ("[]", ["[]"]),
        ("[", ["["]),
        ("[1", ["[1"]),
        ("a [b [1] c", ["a [b ", Marker((1,)), " c"]),
        ("[[1]]", ["[", Marker((1,)), "]"]),
    ],
)
def test_markers_are_told_from_other_brackets(text: str, expected: list[str | Marker]) -> None:
    assert parsed([text]) == expected


@pytest.mark.parametrize("text", TEXTS)
def test_every_single_cut_gives_the_same_markers_and_sentences(text: str) -> None:
    for cut in range(len(text) + 1):
        assert parsed([text[:cut], text[cut:]]) == parsed([text])
        assert read([text[:cut], text[cut:]]) == read([text])


@pytest.mark.parametrize("text", TEXTS)
def test_one_character_at_a_time_gives_the_same_markers_and_sentences(text: str) -> None:
    assert parsed(list(text)) == parsed([text])
    assert read(list(text)) == read([text])


PARTS = [*"[]【】 .,;-†!?。\n\t|019aA", "[1]", "[2] ", "[9]", ". ", "e.g. ", "Next "]
HOSTILE = st.lists(st.sampled_from(PARTS), max_size=60).map("".join)


@given(text=HOSTILE, cuts=st.lists(st.integers(0, 80), max_size=6))
@example(text="a. [1] B c", cuts=[3, 4, 5, 6])
def test_any_cuts_of_any_text_give_the_same_result(text: str, cuts: list[int]) -> None:
    assert parsed(pieces_of(text, cuts)) == parsed([text])
    assert read(pieces_of(text, cuts)) == read([text])


@given(text=HOSTILE)
def test_no_prose_is_lost_and_no_marker_dangles(text: str) -> None:
    drafts = read([text])
    assert all(1 <= number <= SOURCES for draft in drafts for number in draft.cited)
    prose = "".join(piece for piece in parsed([text]) if isinstance(piece, str))
    kept = "".join(without_markers(draft.text) for draft in drafts)
    assert "".join(kept.split()) == "".join(prose.split())


def test_a_sentence_is_finished_by_the_first_word_of_the_next() -> None:
    reader = SentenceReader(SOURCES)
    assert reader.feed("The limit is 30 days.") == []
    assert reader.feed(" [1]") == []
    assert reader.feed(" It ") == [Draft("", "The limit is 30 days. [1]")]
    assert reader.feed("was 20.") == []
    assert reader.finish() == [Draft(" ", "It was 20.")]


def test_a_sentence_that_ends_with_a_marker_and_a_full_stop_is_finished_there() -> None:
    reader = SentenceReader(SOURCES)
    assert reader.feed("The limit is 30 days [1].") == []
    assert reader.feed(" ") == [Draft("", "The limit is 30 days [1].")]
    assert reader.feed("It was 20 e.g. [2] in May [3]! Now ") == [Draft(" ", "It was 20 e.g. [2] in May [3]!")]
    assert reader.finish() == [Draft(" ", "Now")]


def test_a_marker_behind_a_sentence_that_is_out_is_not_the_next_ones() -> None:
    drafts = read(["The limit is 30 days [1]. \n [2] [3] It was 20 [4]. [1]"])
    assert [draft.text for draft in drafts] == ["The limit is 30 days [1].", "It was 20 [4]."]


def test_a_marker_behind_a_piece_of_a_long_sentence_is_kept() -> None:
    text = f"It was 20 [1]. The limit is {'x' * MAX_SENTENCE} [2], and more."
    cited = [number for draft in read([text]) for number in draft.cited]
    assert cited == [1, 2]


def test_markers_on_a_line_of_their_own_belong_to_the_sentence_before() -> None:
    assert [draft.cited for draft in read(["The limit is 30 days.\n[1][2]\nIt was 20 [3]."])] == [(1, 2), (3,)]


def test_a_dangling_marker_vanishes_with_its_blank() -> None:
    assert [draft.text for draft in read(["The limit is 30 days [9]. It was 20 [9][2]."])] == [
        "The limit is 30 days.",
        "It was 20[2].",
    ]


def test_list_items_are_sentences() -> None:
    drafts = read(["You need:\n- a receipt [1]\n- a form [2]\n"])
    assert [(draft.gap, draft.text) for draft in drafts] == [
        ("", "You need:"),
        ("\n", "- a receipt [1]"),
        ("\n", "- a form [2]"),
    ]


def test_markers_are_shown_as_they_were_checked() -> None:
    assert with_markers("It is 30 [1] days [2].", (1, 2)) == "It is 30 [1] days [2]."
    assert with_markers("It is 30 [1] days [2].", (2,)) == "It is 30 days [2]."
    assert with_markers("It is 30 days [1].", (3,)) == "It is 30 days. [3]"
    assert with_markers("It is 30 days.", ()) == "It is 30 days."


@pytest.mark.parametrize(
    "unit", ["[", "[1", "[1,", "[ ", "【", "[1-2 ", "a. ", "e.g. ", "[1] ", "x", ".\n", "[source "]
)
def test_hostile_text_takes_linear_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: read(list(unit * repeats)))

    assert work(2400) < 2.6 * work(1200)
