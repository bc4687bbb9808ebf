"""Which sentences the extractive answer takes, over hits made by hand."""

from dataclasses import replace

import pytest

from retrieval.evidence import weigh
from retrieval.extractive import MAX_SENTENCES, select
from retrieval.reading import MAX_BLOCK, MAX_EMBEDDED, read, unit_spans
from retrieval.types import Chunk, DocumentView, Hit
from tests.in_memory import WordModel


def hit(
    text: str,
    *,
    rank: int = 1,
    title: str = "Handbook",
    name: str = "d",
    start: int = 0,
    headings: tuple[str, ...] = (),
) -> Hit:
    view = DocumentView(name, 1, title, None, "tests", name, "text/plain", None)
    chunk = Chunk(number=rank, text=text, start=start, end=start + len(text), heading_path=headings)
    return Hit(rank, 1.0 / rank, view, chunk, dense_score=0.6)


def chosen(question: str, *hits: Hit) -> list[str]:
    reading = read(question, hits, WordModel().encode)
    return [reading.units[index].text for index in select(reading, weigh(reading))]


def test_the_sentence_that_answers_is_taken_word_for_word() -> None:
    text = "Lunch is at noon. Full-time employees receive 27 days of annual leave. The car park is free."
    assert chosen("How many days of annual leave do employees receive?", hit(text)) == [
        "Full-time employees receive 27 days of annual leave."
    ]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Is smoking allowed in the building?", "Smoking is not allowed in the building."),
        ("Ist Rauchen im Gebäude erlaubt?", "Rauchen ist im Gebäude nicht erlaubt."),
        ("May employees use private laptops for work?", "Employees must not use private laptops for work!"),
    ],
)
def test_a_sentence_that_has_no_other_words_than_the_question_may_answer_it(question: str, answer: str) -> None:
    assert chosen(question, hit(f"Welcome to the site guide. {answer} The canteen serves lunch at noon.")) == [answer]


def test_where_more_than_yes_or_no_is_asked_for_such_a_sentence_is_none() -> None:
    text = "Smoking is allowed in the building. The place for it is the terrace on the third floor."
    assert chosen("Where is smoking allowed in the building?", hit(text)) == [
        "The place for it is the terrace on the third floor."
    ]


def test_a_heading_that_repeats_the_question_is_no_answer() -> None:
    text = "Smoking in the building\n\nIt is not allowed anywhere on the site."
    assert chosen("Is smoking allowed in the building?", hit(text)) == ["It is not allowed anywhere on the site."]


def test_at_most_four_sentences_are_taken_in_the_order_of_the_document() -> None:
    text = " ".join(f"Annual leave rule {word} applies to employees." for word in "one two three four five six".split())
    found = chosen("Which annual leave rules apply to employees?", hit(text))
    assert 1 <= len(found) <= MAX_SENTENCES
    assert found == sorted(found, key=text.index)


def test_offsets_are_those_of_the_document() -> None:
    text = "Lunch is at noon. Annual leave is 27 days."
    reading = read("How long is annual leave?", [hit(text, start=500)], WordModel().encode)
    (index,) = select(reading, weigh(reading))
    unit = reading.units[index]
    assert text[unit.start - 500 : unit.end - 500] == unit.text == "Annual leave is 27 days."


def test_a_list_comes_whole_with_its_lead_in() -> None:
    text = (
        "Taxis are paid at night.\nAn expense claim needs:\n- a receipt\n- the claim form\n- a cost centre\n\nAsk HR."
    )
    assert "An expense claim needs:\n- a receipt\n- the claim form\n- a cost centre" in chosen(
        "What does an expense claim need?", hit(text)
    )


def test_a_long_list_falls_into_its_items() -> None:
    items = "\n".join(f"- item {number} of the claim list with some more words" for number in range(30))
    spans = unit_spans(f"A claim needs:\n{items}")
    assert len(spans) == 31
    assert all(end - start <= MAX_BLOCK for start, end in spans)


def test_what_two_documents_say_alike_is_said_once() -> None:
    sentence = "Full-time employees receive 27 days of annual leave."
    found = chosen(
        "How many days of annual leave do employees receive?", hit(sentence), hit(sentence, rank=2, name="e")
    )
    assert found == [sentence]


def test_sentences_that_differ_in_a_number_are_both_kept() -> None:
    found = chosen(
        "How long is the warranty of Heron probes?",
        hit("The warranty of a Heron 2 probe is long. The warranty of a Heron 3 probe is long."),
    )
    assert len(found) == 2


def test_headings_and_questions_announce_and_are_no_answer() -> None:
    faq = hit("## Laptops\nWhen do I get a new laptop?\nAfter 48 months.\nLunch is at noon.", headings=("Laptops",))
    assert chosen("When do I get a new laptop?", faq) == ["After 48 months."]


def test_only_the_row_that_is_asked_for_is_shown() -> None:
    rows = "Place | Price\nPlace: London | Price: 190\nPlace: Porto | Price: 120\nPlace: Dunmere | Price: 99"
    assert chosen("What is the price for the place London?", hit(rows)) == ["Place: London | Price: 190"]


def test_nothing_but_headings_gives_nothing() -> None:
    assert chosen("What about laptops?", hit("## Laptops", headings=("Laptops",))) == []
    assert chosen("What about laptops?") == []


def test_overlapping_chunks_are_read_once() -> None:
    text = "Annual leave is 27 days. Sick leave has no limit. Lunch is at noon."
    first = hit(text[:49])
    second = replace(hit(text[25:], rank=2, start=25), document=first.document)
    reading = read("leave", [first, second], WordModel().encode)
    assert [unit.text for unit in reading.units] == [
        "Annual leave is 27 days.",
        "Sick leave has no limit.",
        "Lunch is at noon.",
    ]


def test_only_the_units_nearest_by_words_are_embedded() -> None:
    asked: list[int] = []

    def embed(texts: object) -> object:
        asked.append(len(texts))  # type: ignore[arg-type]
        return WordModel().encode(texts)  # type: ignore[arg-type]

    many = [
        hit(" ".join(f"Sentence {n} of document {rank}." for n in range(30)), rank=rank, name=f"d{rank}")
        for rank in range(1, 9)
    ]
    reading = read("What does sentence 3 say?", many, embed)  # type: ignore[arg-type]
    assert asked == [MAX_EMBEDDED + 1]
    assert len(reading.units) == 240
