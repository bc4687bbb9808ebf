"""Texts to terms: what is kept whole, what is made equal, and in which languages a query meets a passage."""

import unicodedata
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retrieval.analysis import Matcher, fold, passage_terms, query_terms
from retrieval.languages import ENGLISH, LANGUAGES, STOP_WORDS, language_of, languages_of_query, stop_words

MEGABYTE = 1_000_000


def shared(passage: str, query: str) -> set[str]:
    return set(passage_terms(passage)) & set(query_terms(query))


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("INC-1042", "inc-1042", {"inc", "1042"}),
        ("a.bee@x.example", "a.bee@x.example", {"bee", "x", "exampl"}),
        ("v2.3.1", "v2.3.1", {"v2", "3", "1"}),
        ("snake_case", "snake_case", {"snake", "case"}),
        ("27001:2022", "27001:2022", {"27001", "2022"}),
        ("10.0.0.1/24", "10.0.0.1/24", {"10", "0", "1", "24"}),
        ("CVE-2024-3094", "cve-2024-3094", {"cve", "2024", "3094"}),
    ],
)
def test_an_identifier_is_a_term_itself_and_so_are_its_parts(text: str, whole: str, parts: set[str]) -> None:
    assert set(passage_terms(f"See {text}, please.")) >= {whole} | parts
    assert whole in query_terms(text)


def test_an_identifier_is_told_from_another_of_the_same_parts() -> None:
    assert "inc-1042" not in passage_terms("The 1042 of INC")
    assert "inc-1042" not in query_terms("INC-1043")
    assert "2.3.1" in query_terms("version 2.3.1")
    assert "2.3.1" not in passage_terms("versions 2, 3 and 1")


def test_camel_case_is_found_by_its_words_and_as_one_word_in_any_case() -> None:
    terms = passage_terms("Call getUserName first, then watch YouTube.")
    assert {"get", "user", "name", "getusernam"} <= set(terms)
    assert shared("Call getUserName first.", "getusername")
    assert shared("Watch it on YouTube.", "youtube")
    assert shared("Watch it on youtube.", "YouTube")
    assert passage_terms("iOS") == passage_terms("IOS")


def test_a_standard_is_found_with_and_without_its_year() -> None:
    passage = "We are certified to ISO 27001:2022 since May."
    assert shared(passage, "ISO 27001:2022") == {"iso", "27001", "2022", "27001:2022"}
    assert shared(passage, "ISO 27001") == {"iso", "27001"}


def test_thousands_are_one_number_with_and_without_commas() -> None:
    assert passage_terms("1,000") == passage_terms("1000") == ["1000"]
    assert passage_terms("12,345,678.90")[-1] == "12345678.90"
    assert passage_terms("1,00 or 1,0000") == ["1", "00", "1", "0000"]
    assert passage_terms("2019,100") == ["2019", "100"]
    assert passage_terms("12,5, 7,6 and ２，０００ or ١,٢٣٤") == ["12", "5", "7", "6", "2000", "١٢٣٤"]


def test_hyphenated_words_are_their_words() -> None:
    assert passage_terms("a well-known follow-up") == ["well", "known", "follow", "up"]


def test_a_possessive_is_the_word() -> None:
    assert passage_terms("the manager's and the manager’s") == passage_terms("manager manager")


