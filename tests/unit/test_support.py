"""The support check: what holds, what does not, and which words of the source are quoted for it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.citations import SentenceReader
from retrieval.support import SupportCheck, Verdict, claims_something
from retrieval.types import SentenceStatus, Source
from tests.in_memory import WordModel

OFFSET = 1000
LEAVE = (
    "Annual leave is granted by calendar year. Full-time employees receive 27 days of annual leave, plus public "
    "holidays. Unused days may not be carried over to the next year. Requests go to the line manager at least two "
    "weeks before."
)
TRAVEL = "Submit the claim within 30 days of the expense. Claims older than 90 days are not paid. Ask Hamid Rezaei."


def source(number: int, text: str, title: str) -> Source:
    return Source(
        number=number,
        document_id=f"d{number}",
        version=2,
        title=title,
        url=None,
        data_source="policies",
        external_id=title,
        page=1,
        heading_path=("Rules",),
        start=OFFSET,
        end=OFFSET + len(text),
        text=text,
        modified_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


SOURCES = (source(1, LEAVE, "Leave policy"), source(2, TRAVEL, "Travel policy"))


def check(sentence: str, *cited: int) -> Verdict:
    return SupportCheck(SOURCES, WordModel().encode).check(sentence, cited)


@pytest.mark.parametrize(
    ("sentence", "cited", "quote"),
    [
        (
            "Full-time employees receive 27 days of annual leave [1].",
            1,
            "Full-time employees receive 27 days of annual leave, plus public holidays.",
        ),
        ("- **27 days** of annual leave for full-time employees [1]", 1, "Full-time employees receive 27 days"),
        ("Claims older than 90 days are not paid [2].", 2, "Claims older than 90 days are not paid."),
        ("Unused days may not be carried over [1].", 1, "Unused days may not be carried over to the next year."),
    ],
)
def test_a_supported_sentence_quotes_the_exact_words(sentence: str, cited: int, quote: str) -> None:
    verdict = check(sentence, cited)
    assert verdict.status is SentenceStatus.SUPPORTED, verdict.reason
    (citation,) = verdict.citations
    assert citation.quote.startswith(quote)
    text = SOURCES[cited - 1].text
    assert text[citation.start - OFFSET : citation.end - OFFSET] == citation.quote
    assert (citation.document_id, citation.version) == (f"d{cited}", 2)
    assert 0.0 <= citation.support <= 1.0


@pytest.mark.parametrize(
    "sentence",
    [
        "Full-time employees receive 28 days of annual leave [1].",
        "Full-time employees receive 27 weeks of annual leave [1].",
        "Unused days may be carried over to the next year [1].",
        "Claims older than 90 days are paid [2].",
        "Submit the claim within 30 days of the expense to Maria Lopez [2].",
        "Submit the claim by 3 March 2026 [2].",
        "Requests go to the line manager at most two weeks before [1].",
        "The cafeteria serves lunch between noon and two [1].",
        "The cafeteria serves lunch.",
    ],
)
def test_what_the_source_does_not_say_is_unsupported(sentence: str) -> None:
    verdict = check(sentence, 1, 2)
    assert verdict.status is SentenceStatus.UNSUPPORTED
    assert verdict.reason


def test_a_wrong_number_is_put_right_by_the_source_that_does_support() -> None:
    verdict = check("Claims older than 90 days are not paid [1].", 1)
    assert verdict.status is SentenceStatus.SUPPORTED
    assert [citation.source for citation in verdict.citations] == [2]


def test_a_sentence_without_a_number_is_given_one() -> None:
    assert [citation.source for citation in check("Claims older than 90 days are not paid.").citations] == [2]


def test_two_sources_may_support_a_half_each() -> None:
    sentence = "Employees receive 27 days of annual leave, and claims older than 90 days are not paid [1][2]."
    verdict = check(sentence, 1, 2)
    assert verdict.status is SentenceStatus.SUPPORTED, verdict.reason
    assert {citation.source for citation in verdict.citations} == {1, 2}


def test_a_citation_that_adds_nothing_is_dropped() -> None:
    verdict = check("Full-time employees receive 27 days of annual leave [2][1].", 2, 1)
    assert [citation.source for citation in verdict.citations] == [1]


@pytest.mark.parametrize(
    "sentence",
    ["Here is what I found:", "## Summary", "Does that help?", "The sources do not mention a limit.", "---", "[1]", ""],
)
def test_what_claims_nothing_needs_no_source(sentence: str) -> None:
    assert not claims_something(sentence)
    assert check(sentence, 1).status is SentenceStatus.NO_CLAIM


@pytest.mark.parametrize("sentence", ["The limit is 30 days:", "The documents do not say it, so you may take 90 days."])
def test_an_amount_is_always_a_claim(sentence: str) -> None:
    assert claims_something(sentence)


SWAPS = (
    source(1, "Full-time employees receive 27 days of leave. Part-time employees receive 14 days of leave.", "Leave"),
    source(
        2, "The maker Nissan left out the cooling. The maker Toyota tested its batteries for ten years.", "Batteries"
    ),
    source(3, "La demande se fait trois mois avant. Le contrat ne peut pas être résilié.", "Contrat"),
    source(4, "Der Antrag wird drei Monate vorher gestellt. Die Frist beträgt 30 Tage.", "Frist"),
)


def swaps(sentence: str, *cited: int) -> Verdict:
    return SupportCheck(SWAPS, WordModel().encode).check(sentence, cited)


@pytest.mark.parametrize(
    ("sentence", "cited", "reason"),
    [
        ("Full-time employees receive 14 days of leave [1].", 1, "another number in this place"),
        ("The maker Toyota left out the cooling [2].", 2, "another name in this place"),
        ("The maker Fiat left out the cooling [2].", 2, "not in the cited passage: fiat"),
        ("Le contrat peut être résilié [3].", 3, "affirms what the source denies"),
        ("Die Frist beträgt 31 Tage [4].", 4, "not in the cited passage: 31"),
    ],
)
def test_what_is_wrong_is_said(sentence: str, cited: int, reason: str) -> None:
    verdict = swaps(sentence, cited)
    assert verdict.status is SentenceStatus.UNSUPPORTED
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("Part-time employees receive 14 days of leave [1].", 1),
        ("The maker Toyota tested its batteries for 10 years [2].", 2),
        ("Le contrat ne peut pas être résilié [3].", 3),
        ("Die Frist beträgt 30 Tage [4].", 4),
        # every noun has a capital there: "Antragstellung" is a word that the passage lacks, and no name
        ("Die Frist zur Antragstellung beträgt 30 Tage [4].", 4),
    ],
)
def test_another_language_or_a_fact_in_its_place_raises_no_alarm(sentence: str, cited: int) -> None:
    verdict = swaps(sentence, cited)
    assert verdict.status is SentenceStatus.SUPPORTED, verdict.reason


def test_the_support_says_on_which_side_a_sentence_is() -> None:
    right, wrong = (
        check("Claims older than 90 days are not paid [2].", 2),
        check("Claims older than 90 days are paid [2].", 2),
    )
    assert 0.0 <= wrong.support < right.support <= 1.0
    assert check("The limit is 30 days.", 9).support >= wrong.support


PIECES = [
    *LEAVE.split(". "),
    *TRAVEL.split(". "),
    "Nobody said this",
    "27",
    "not",
    "[1]",
    "[2]",
    "[3]",
    "[1, 7]",
    "[99]",
    "\n- ",
    ". ",
    "第一条。",
    "é\u0301",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=14))
def test_no_citation_dangles_whatever_the_model_writes(pieces: list[str]) -> None:
    reader = SentenceReader(len(SOURCES))
    drafts = [draft for piece in pieces for draft in reader.feed(piece + " ")] + reader.finish()
    checker = SupportCheck(SOURCES, WordModel().encode)
    texts = {one.number: one for one in SOURCES}
    for draft in drafts:
        assert set(draft.cited) <= texts.keys()
        verdict = checker.check(draft.text, draft.cited)
        assert verdict.status is not SentenceStatus.SUPPORTED or verdict.citations
        for citation in verdict.citations:
            cited = texts[citation.source]
            assert citation.quote == cited.text[citation.start - OFFSET : citation.end - OFFSET] != ""
            assert (citation.document_id, citation.version) == (cited.document_id, cited.version)
            assert 0.0 <= citation.support <= 1.0


def test_a_minus_at_the_start_is_no_bullet() -> None:
    cold = source(1, "The storage temperature of the samples is -18 °C.", "Samples")
    for sentence, status in (
        ("-18 °C is the storage temperature of the samples [1].", SentenceStatus.SUPPORTED),
        ("- 18 °C is the storage temperature of the samples [1].", SentenceStatus.UNSUPPORTED),
    ):
        verdict = SupportCheck([cold], WordModel().encode).check(sentence, [1])
        assert verdict.status is status, verdict.reason


@pytest.mark.parametrize(
    "sentence",
    [
        "Sie können Ihren Resturlaub bis zum Jahresende nehmen [1].",
        "Bis zum Jahresende kann Ihr Resturlaub genommen werden [1].",
    ],
)
def test_a_formal_address_is_no_name(sentence: str) -> None:
    rule = "Der Resturlaub kann bis zum Jahresende genommen werden."
    verdict = SupportCheck([source(1, rule, "Urlaubsregeln")], WordModel().encode).check(sentence, [1])
    assert verdict.status is SentenceStatus.SUPPORTED, verdict.reason
