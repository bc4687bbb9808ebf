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


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Frist endet am 31. März 2025.",
        "Die Frist endet am 31.\u00a0März 2025.",
        "DIE FRIST ENDET AM 31. MÄRZ 2025.",
        "Gültig ab 1. Nov. 2024 bis 31. Dez. 2024.",
        "Der Vertrag läuft ab dem 1. April 2025.",
        "Wir treffen uns am 31. August.",
        "Gezahlt wird am 1. und 15. März.",
        "Gezahlt wird am 1., 8. und 15. März.",
        "Geöffnet vom 1. bis 31. Mai.",
        "Geöffnet vom 1. - 31. Mai und vom 1. – 5. Juli.",
        "Die Zahlen für das 3. Quartal 2025 und das 1. Halbjahr liegen vor.",
        "Siehe den 2. Abschnitt, den 3. Absatz und das 4. Kapitel.",
        "Das Büro liegt in der 2. Etage, das Lager im 3. Stock und das Archiv im 1. OG.",
        "Im 19. Jahrhundert und im 20. Jh. war es anders.",
        "Ab Vollendung des 18. Lebensjahres gilt das.",
        "Ab der 24. Woche, am 5. Tag und im 6. Monat.",
        "Der Ausschuss tagt jeden 2. Dienstag im Monat.",
    ],
)
def test_a_german_ordinal_stays_with_its_month_or_noun(sentence: str) -> None:
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    "sentence",
    [
        "Es gibt z. B. Kaffee, z.B. Tee und z.\u00a0B. Wasser.",
        "Das sind d. h. Kunden, u. a. Berlin, u. U. Kosten, v. a. Firmen.",
        "Das machen i. d. R. Kunden und i.d.R. Firmen mit Bechern o. ä. Gefäßen.",
        "Art. 3 Abs. 2 S. 1 i. V. m. § 7 gilt.",
        "Karthago fiel 146 v. Chr. im Krieg.",
        "Preise inkl. Mehrwertsteuer, exkl. Versand, zzgl. Zoll, ggf. Gebühren, evtl. Porto bzw. Fracht.",
        "Es dauert ca. 5 Tage, max. 10 Tage oder min. 3 Tage.",
        "Die Kündigungsfrist beträgt mind. 3 Monate.",
        "Mind. 3 Monate vor dem Ende.",
        "Das gilt gem. § 5, gem. Art. 6, gem. Vertrag und lt. Vereinbarung.",
        "Die Gebühr beträgt max. EUR 500 oder ca. EUR 20.",
        "Siehe Nr. 3, Abs. 2, Art. 4, Ziff. 5, S. 6, Kap. 7 und Rn. 8.",
        "Die Art.-Nr. AB-12 und die Best.-Nr. 55 fehlen.",
        "Fragen Sie Hr. Müller, Fr. Schmidt oder Prof. Dr. Weber.",
        "Er wohnt in der Hauptstr. 5, früher Berliner Str. 12.",
        "Rufen Sie Tel. 030 123 oder Tel. +49 30 123 an.",
        "Der Umsatz stieg auf 1,5 Mio. Euro, dann auf 2 Mrd. US-Dollar und 3 Mio. €.",
        "Das Werk zählt 5 Mio. Menschen zu seinen Kunden.",
        "Nach 8 Std. Arbeit sind 30 Min. Pause nötig.",
        "Es gibt Tee, Saft usw. und auch Kuchen etc. für alle.",
        "M. Dupont et Mme. Durand arrivent.",
        "Appelez le tél. 01 23 45 ou le tél. : 01 23 46.",
        "Le 5 févr. 2025 et, p. ex. Paris, l'art. L. 1234-5 et l’art. 6 du code.",
        "die frist endet am 31. märz und kostet z. b. 5 mio. euro.",
    ],
)
def test_a_german_or_french_abbreviation_stays_with_what_follows(sentence: str) -> None:
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Das gilt usw.", "Danach folgt mehr."),
        ("Das gilt für Ärzte u. a.", "Das ist neu."),
        ("Gültig bis zum 31.", "Das ist so."),
        ("Gültig bis zum 31.", "Herr Meier weiß das."),
        ("Das war im Jahr 2024.", "Danach war Schluss."),
        ("Das war im Jahr 2024.", "März war kalt."),
        ("Der Preis stieg auf 3,50.", "Monat für Monat zahlen wir mehr."),
        ("Er zählte bis 31.", "Tag für Tag wurde es mehr."),
        ("Siehe Kapitel 3.", "Absatz 4 regelt das."),
        ("Sie war 12.", "Jahre später ging sie."),
        ("Der Umsatz beträgt 5 Mio.", "Danach fiel er."),
        ("Die Fahrt dauert 45 Min.", "Danach ist Pause."),
        ("Es war im 21. Jh.", "Danach war Schluss."),
        ("Der Hund gehört Max.", "Peter weiß das."),
    ],
)
def test_a_clear_end_after_a_german_number_or_abbreviation_stays_one(first: str, second: str) -> None:
    assert sentences(f"{first} {second}") == [first, second]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("It is a real gem.", "Built in 1929, it stands."),
        ("Keep that in mind.", "3 months are not long."),
        ("The house by Mies van der Rohe is a gem.", "Visitors love it."),
        ("It takes 5 min.", "Remove the lid."),
        ("We love modern art.", "Visitors come."),
        ("We asked Max.", "Peter knew."),
        ("We sell pens, etc.", "They are cheap."),
        ("Submit it to HR.", "Managers decide."),
        ("It takes 1 hr.", "Then rest."),
        ("The count is now 31.", "August was cold."),
        ("It is on page 12.", "September sales rose."),
        ("The index fell to 5.", "Stock prices rose."),
        ("It lists items 1 to 7.", "Tag them all."),
        ("The method returns a str.", "5 tests cover it."),
    ],
)
def test_english_words_that_german_abbreviates_to_still_end_a_sentence(first: str, second: str) -> None:
    assert sentences(f"{first} {second}") == [first, second]


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
    _check_spans(text)


def _check_spans(text: str) -> None:
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


@pytest.mark.parametrize(
    "unit",
    "1|1.|1. |31. und |1. - |31. August |31. März |12. Tag |z. B. |u. a. u. |mind. 3 |gem. |ä gem. X |5 Mio. X ".split(
        "|"
    ),
)
def test_long_german_lines_of_one_kind_are_handled(unit: str) -> None:
    assert split_sentences(unit * (100_000 // len(unit))) is not None


_GERMAN_PIECES = (
    "am |1.|31. |31.\u00a0|März |August |Tag |und |z. |B. |i. |d. |R. |u.|Mio. |gem. |§ 5 |Das |the |usw. |tél. |X |\n"
)


@given(st.lists(st.sampled_from(_GERMAN_PIECES.split("|")), max_size=40).map("".join))
def test_spans_of_german_pieces_ascend_and_cover_all(text: str) -> None:
    _check_spans(text)
