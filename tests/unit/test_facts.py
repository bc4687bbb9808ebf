"""Numbers, dates, names, codes and denials: what is read, what is missing, what contradicts."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retrieval.binding import read_words
from retrieval.dates import take_dates
from retrieval.facts import count_facts, read_facts
from retrieval.number_words import number_words
from retrieval.polarity import contradiction
from retrieval.quantities import number_values, quantities, take_times
from tests.unit.counting import operations
from tests.unit.facts import missing


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("You get 30 days.", "Employees get 30 days of leave."),
        ("You get 30 days.", "Employees get thirty days of leave."),
        ("It costs €1,200.", "The price is 1200 euros."),
        ("It costs 1,200.50 euros.", "Der Preis beträgt 1.200,50 Euro."),
        ("The fee is 5%.", "A fee of five percent is taken."),
        ("It cost 1.2 million.", "The cost was 1,200,000 in all."),
        ("It starts on 12 March 2024.", "Start: 2024-03-12."),
        ("It starts on March 12, 2024.", "Start: 12.03.2024."),
        ("It starts in March 2024.", "It starts on 12 March 2024."),
        ("It starts on 12 March 2024.", "In 2024 there were changes. It starts on 12 March."),
        ("Anna Schmidt approves it.", "Requests go to Ms Schmidt, Anna."),
        ("Write to hr@larkmoor.example.", "The address is HR@larkmoor.example, always."),
        ("See form HR-12.", "Form HR-12 is on the intranet."),
        ("Heron 3 weighs more.", "The Heron 3 weighs 2 kg."),
        ("The price of Heron 3 rose.", "The Heron 3 is dearer now."),
        ("One of them is free.", "They are free."),
        ("Almost 300 people came.", "There came 300 people."),
        ("It opens at 6 p.m. and closes at 8:30 p.m.", "Open 18:00 to 20:30."),
        ("The Seattle Grace-Mercy hospital is meant.", "The hospital Seattle Grace Mercy."),
        ("The Berliner office closes.", "Our office in Berlin closes."),
        ("Half of it is paid.", "50 percent is paid."),
    ],
)
def test_a_fact_is_found_however_it_is_written(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage", "what"),
    [
        ("You get 31 days.", "Employees get 30 days of leave.", "31"),
        ("You get 30 weeks.", "Employees get 30 days of leave.", "30"),
        ("It costs €1,200.", "The price is $1,200.", "1,200"),
        ("It cost 1.2 billion.", "It cost 1.2 million.", "1.2"),
        ("It starts on 13 March 2024.", "It starts on 12 March 2024.", "13 March 2024"),
        ("It starts on 12 April 2024.", "It starts on 12 March 2024.", "12 April 2024"),
        ("It starts on 12 March 2025.", "It starts on 12 March 2024.", "12 March 2025"),
        ("It is approved by Anna Schmidt.", "It is approved by Maria Schmidt.", "anna"),
        ("The office in Lisbon opens.", "The office in Porto opens.", "lisbon"),
        ("Write to it@larkmoor.example.", "Write to hr@larkmoor.example.", "it@larkmoor.example"),
        ("The cause of INC-1077 is known.", "The cause of INC-1042 is known.", "inc-1077"),
        ("The price of Heron 4 rose.", "The price of Heron 3 rose by 4 percent.", "heron 4"),
        ("It is closed on Mondays.", "It is closed on Sundays.", "mondays"),
        ("It opens at 6:15 p.m.", "It opens at 6 p.m. and closes at 8:15 p.m.", "6:15 p.m."),
    ],
)
def test_a_changed_fact_is_missing(claim: str, passage: str, what: str) -> None:
    assert what in missing(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage", "what"),
    [
        ("Die Frist zur Antragstellung endet bald.", "Der Antrag ist bald zu stellen.", []),
        ("Der Antrag geht an Anna Schmidt.", "Der Antrag geht an Frau Meier.", ["anna", "schmidt"]),
        ("Der Antrag geht an das BAFA.", "Der Antrag geht an das Amt.", ["bafa"]),
        ("The request goes to Antragstellung.", "The request goes to the office.", ["antragstellung"]),
    ],
)
def test_where_every_noun_has_a_capital_one_alone_is_no_name(claim: str, passage: str, what: list[str]) -> None:
    assert missing(claim, passage) == what


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It is sold in the USA.", "It is sold in the United States of America."),
        ("It is sold in the USA.", "It is sold in the United States."),
        ("The ECB decides.", "The European Central Bank decides."),
        ("PlayStation3 had two models.", "The PlayStation 3 had two models."),
        ("Apply at Register.example.gov today.", "Apply at register.example.gov."),
        ("It opens at 6:30 p.m.", "It opens at 6 : 30 p.m."),
        ("Today I've paid.", "Paid today."),
    ],
)
def test_a_short_form_or_another_spelling_is_the_same_fact(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    "claim", ["The ML team approves it.", "The BCE decides.", "PlayStation2 had two models.", "It is sold in the UAE."]
)
def test_another_short_form_is_missing(claim: str) -> None:
    passage = (
        "The European Central Bank decides. The PlayStation 3 had two models, sold in the United States of America."
    )
    assert missing(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("There is a 30-day notice period.", "The notice period is 30 days."),
        ("The notice period is 30 days.", "A 30-day notice period applies."),
        ("Full time is 37.5 hours.", "Full time is 37.5h a week."),
        ("Full time is 37.5h a week.", "Full time is 37.5 hours."),
        ("It cost €2.5bn.", "It cost 2.5 billion euros."),
        ("It cost €2.5 billion.", "It cost €2.5bn."),
        ("Revenue was $5m.", "Revenue was $5 million."),
        ("Revenue was 5 million dollars.", "Revenue was $5m."),
        ("Es kostet 2,5 Mio. €.", "It costs 2.5 million euros."),
        ("Es kostet 3 Milliarden Euro.", "It costs EUR 3bn."),
        ("You get 2 weeks.", "You get 14 days."),
        ("It takes 24 months.", "It takes two years."),
        ("It weighs 1,500 kg.", "Il pèse 1 500 kg."),
        ("Il pèse 1 500 kg.", "It weighs 1,500 kg."),
        ("Le budget est de 12 000 euros.", "The budget is €12,000."),
        ("Le prix est de 1 234,50 €.", "The price is 1,234.50 euros."),
        ("Vous avez 30 jours.", "Article 2 : 30 jours de congé."),
        ("You have 30 days.", "Article 2 : 30 jours de congé."),
        ("Valid from 1 March 2024.", "Valable dès le 1er mars 2024."),
        ("Valable dès le 1er mars 2024.", "Valid from 1 March 2024."),
        ("It starts on 15 March 2024.", "Beginn: 15.03.24."),
        ("It starts on 1 March 2024.", "A partir del 1 de marzo de 2024."),
        ("The server is 10.0.0.53.", "Server: 10.0.0.53, port 22."),
        ("See section 4.2.1.", "4.2.1 Rules of leave"),
        ("Version 2.4.1 fixes it.", "Fixed in v2.4.1."),
        ("Fixed in v2.4.1.", "Version 2.4.1 fixes it."),
        ("Fixed in v2.", "Version 2 fixes it."),
        ("Up to 5 may be carried over.", "Up to 5 days may be carried over."),
        ("You may carry over 5.", "Up to 5 may be carried over."),
        ("Um 9 Uhr öffnet es.", "Es öffnet um 9:00 Uhr."),
        ("It opens at 9:00.", "Es öffnet um 9 Uhr."),
        ("It opens at 9 a.m.", "Es öffnet um 9 Uhr."),
        ("It opens at 9.30 am.", "Open from 9:30."),
        ("Ouvert dès 9h30.", "Open from 9:30."),
        ("Ouvert dès 9 h 30.", "Open from 9:30 a.m."),
        ("Open from 9 to 5.", "Open from 9 a.m. to 5 p.m."),
        ("Open from 9:00 to 17:00.", "Geöffnet 9-17 Uhr."),
        ("Open from 9 am.", "Open 9 to 5 p.m."),
        ("Closed on 24 December.", "Closed 24-26 December."),
        ("Closed on 26 December 2024.", "Closed 24–26 December 2024."),
        ("Closed 24-26 December.", "Closed from 24 December to 26 December."),
        ("Closed on December 25 and 26.", "Closed December 25-26."),
        ("It changed in mid-2024.", "In the middle of 2024 it changed."),
        ("5-10km away.", "It is 5 to 10 km away."),
        ("Speed is 50km/h.", "Speed is 50 km/h."),
        ("A 3-year-old child.", "Children of 3 years."),
        ("It uses 1,200kWh.", "It uses 1,200 kWh."),
        ("It was 12,34,567 rupees.", "It was 1,234,567 rupees."),
        ("It was 1.500.000 euros.", "It was 1,500,000 euros."),
        ("From 12/03/2024 to 15/03/2024.", "12.03.2024-15.03.2024"),
        ("Mes vacances durent 3 semaines.", "Holidays last 21 days."),
        ("It holds 2 TB.", "It holds 2TB."),
        ("A fee of CHF 5'000.", "A fee of 5,000 francs."),
        ("Open until 5 o'clock.", "Open until 17:00."),
    ],
)
def test_numbers_units_dates_and_times_are_one_in_every_spelling(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It cost 1,500.", "It cost 1,500,000."),
        ("It cost $5m.", "It cost $5 billion."),
        ("The server is 10.0.0.54.", "Server: 10.0.0.53."),
        ("Version 2.4.2 fixes it.", "Fixed in v2.4.1."),
        ("A 31-day period.", "A 30-day period."),
        ("A 30-week period.", "A 30-day period."),
        ("You get 3 weeks.", "You get 14 days."),
        ("Il pèse 1 600 kg.", "It weighs 1,500 kg."),
        ("It starts on 15 April 2024.", "Beginn: 15.03.24."),
        ("It opens at 9.30 pm.", "It opens at 9:30 am."),
        ("Um 10 Uhr.", "Um 9:00 Uhr."),
        ("Closed on 27 December.", "Closed 24-26 December."),
        ("See section 4.2.2.", "4.2.1 Rules of leave"),
        ("It cost €2.5bn.", "It cost €2.5m."),
        ("It starts on 3 December 2024.", "Start: 12.03.2024"),
        ("It cost 15.000.", "it cost 1.500.000"),
        ("37.5h a week", "35 hours a week"),
        ("Open from 9 to 6.", "Open from 9 a.m. to 5 p.m."),
        ("It cost 500 euros.", "It cost 1,500 euros."),
    ],
)
def test_another_number_date_time_or_version_is_missing(claim: str, passage: str) -> None:
    assert missing(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Sie erhalten 30 Tage Urlaub.", "Es gibt 30 Urlaubstage."),
        ("Contact Anna Schmidt for it.", "Anna Schmidt answers questions about it."),
        ("Mrs Keller signs it.", "Anna Keller signs it."),
        ("Ask O'Reilly.", "Ask O’Reilly."),
        ("It starts on 1 April 2026.", "start: 2026-04-01T08:00"),
        ("It waits for 500 milliseconds.", "It waits for 500 ms."),
        ("Version 2.4.10 fixed it.", "v2.4.10 fixed it."),
        ("Reminders are sent on March 1 and 2 weeks later.", "A first reminder: March 1; 2 weeks later another."),
        ("The trip takes 4 h 15 min.", "The trip takes 4 hours and 15 minutes."),
        ("You can use room 4 until 17:00.", "Room 4 is free till 17:00."),
        ("In room 12 300 people fit.", "Room 12: 300 people."),
    ],
)
def test_what_is_no_name_need_not_be_named(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


def test_both_readings_of_an_ambiguous_number_are_kept() -> None:
    (quantity,) = read_facts("It is 1.200 m long").quantities
    assert quantity.values == {Decimal("1.2"), Decimal(1200)}


def test_a_modal_verb_is_no_month() -> None:
    facts = read_facts("Up to 30 people may 12 times a year ask for it.")
    assert not facts.dates
    assert count_facts(facts) == 2


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Unused days may be carried over.", "Unused days may not be carried over."),
        ("Unused days cannot be carried over.", "Unused days may be carried over to the next year."),
        ("Contractors are never covered by it.", "Contractors are covered by it from the first day."),
        ("Give notice at least 3 months before.", "Give notice at most 3 months before."),
        ("The fee applies above 10,000 miles.", "The fee applies below 10,000 miles."),
        ("All managers must approve.", "Some managers must approve."),
        ("Training is optional.", "Training is mandatory."),
        ("Prices increased in May.", "Prices were reduced in May."),
    ],
)
def test_a_contradiction_is_seen(claim: str, passage: str) -> None:
    assert contradiction(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Unused days may be carried over.", "You may carry over unused days."),
        ("Contractors are not covered.", "Contractors are excluded from cover."),
        ("You get 30 days.", "You get 30 days. You do not get more in July."),
        ("Unused days may not be carried over.", "Nobody may carry over unused days."),
        ("It must not be shared.", "Sharing it is forbidden."),
        ("It is not only cheap but also good.", "It is cheap and good."),
        ("At least 3 months are needed.", "Give notice at least 3 months before, at most a year before."),
    ],
)
def test_what_agrees_is_no_contradiction(claim: str, passage: str) -> None:
    assert contradiction(claim, passage) is None


# Letters that are another's capital or small form, and digits that have no value or are of another script.
ODD = "ıİſKÅıſK❶➀⓵፩²½Ⅳ٣१１𝟗〇一\u0307\u0130\ud800\x00"
SAID = (
    *"one two six fıve ſix SİX twenty sıxty hundred thouſand million and half first fıfth sıxth dozen".split(),
    *"april Aprıl APRİL march févrıer FÉVRIER août märz auguſt sept may".split(),
    *"1 12 24 2024 03 1.200 1,5 99 6:30 ❶2 2❶ st nd th k % € $ £ ¥ eur USD km Km Kg °C days mınutes p.m. am".split(),
    *"Anna Schmidt ISTANBUL İstanbul Heron Heron-3 it@x.example www.x 's ’s I'".split(),
    *"zwei zweı drei dreihunderttauſend eine Million deux vingt-cınq cent mıllions neuf quatre-vingt".split(),
    *"Montag mıttwoch Mo–Fr Sun Frı lun.-mar. Q3 fırst third quarter FY26 2026Q1 Halbjahr mınus moins − °".split(),
    *" \n\t-–.,:;'’/()\u00a0\u202f\u2011",
    *ODD,
)
TEXTS = st.lists(st.sampled_from(SAID) | st.just(" ") | st.characters(), max_size=24).map("".join)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example("❶ Open the cover ❷ Press reset")
@example("➀ ⓵ ፩ ❶2 2❶ 1.❶ 1,٣")
@example("What is the fıve year plan?")
@example("ſix of SİXTY, two thouſand and fıfth")
@example("Due on 12 Aprıl 2024.")
@example("12 APRİL 2024, févrıer 2024, 3 auguſt")
@example("5K, 5 Km, $5 mınutes, 6 p.m.")
def test_any_text_can_be_read(text: str) -> None:
    for generous in (False, True):
        read_facts(text, generous=generous)
    read_words(text)
    for written, end, _ in number_words(text):
        assert text[:end].endswith(written)
    for taken, rest in (take_dates(text), take_times(text)):
        assert len(rest) == len(text)
        assert all(one.text in text for one in taken)
    assert all(quantity.text in text for quantity in quantities(text))
    assert all(value >= 0 for word in text.split() for value in number_values(word.lower()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("❶ Open it ❷ Press it", []),
        ("The fıve year plan", []),
        ("Due on 12 Aprıl 2024", ["12", "2024"]),
        ("Due on 12 APRIL 2024", ["12 APRIL 2024"]),
        ("Due on 12 FÉVRIER 2024", ["12 FÉVRIER 2024"]),
        ("İİİ and SIX days", ["SIX"]),
    ],
)
def test_a_letter_that_only_looks_alike_makes_no_number_and_no_month(text: str, expected: list[str]) -> None:
    facts = read_facts(text)
    assert [date.text for date in facts.dates] + [quantity.text for quantity in facts.quantities] == expected


@pytest.mark.parametrize(
    "unit", ["1,", "1.", "1 ", "A ", "A-", "a@", "a.", "www.", "12 May ", "Heron 4 ", "0" * 20 + " "]
)
def test_hostile_text_takes_linear_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: read_facts(unit * repeats))

    assert work(4000) < 2.6 * work(2000) + 2000
