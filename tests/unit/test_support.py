"""The support check: what holds, what does not, and which words of the source are quoted for it."""

from datetime import UTC, datetime

import pytest

from retrieval.support import SupportCheck, Verdict, admits_ignorance, claims_something
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


@pytest.mark.parametrize(
    "sentence",
    [
        "I don't know.",
        "I could not find this in the documents.",
        "The sources do not contain information about that.",
        "The provided documents don’t mention a sabbatical.",
        "There is no information on this.",
    ],
)
def test_ignorance_is_recognised(sentence: str) -> None:
    assert admits_ignorance(sentence)


def test_denials_in_a_policy_are_not_ignorance() -> None:
    assert not admits_ignorance("Claims older than 90 days are not paid.")
    assert not admits_ignorance("Contractors have no right to annual leave.")
