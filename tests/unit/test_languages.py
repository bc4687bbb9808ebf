"""Which language one sentence is in."""

import pytest

from retrieval.languages import language_of_sentence


@pytest.mark.parametrize(
    ("text", "otherwise", "expected"),
    [
        ("The notice period is six weeks.", "german", "english"),
        ("Die Frist beträgt 30 Tage.", None, "german"),
        ("Le contrat ne peut pas être résilié.", None, "french"),
        ("Срок не может быть продлён.", None, "russian"),
        # as many function words of one as of another: the passage decides
        ("Urlaub in Teilzeit", "german", "german"),
        ("Urlaub in Teilzeit", None, "english"),
        ("Heron 3", "german", "german"),
        ("Heron 3", None, "english"),
    ],
)
def test_its_words_decide_and_where_they_tell_too_little_the_passage(
    text: str, otherwise: str | None, expected: str
) -> None:
    assert language_of_sentence(text, otherwise) == expected
