"""Which sentences of two documents disagree, which only differ, and what the answer says of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from retrieval.conflict_notes import citation_of, noted
from retrieval.conflicts import MOST, disagreements, newest
from retrieval.reading import Reading, read
from retrieval.transcript import Transcript
from retrieval.types import Hit, SentenceStatus
from tests.in_memory import WordModel
from tests.unit.test_extractive import hit

LEAVE = "How many days of annual leave do full-time employees receive?"


def changed(one: Hit, year: int) -> Hit:
    return replace(one, document=replace(one.document, modified_at=datetime(year, 1, 1, tzinfo=UTC)))


def reading_of(question: str, *texts: str) -> Reading:
    hits = [hit(text, rank=number, name=f"d{number}") for number, text in enumerate(texts, start=1)]
    return read(question, hits, WordModel().encode)


def values(question: str, one: str, other: str) -> tuple[str, str] | None:
    found = disagreements(reading_of(question, one, other), [0])
    return (found[0].first.words, found[0].second.words) if found else None


@pytest.mark.parametrize(
    ("question", "one", "other", "said"),
    [
        (
            LEAVE,
            "Full-time employees receive 25 days of annual leave.",
            "Full-time employees receive 28 days of annual leave.",
            ("25 days", "28 days"),
        ),
        (
            "How long must a password be?",
            "A password must be at least 12 characters long.",
            "A password must be at least 14 characters long.",
            ("12 characters", "14 characters"),
        ),
        (
            "What does the parking card cost?",
            "The parking card costs €40 a month.",
            "The parking card costs €45.50 a month.",
            ("€40", "€45.50"),
        ),
        (
            "When does the office open?",
            "The main office in town opens at 8:30 on workdays.",
            "The main office in town opens at 9:00 on workdays.",
            ("8:30", "9:00"),
        ),
        (
            "When do expense claims close?",
            "Expense claims for the year close on 15 December.",
            "Expense claims for the year close on 20 December.",
            ("15 December", "20 December"),
        ),
        (
            "Which extension is the helpdesk?",
            "Call the helpdesk on extension 7700.",
            "Call the helpdesk on extension 7701.",
            ("7700", "7701"),
        ),
    ],
)
def test_two_documents_that_give_different_values_disagree(
    question: str, one: str, other: str, said: tuple[str, str]
) -> None:
    assert values(question, one, other) == said


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        # The same, written in another way.
        (LEAVE, "Employees receive 25 days of annual leave.", "Employees receive twenty-five days of annual leave."),
        ("What did it cost?", "The roof cost 1,500,000 euros.", "The roof cost 1.5 million euros."),
        ("When does it close?", "The archive closes on 3 May 2024.", "The archive closes on 2024-05-03."),
        # Two matters.
        ("How long does a probe last?", "A Heron 2 probe lasts 3 years.", "A Heron 3 probe lasts 5 years."),
        ("When did Oslo open?", "The Oslo branch opened at 9:00.", "The Bergen branch opened at 8:00."),
        # Different kinds of value.
        (LEAVE, "Employees receive 25 days of annual leave.", "Employees receive 2 weeks of parental leave."),
        # One knows more than the other.
        (
            LEAVE,
            "Employees receive 25 days of annual leave.",
            "Employees receive 25 days of annual leave, 30 days from the tenth year on.",
        ),
        # Nothing in common but the unit.
        (LEAVE, "Employees receive 25 days of annual leave.", "The lift is repaired within 3 days."),
        # Not what was asked.
        ("Who repairs the lift?", "The lift is repaired by Otis.", "The lift is repaired within 3 days."),
    ],
)
def test_what_only_differs_is_no_conflict(question: str, one: str, other: str) -> None:
    assert values(question, one, other) is None


def test_what_holds_for_another_country_than_the_one_asked_about_contradicts_nothing() -> None:
    question = "How many days of annual leave do full-time employees in Germany receive?"
    hits = [
        hit(f"Full-time employees receive {days} days of annual leave.", rank=rank, name=country, title=country)
        for rank, (country, days) in enumerate((("Germany", 30), ("Portugal", 22)), start=1)
    ]
    reading = read(question, hits, WordModel().encode)
    assert disagreements(reading, [0, 1]) == disagreements(reading, [1]) == []


def test_what_titles_tell_apart_by_a_number_is_two_matters() -> None:
    question = "How many chairs has the meeting area for guests?"
    texts = [f"In room {n} the meeting area has {chairs} chairs for guests." for n, chairs in ((4, 12), (9, 15))]
    rooms = [hit(text, rank=n, name=f"d{n}", title=f"Room {n}") for n, text in zip((4, 9), texts, strict=True)]
    assert disagreements(read(question, rooms, WordModel().encode), [0]) == []
    untold = [hit(text, rank=n, name=f"d{n}") for n, text in enumerate(texts, start=1)]
    assert disagreements(read(question, untold, WordModel().encode), [0]) != []


def test_a_number_within_another_one_is_not_taken_for_it() -> None:
    said = values(
        "How many passes does a visitor receive?",
        "Within 15 days a visitor receives 5 passes for the site.",
        "Within 15 days a visitor receives 6 passes for the site.",
    )
    assert said == ("5 passes", "6 passes")


def test_a_document_does_not_disagree_with_itself() -> None:
    text = "Employees receive 25 days of annual leave. Employees receive 28 days of annual leave."
    assert disagreements(reading_of(LEAVE, text), [0]) == []


def test_the_newer_document_speaks_and_the_note_says_so() -> None:
    old = changed(hit("Employees receive 25 days of annual leave.", name="old"), 2023)
    new = changed(hit("Employees receive 28 days of annual leave.", rank=2, name="new"), 2025)
    reading = read(LEAVE, [old, new], WordModel().encode)
    found = disagreements(reading, [0])
    assert newest([0], found) == newest([0, 1], found) == [1]
    assert found[0].note(reading) == "The sources do not agree: 28 days [2]; 25 days [1]; [2] is the newer one."


def test_what_was_superseded_is_named() -> None:
    old = hit("Employees receive 25 days of annual leave.", name="old")
    old = replace(old, document=replace(old.document, superseded_by="new"))
    new = hit("Employees receive 28 days of annual leave.", rank=2, name="new")
    reading = read(LEAVE, [old, new], WordModel().encode)
    (found,) = disagreements(reading, [1])
    assert newest([1], [found]) == [1]
    assert found.note(reading) == "The sources do not agree: 28 days [2]; 25 days [1]; [1] has been superseded."


def test_where_nobody_knows_which_is_newer_both_stay_as_they_are() -> None:
    reading = reading_of(LEAVE, "Employees receive 25 days of leave.", "Employees receive 28 days of leave.")
    found = disagreements(reading, [0])
    assert newest([0], found) == [0]
    assert found[0].note(reading) == "The sources do not agree: 25 days [1]; 28 days [2]."


def test_the_note_is_in_the_language_of_the_question() -> None:
    reading = reading_of(
        "Wie viele Tage Urlaub haben die Angestellten?",
        "Die Angestellten haben 25 Tage Urlaub.",
        "Die Angestellten haben 28 Tage Urlaub.",
    )
    (found,) = disagreements(reading, [0])
    assert found.note(reading).startswith("Die Quellen widersprechen sich: 25 Tage [1]; 28 Tage [2]")


def test_a_list_of_differences_is_no_answer() -> None:
    texts = [f"Employees receive {20 + number} days of annual leave." for number in range(5)]
    assert len(disagreements(reading_of(LEAVE, *texts), [0])) == MOST


def cited(reading: Reading, *units: int) -> Transcript:
    transcript = Transcript("answer", "conversation")
    for unit in units:
        text = reading.units[unit].text
        transcript.add(" ", text, SentenceStatus.SUPPORTED, (citation_of(reading, unit),))
    return transcript


def test_the_answer_says_it_with_both_sides_quoted() -> None:
    texts = ("Employees receive 25 days of annual leave.", "Employees receive 28 days of annual leave.")
    reading = reading_of(LEAVE, *texts)
    transcript = cited(reading, 0)
    assert len(noted(reading, transcript)) == 2
    answer = transcript.done().answer
    assert answer.conflicts[0].sources == (1, 2)
    assert answer.sentences[-1].text == answer.conflicts[0].note
    assert tuple(citation.quote for citation in answer.sentences[-1].citations) == texts


def test_what_cites_both_sides_has_said_it_already() -> None:
    reading = reading_of(LEAVE, "Employees receive 25 days of leave.", "Employees receive 28 days of leave.")
    transcript = cited(reading, 0, 1)
    assert noted(reading, transcript) == []
    assert transcript.done().answer.conflicts[0].sources == (1, 2)


def test_what_it_cites_of_a_superseded_document_is_said_once() -> None:
    old = hit("Bicycles are kept in the green shed. Bicycles are locked at night.", name="old", title="Rules 2023")
    old = replace(old, document=replace(old.document, superseded_by="new"))
    new = hit("Bicycles are kept in the blue shed.", rank=2, name="new", title="Rules 2024")
    reading = read("Where are bicycles kept?", [old, new], WordModel().encode)
    transcript = cited(reading, 0, 1)
    assert len(noted(reading, transcript)) == 2
    answer = transcript.done().answer
    assert [(conflict.sources, conflict.note) for conflict in answer.conflicts] == [
        ((1, 2), "“Rules 2023” has been superseded by “Rules 2024”.")
    ]
    assert (answer.sentences[-1].status, answer.sentences[-1].citations) == (SentenceStatus.NO_CLAIM, ())
    alone = read("Where are bicycles kept?", [old], WordModel().encode)
    transcript = cited(alone, 0)
    noted(alone, transcript)
    assert transcript.conflicts[0].note == "“Rules 2023” has been superseded by a newer document."