@pytest.mark.parametrize("text", ["Résumé", "RÉSUMÉ", "resume", "Re\u0301sume\u0301"])
def test_accents_and_case_make_no_difference(text: str) -> None:
    assert passage_terms(f"the {text}") == passage_terms("the resume")
    assert fold(text) == "resume"


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_unicode_forms_are_equal(form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> None:
    text = "Die Kündigungsfrist der Geschäftsführung für die Über­stunden ist 30 Tage, ½ Jahr"
    assert passage_terms(unicodedata.normalize(form, text)) == passage_terms(unicodedata.normalize("NFC", text))


def test_full_width_and_ligatures_are_the_plain_letters() -> None:
    assert passage_terms("ＩＮＣ－１０４２") == passage_terms("INC-1042")
    assert passage_terms("the ﬁle oﬃce") == passage_terms("the file office")


INFLECTED = {
    "english": ("The employees were reimbursed for their travelling.", "How is an employee reimbursed?"),
    "german": (
        "Die Kündigungsfristen für die Beschäftigten sind im Vertrag vereinbart.",
        "Wie ist die Kündigungsfrist für einen Beschäftigten?",
    ),
    "french": (
        "Les remboursements des frais sont versés par la banque aux salariés.",
        "Quel est le remboursement pour un salarié ?",
    ),
    "spanish": (
        "Los empleados de la empresa son reembolsados por los viajes.",
        "¿Cómo es reembolsado el empleado por un viaje?",
    ),
    "italian": (
        "I dipendenti della società sono rimborsati per le trasferte.",
        "Come è rimborsata la trasferta del dipendente?",
    ),
    "portuguese": (
        "Os funcionários da empresa são reembolsados pelas viagens.",
        "Como é reembolsado o funcionário por uma viagem?",
    ),
    "dutch": (
        "De werknemers van het bedrijf krijgen de vergoedingen voor het reizen.",
        "Wat is de vergoeding voor een werknemer?",
    ),
    "russian": (
        "Сотрудники получают отпуска и больничные по договорам с компанией.",
        "Как сотрудник получает отпуск по договору?",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_meets_a_passage_of_its_language_in_other_inflections(language: str) -> None:
    passage, query = INFLECTED[language]
    assert language_of(passage) == language
    assert len(shared(passage, query)) >= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_function_words_are_no_terms_of_a_text_in_their_language(language: str) -> None:
    passage, query = INFLECTED[language]
    folded = {fold(word) for word in STOP_WORDS[language]}
    assert not set(passage_terms(passage)) & folded
    assert languages_of_query(query)[0] == ENGLISH
    assert language in languages_of_query(query)


@pytest.mark.parametrize("query", ["Kündigungsfrist", "kuendigung kündigungsfrist beschäftigter", "KÜNDIGUNGSFRISTEN"])
def test_a_query_without_function_words_meets_a_german_passage(query: str) -> None:
    assert languages_of_query(query) == LANGUAGES
    assert shared(INFLECTED["german"][0], query)


def test_a_function_word_that_several_languages_share_does_not_decide() -> None:
    assert {ENGLISH, "german"} < set(languages_of_query("Kündigungsfristen in Deutschland"))
    assert shared("Die Kündigungsfrist in Deutschland ist für uns der Standard.", "Kündigungsfristen in Deutschland")


def test_a_word_that_is_a_function_word_elsewhere_is_searched_for_where_it_may_be_the_subject() -> None:
    for query in ("war", "die casting", "pour point"):
        assert query_terms(query)[0] == query.split()[0]
    assert stop_words(LANGUAGES) == frozenset()


def test_a_query_in_english_is_stemmed_as_english_alone() -> None:
    assert languages_of_query("How long is the notice period?") == (ENGLISH,)
    assert query_terms("How long is the notice period?") == ["long", "notic", "period"]


def test_a_text_without_function_words_has_no_language() -> None:
    assert language_of("INC-1042 Kubernetes") is None
    assert language_of("") is None


def test_one_foreign_word_does_not_make_an_english_text_foreign() -> None:
    assert language_of("The die is cast and it was made in Germany") == ENGLISH


def test_cyrillic_is_russian_also_without_function_words() -> None:
    assert language_of("Отпуск") == "russian"
    assert languages_of_query("Отпуск") == (ENGLISH, "russian")


@pytest.mark.parametrize(
    ("passage", "query"),
    [
        ("従業員は年間20日の有給休暇を取得できます。", "有給休暇"),
        ("员工每年可以享受二十天带薪年假。", "带薪年假"),
        ("직원은 연간 20일의 유급휴가를 사용할 수 있습니다.", "유급휴가"),
    ],
)
def test_east_asian_texts_meet_by_pairs_of_characters(passage: str, query: str) -> None:
    assert set(query_terms(query)) == {query[i : i + 2] for i in range(len(query) - 1)}
    assert set(query_terms(query)) <= set(passage_terms(passage))


def test_a_single_east_asian_character_and_latin_beside_them_are_terms_too() -> None:
    assert passage_terms("猫") == ["猫"]
    assert passage_terms("東京office計画") == ["東京", "計画", "office"]


@pytest.mark.parametrize("text", ["", " \n\t", "…!? — §", "the of and", "der die das und"])
def test_texts_of_nothing_but_marks_or_function_words_have_no_terms(text: str) -> None:
    assert passage_terms(text) == []
    assert [term for term in query_terms(text) if fold(term) not in STOP_WORDS["german"]] == []


def test_a_word_of_a_megabyte_is_cut_and_not_kept_whole() -> None:
    (term,) = passage_terms("a" * MEGABYTE)
    assert len(term) <= 64


def test_a_long_address_is_its_words_to_the_end() -> None:
    address = "https://intranet.larkmoor.example/people/handbook/2026/working-abroad/insurance/certificates"
    assert {"intranet", "handbook", "2026", "insur", "certif"} <= set(passage_terms(address))


def test_a_query_s_terms_are_distinct_and_in_order() -> None:
    assert query_terms("the notice of the period of notice") == ["notic", "period"]


@pytest.mark.parametrize("query", ["parental leaves", "Kündigungsfristen", "how long is the notice period", "INC-1042"])
def test_a_matcher_finds_what_the_terms_say_is_there(query: str) -> None:
    for text in (*(passage for passage, _ in INFLECTED.values()), "The parental leave of INC-1042", query):
        matcher = Matcher(query)
        found = {number for _, number in matcher.places(text)}
        assert bool(found) == bool(set(query_terms(text)) & set(query_terms(query)))


def test_a_matcher_counts_a_word_once_however_many_languages_it_may_be_in() -> None:
    assert languages_of_query("parental leave duration") == LANGUAGES
    matcher = Matcher("parental leave duration")
    assert len(matcher.terms) == 3
    assert matcher.places("The duration of parental leaves") == [(1, 2), (3, 0), (4, 1)]


def test_a_matcher_meets_a_word_in_either_of_two_inflections() -> None:
    matcher = Matcher("leave or leaves")
    assert len(matcher.terms) == 1


def test_a_matcher_says_where_a_word_stands_whatever_its_repeats() -> None:
    matcher = Matcher("what is the notice")
    assert matcher.places("notice, the notice") == [(0, 0), (2, 0)]
    assert matcher.places("notice, the notice") == [(0, 0), (2, 0)]
    assert matcher.places("") == []


@given(st.text(max_size=200))
@example("'s")
@example("a’s b'S")
@example("İstanbul ẞ ǅ \ud800")
@example("1,000,")
@example("_____ __a__")
@settings(deadline=None)
def test_no_text_is_too_strange(text: str) -> None:
    for term in passage_terms(text):
        assert term
        assert len(term) <= 4 * 64  # a letter may fold to several
    matcher = Matcher(text)
    assert len(matcher.terms) <= len(query_terms(text))
    assert {number for _, number in matcher.places(text)} == set(range(len(matcher.terms)))
