"""The signals of reranking, each on an example small enough to count by hand."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import signals as module
from retrieval.analysis import Matcher
from retrieval.fusion import fused
from retrieval.signals import NAMES, WINDOW, signals
from retrieval.types import Candidate, Chunk

QUERY = "the notice period of visitors"
FILLER = " ".join(f"filler{n}" for n in range(WINDOW))


def candidate(
    text: str,
    *,
    document: str = "d",
    number: int = 0,
    dense: float | None = 0.5,
    sparse: float | None = None,
    headings: tuple[str, ...] = (),
) -> Candidate:
    chunk = Chunk(number, text, 0, len(text), heading_path=headings)
    return Candidate(document, 1, chunk, dense_score=dense, sparse_score=sparse)


def signal(
    name: str, query: str, candidates: Sequence[Candidate], titles: Mapping[str, str] | None = None
) -> list[float]:
    column: list[float] = signals(query, candidates, titles or {}, first=len(candidates))[:, NAMES.index(name)].tolist()
    return column


def texts(*said: str) -> list[Candidate]:
    return [candidate(text, document=f"d{number}") for number, text in enumerate(said)]


def test_the_cosine_is_given_as_it_is_and_the_lowest_where_the_dense_search_missed_it() -> None:
    found = [candidate("a", dense=0.7), candidate("b", dense=None, sparse=3.0), candidate("c", dense=0.2)]
    assert signal("dense", QUERY, found) == pytest.approx([0.7, 0.2, 0.2])
    assert signal("dense", QUERY, [candidate("a", dense=-0.1), candidate("b", dense=1.0000001)]) == [0.0, 1.0]
    assert signal("dense", QUERY, [candidate("a", dense=None, sparse=1.0)]) == [0.0]


def test_places_are_those_of_fusion() -> None:
    found = [candidate("a", dense=0.7, sparse=2.0), candidate("b", dense=0.2, sparse=4.0)]
    assert signal("dense_place", QUERY, found) == [1.0, 0.0]
    assert signal("sparse_place", QUERY, found) == [0.0, 1.0]


def test_coverage_is_the_share_of_the_terms_and_rare_ones_count_more() -> None:
    all_of_them, common, rare, none = signal(
        "coverage", QUERY, texts("notice period visitors", "notice period", "visitors", "dogs")
    )
    assert all_of_them == pytest.approx(1.0)
    assert none == 0.0
    # two passages hold each of the terms
    assert common == pytest.approx(2 / 3)
    assert rare == pytest.approx(1 / 3)
    rare_alone, common_alone = signal("coverage", "notice visitors", texts("visitors", "notice", "notice", "notice"))[
        :2
    ]
    assert rare_alone > common_alone


def test_title_and_headings_count_towards_coverage_and_window_and_alone_as_title() -> None:
    found = [
        candidate("six weeks", document="a", headings=("Notice",)),
        candidate("notice period visitors", document="b"),
    ]
    titles = {"a": "Period for visitors", "b": "Dogs"}
    assert signal("title", QUERY, found, titles) == [pytest.approx(1.0), 0.0]
    assert signal("coverage", QUERY, found, titles) == pytest.approx([1.0, 1.0])
    assert signal("window", QUERY, found, titles) == pytest.approx([1.0, 1.0])


def test_the_window_wants_the_terms_near_each_other() -> None:
    near, far, spread = signal(
        "window",
        QUERY,
        texts(
            f"{FILLER} notice period visitors",
            f"notice {FILLER} period visitors",
            f"notice {FILLER} period {FILLER} visitors",
        ),
    )
    assert near == pytest.approx(1.0)
    assert far == pytest.approx(2 / 3)
    assert spread == pytest.approx(1 / 3)


def test_the_window_reaches_over_as_many_words_as_it_says() -> None:
    inside = " ".join(["filler"] * (WINDOW - 2))
    assert signal("window", "notice visitors", texts(f"notice {inside} visitors")) == pytest.approx([1.0])
    assert signal("window", "notice visitors", texts(f"notice {inside} filler visitors")) == pytest.approx([0.5])


def test_phrases_are_neighbours_of_the_query_that_are_neighbours_here_in_their_order() -> None:
    found = texts(
        "the notice period of visitors", "notice period", "period notice", "notice for the last period", "notice"
    )
    assert signal("phrases", QUERY, found) == [1.0, 0.5, 0.0, 0.0, 0.0]
    assert signal("phrases", "notice", texts("notice notice")) == [0.0]


def test_phrases_count_in_a_query_whose_language_is_not_known() -> None:
    assert signal("phrases", "parental leave duration", texts("The duration of parental leaves", "parental leave")) == [
        0.5,
        0.5,
    ]


def test_numbers_are_the_share_of_the_query_s_numbers() -> None:
    found = texts("In 2024 it was 45 euros", "In 2024", "forty-five", "1,000 units")
    assert signal("numbers", "was it 45 in 2024?", found) == [1.0, 0.5, 0.0, 0.0]
    assert signal("numbers", "the 1000 units", found) == [0.0, 0.0, 0.0, 1.0]
    assert signal("numbers", "without any", found) == [0.0] * 4


def test_around_is_how_well_the_neighbours_in_the_document_do() -> None:
    found = [
        candidate("best", number=3, dense=0.9, sparse=9.0),
        candidate("beside", number=4, dense=0.1, sparse=1.0),
        candidate("one further", number=5, dense=0.1, sparse=1.0),
        candidate("too far", number=7, dense=0.1, sparse=1.0),
        candidate("of another document", document="e", number=4, dense=0.1, sparse=1.0),
    ]
    assert signal("around", QUERY, found) == [0.0, 1.0, 0.5, 0.0, 0.0]


def test_another_version_of_the_document_is_no_neighbour() -> None:
    best, beside = candidate("best", number=3, dense=0.9), candidate("beside", number=4, dense=0.1)
    other = Candidate("d", 2, beside.chunk, dense_score=0.1)
    assert signal("around", QUERY, [best, other]) == [0.0, 0.0]


def test_named_is_a_document_whose_title_a_leading_passage_of_another_says() -> None:
    found = [
        candidate("Mara Lindqvist leads the LARKMOOR foundation.", document="a"),
        candidate("It was founded in 1987.", document="b"),
        candidate("Nothing of this kind.", document="c"),
        candidate("Its seat is Uppsala.", document="f"),
        candidate("The foundation's seat.", document="f", number=1),
    ]
    titles = {"a": "Mara Lindqvist", "b": "1987", "c": "Nothing", "f": "Larkmoor Foundation"}
    assert signal("named", QUERY, found, titles) == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert signal("named", QUERY, found, titles | {"f": "Its"}) == [0.0] * 5  # too short to mean anything


def test_only_the_first_are_read_and_the_others_count_as_neighbours() -> None:
    found = [candidate("notice", number=1, dense=0.1), candidate("period", number=2, dense=0.9)]
    rows = signals(QUERY, found, {}, first=1)
    assert rows.shape == (1, len(NAMES))
    assert rows[0][NAMES.index("around")] == pytest.approx(0.5)


def test_nothing_found_has_no_rows() -> None:
    assert signals(QUERY, [], {}, first=60).shape == (0, len(NAMES))


class WatchedMatcher(Matcher):
    """Keeps the texts that it is asked about."""

    read: ClassVar[list[str]] = []

    def places(self, text: str) -> list[tuple[int, int]]:
        self.read.append(text)
        return super().places(text)


def test_each_of_the_first_is_read_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Matcher", WatchedMatcher)
    for count in (10, 20, 40):
        WatchedMatcher.read.clear()
        said = [f"notice {number}" for number in range(count)]
        signals(QUERY, texts(*said), {}, first=20)
        assert [text for text in WatchedMatcher.read if text in said] == said[:20]
        assert len(WatchedMatcher.read) <= 2 * min(count, 20)  # with titles and headings


def test_the_work_on_a_passage_grows_with_its_length_and_not_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def counted(held: frozenset[int], rarity: Sequence[float]) -> float:
        nonlocal looked
        looked += 1
        return 0.0

    monkeypatch.setattr(module, "_share", counted)
    works = []
    for words in (100, 200, 400):
        looked = 0
        signals(QUERY, texts("notice " * words), {}, first=1)
        works.append(looked)
    assert works[2] - works[1] == 2 * (works[1] - works[0])


@given(
    query=st.text(max_size=60) | st.sampled_from([QUERY, "INC-1042 v2.3.1", "Kündigungsfrist", "有給休暇"]),
    passages=st.lists(
        st.tuples(
            st.text(max_size=60) | st.sampled_from(["the notice period", "INC-1042", "有給休暇", QUERY]),
            st.sampled_from("abc"),
            st.integers(0, 5),
            st.none() | st.floats(-1, 1),
            st.none() | st.floats(0, 50),
        ),
        max_size=8,
    ),
    titles=st.dictionaries(st.sampled_from("abc"), st.text(max_size=20)),
)
@settings(deadline=None, max_examples=150)
def test_every_signal_is_between_zero_and_one(
    query: str, passages: list[tuple[str, str, int, float | None, float | None]], titles: dict[str, str]
) -> None:
    found = fused(
        [
            candidate(text, document=document, number=number, dense=dense, sparse=sparse)
            for text, document, number, dense, sparse in passages
        ]
    )
    rows = signals(query, found, titles, first=5)
    assert rows.shape == (min(5, len(found)), len(NAMES))
    assert (rows >= 0).all()
    assert (rows <= 1 + 1e-9).all()
