"""Sentence spans: the cases that naive rules get wrong, and the properties that every caller relies on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def test_plain_sentences_are_split_after_their_full_stop() -> None:
    assert sentences("Leave is 25 days. Ask your manager!  Is it paid? Yes.") == [
        "Leave is 25 days.",
        "Ask your manager!",
        "Is it paid?",
        "Yes.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Smith and Prof. Jones met Mr. Brown.",
        "Submit form No. 5 to HR.",
        "Use a manager, e.g. Alice, or i.e. the lead.",
        "The U.S. Government pays 3.5 percent.",
        "J. R. R. Tolkien wrote it.",
        "See Fig. 3 and Sec. 4.2 of vol. 12.",
        "Acme Inc. Holdings bought it.",
        "It starts at 9 a.m. Monday.",
        "Visit example.com or version 1.2.3 today.",
        "Smith et al. (2019) agree.",
        'He asked "Why?" and left.',
        "Yahoo! is a company.",
        "It ended on Nov. 5 last year.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(sentence: str) -> None:
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He lives in the U.S. The tax is low.", ["He lives in the U.S.", "The tax is low."]),
        ("We sell pens, paper, etc. They are cheap.", ["We sell pens, paper, etc.", "They are cheap."]),
        ("The answer is no. Then stop.", ["The answer is no.", "Then stop."]),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("It rose in 2017. In 2018 it fell.", ["It rose in 2017.", "In 2018 it fell."]),
        ("(It is closed.) We open at 9.", ["(It is closed.)", "We open at 9."]),
        ("So did I. We agreed.", ["So did I.", "We agreed."]),
    ],
)
def test_an_abbreviation_before_a_new_sentence_ends_the_old_one(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_number_at_the_start_of_a_line_stays_with_its_item() -> None:
    assert sentences("1. Open the door. Go in.\n2. Close it.\nSection 4. Leave is paid.\na. First") == [
        "1. Open the door.",
        "Go in.",
        "2. Close it.",
        "Section 4. Leave is paid.",
        "a. First",
    ]


def test_each_line_is_its_own_sentence() -> None:
    assert sentences("- Apples\n- Pears\n\nTitle\nText here.") == ["- Apples", "- Pears", "Title", "Text here."]


@pytest.mark.parametrize(
    "row", ["| Dr. No. | It works. Well. |", "Name: A. Smith | Note: Left. Came back.", "a. B\tc. D"]
)
def test_a_table_row_is_one_unit(row: str) -> None:
    assert sentences(f"{row}\n{row}") == [row, row]


def test_cjk_full_stops_need_no_space() -> None:
    assert sentences("休暇は25日です。給料は出ますか？「はい。」次へ") == [
        "休暇は25日です。",
        "給料は出ますか？",
        "「はい。」",
        "次へ",
    ]


def test_citation_markers_behind_the_full_stop_belong_to_the_sentence() -> None:
    assert sentences("Leave is paid.[1][2] It is 25 days. [3] Ask HR [4].") == [
        "Leave is paid.[1][2]",
        "It is 25 days. [3]",
        "Ask HR [4].",
    ]


def test_text_without_capitals_is_split_too() -> None:
    assert sentences("the debt matured. it was repaid. see no. 5.") == [
        "the debt matured.",
        "it was repaid.",
        "see no. 5.",
    ]


@given(st.text(alphabet=st.sampled_from('aBc .!?\n\t|。」")]1[…U.S'), max_size=200) | st.text(max_size=200))
def test_spans_ascend_are_stripped_and_cover_all_that_is_not_white_space(text: str) -> None:
    spans = split_sentences(text)
    position = 0
    for start, end in spans:
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@pytest.mark.parametrize("unit", ["a", ".", ". ", "A. ", "[1]", '"', " ", "No. ", "(", "。", "e.g. "])
def test_long_lines_of_one_kind_are_handled(unit: str) -> None:
    assert split_sentences(unit * 200_000) is not None
