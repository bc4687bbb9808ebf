"""Negations and quantifiers: what contradicts, what agrees, and that a rule of one language spares the others."""

import pytest

from retrieval.polarity import contradiction
from tests.unit.counting import operations

LONG = (
    "The storage pool is limited to 200 TB for each policy. Snapshots are encrypted by default and copied to another "
    "region every night. The service does not provide automatic failover."
)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Snapshots are not encrypted by default.", LONG),
        ("The service provides automatic failover.", LONG),
        ("Snapshots aren't copied to another region.", LONG),
        ("Snapshots are never copied to another region.", LONG),
        ("The pool has no limit of 200 TB for each policy, and the storage is not limited.", LONG),
        ("You don't have to rate-limit requests from the proxy.", "Rate-limit requests from the proxy."),
        ("Rate-limit requests from the proxy.", "Do not rate-limit requests from the proxy."),
        ("Membership is open without a fee.", "Membership is open with a fee."),
        ("No managers approve travel.", "All managers approve travel."),
        ("All shorelines have two tides a day.", "Most shorelines have two tides a day."),
        ("Few shorelines have two tides a day.", "Most shorelines have two tides a day."),
        ("The verdict is always unanimous.", "The verdict is generally unanimous."),
        ("The verdict is never unanimous.", "The verdict is often unanimous."),
        ("Candidates must be at most 30 years old.", "A candidate must be at least 30 years old to stand."),
        ("Members are 18 years or younger.", "Members are 18 years or older."),
        ("It burned less than 4 million acres.", "It burned more than 4 million acres of land."),
        ("Neither parent signs the form.", "Both parents sign the form."),
        ("Der Urlaub kann nicht übertragen werden.", "Der Urlaub kann bis März übertragen werden."),
        ("Der Urlaub kann übertragen werden.", "Der Urlaub kann nicht übertragen werden."),
        ("Le contrat peut pas être résilié.", "Le contrat peut être résilié."),
        ("El contrato no puede cancelarse.", "El contrato puede cancelarse."),
    ],
)
def test_a_contradiction_is_seen(claim: str, passage: str) -> None:
    assert contradiction(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Snapshots are encrypted by default.", LONG),
        ("The service lacks automatic failover.", LONG),
        ("Failover is not automatic.", LONG),
        ("The roof was not completed until July.", "The stadium opened with an incomplete roof, completed in July."),
        ("He is not able to pay.", "He is unable to pay."),
        ("You do not have to publish it.", "You don't need to publish it."),
        ("All employees must sign.", "Employees must sign."),
        ("Employees must sign.", "All employees must sign."),
        ("It does not necessarily belong to the team.", "It does not necessarily belong to the higher-seeded team."),
        ("At least 30 people are needed, at most 50.", "At least 30 and at most 50 people are needed."),
        ("The first quarter ends in March.", "The last day of the first quarter is in March."),
        ("More than 4% of the land burned.", "In 2020 more than 4% burned, less than 1% of it in parks."),
    ],
)
def test_what_agrees_is_no_contradiction(claim: str, passage: str) -> None:
    assert contradiction(claim, passage) is None


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        # "die", "mai", "sin", "non", "no" and "under" deny or limit in one language and not in another
        ("Die Frist endet im Mai.", "Die Frist endet am 31. Mai."),
        (
            "It is a non-profit project, and sin is no matter of law.",
            "It is a non-profit project; sin is no matter of law.",
        ),
        ("O formulário está no portal.", "O formulário fica no portal da empresa."),
        ("La scadenza è a fine mese.", "La scadenza è a fine mese, non oltre."),
        ("Op kantoor is er under the table een lamp.", "Op kantoor is er over the table een lamp."),
    ],
)
def test_another_language_is_not_read_by_english_rules(claim: str, passage: str) -> None:
    assert contradiction(claim, passage) is None


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The trip may cost at most 500 euros.", "The trip must not exceed 500 euros."),
        ("The stay must not exceed 30 days.", "The stay may last at most 30 days."),
        ("Requests must be made at most 30 days later.", "Requests must be made no later than 30 days after."),
        ("Travel is not possible without approval.", "Travel requires approval."),
        ("Travel requires approval.", "Travel is not possible without approval."),
        ("Travel requires approval.", "No travel is booked without approval."),
        ("Travel is only possible with approval.", "You cannot travel without approval."),
        ("Claims are paid only if approved.", "Claims are not paid unless approved."),
        ("Claims are paid after approval.", "Claims are not paid until approval."),
        ("The fee is no more than 5 euros.", "The fee is at most 5 euros."),
        ("The password must be at least 12 characters.", "The password must not be shorter than 12 characters."),
        ("Reisen sind nur mit Genehmigung erlaubt.", "Reisen ohne Genehmigung sind nicht erlaubt."),
        ("Reisen sind nicht ohne Genehmigung erlaubt.", "Reisen sind nur mit Genehmigung erlaubt."),
        ("Die Reise darf höchstens 500 Euro kosten.", "Die Reise darf 500 Euro nicht überschreiten."),
        ("Der Urlaub dauert höchstens 30 Tage.", "Der Urlaub dauert nicht länger als 30 Tage."),
        ("Die Reise darf 500 Euro nicht überschreiten.", "Die Reise darf höchstens 500 Euro kosten."),
        ("Le repas coûte 30 euros par personne.", "Le repas coûte 30 euros par tête."),
        ("Le repas coûte 30 euros par tête.", "Le repas coûte 30 euros par personne."),
        ("Le séjour dure au plus 30 jours.", "Le séjour ne doit pas dépasser 30 jours."),
        ("Il faut une autorisation pour voyager.", "On ne peut pas voyager sans autorisation."),
        ("It may take up to 5 days.", "It does not take more than 5 days."),
        ("You can't leave before 5 pm.", "Employees leave after 5 pm."),
    ],
)
def test_a_limit_may_be_said_by_denying_its_opposite(claim: str, passage: str) -> None:
    assert contradiction(claim, passage) is None


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The stay may exceed 30 days.", "The stay must not exceed 30 days."),
        ("The stay lasts at least 30 days.", "The stay must not exceed 30 days."),
        ("Travel is possible without approval.", "Travel is not possible without approval."),
        ("Sign before reading the terms.", "Do not sign before reading the terms."),
        ("The stay must exceed 30 days.", "The stay may last at most 30 days."),
        ("Claims are paid without approval.", "No claims are paid without approval."),
        ("The fee is at least 5 euros.", "The fee is no more than 5 euros."),
        ("Reisen sind ohne Genehmigung erlaubt.", "Reisen ohne Genehmigung sind nicht erlaubt."),
        ("Der Urlaub darf übertragen werden.", "Der Urlaub darf nicht übertragen werden."),
        ("Contractors can use it.", "Contractors can't use it."),
        ("Contractors don't use it.", "Contractors use it."),
        ("Claims are paid before approval.", "Claims are not paid until approval."),
    ],
)
def test_the_other_side_of_such_a_limit_is_a_contradiction(claim: str, passage: str) -> None:
    assert contradiction(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("USB sticks are allowed.", "USB sticks are forbidden."),
        ("Leave is granted unless the manager agrees.", "Leave is not granted unless the manager agrees."),
        ("You may share the report until it is approved.", "You may not share the report until it is approved."),
        ("Cookies were disabled for guests.", "Cookies were enabled for guests."),
        ("Files smaller than 10 MB are rejected.", "Files larger than 10 MB are rejected."),
        ("Data is kept for more than 10 years.", "Data is kept for up to 10 years."),
        ("The software is supported on Windows.", "The software is unsupported on Windows."),
        ("Contractors are eligible for the bonus.", "All employees except contractors are eligible for the bonus."),
        ("The training budget is 1,500 euros per month.", "There is a training budget of 1,500 euros per year."),
        ("Der Satz beträgt 80 Euro pro Stunde.", "Der Satz beträgt 80 Euro pro Tag."),
        ("Le service existe.", "Le service n'existe plus."),
        ("L'accès est possible sans badge.", "L'accès sans badge n'est pas possible."),
        ("Meals do not cost 30 euros per day.", "Meals cost 30 euros per day."),
    ],
)
def test_opposites_rates_and_exceptions_contradict(claim: str, passage: str) -> None:
    assert contradiction(claim, passage, language="french" if "'" in passage else "english")


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Approval is not needed below 500 euros.", "Approval is only needed above 500 euros."),
        ("USB sticks are not allowed.", "USB sticks are forbidden."),
        ("Incomplete forms are returned.", "Forms must be complete, otherwise they are returned."),
        ("Send your bank information to HR.", "Send HR the form with your bank details."),
        ("You can carry over up to 5 days of leave.", "Up to 5 days of leave may be carried forward to the next year."),
        ("Registration closes on 5 May.", "Registration is open until 5 May."),
        ("Leave expires after 31 March.", "Leave must be taken by 31 March."),
        ("Refunds are accepted within 30 days.", "Refunds are rejected after 30 days."),
        ("Before the probation ends, leave is not granted.", "Leave is not granted before the probation ends."),
        ("Smoking is only allowed in the designated areas.", "Smoking is forbidden except in the designated areas."),
        ("The annual fee is 30 euros a year.", "The annual fee is 30 euros. The phone plan costs 30 euros per month."),
        ("Managers need a second signature.", "Nobody needs a second signature except managers."),
        ("Sundays are charged double.", "The rate is 50 euros, except on Sundays, when it is double."),
        ("Data is not kept longer than 10 years.", "Data is kept for at most 10 years."),
        ("Permanent staff is eligible.", "All staff except contractors is eligible, permanent staff as well."),
        ("The budget is 1,500 euros per year.", "The yearly budget is 1,500 euros per year, 125 euros per month."),
        ("L'accès n'est possible qu'avec un badge.", "L'accès sans badge n'est pas possible."),
    ],
)
def test_the_same_said_from_the_other_side_agrees(claim: str, passage: str) -> None:
    assert contradiction(claim, passage, language="french" if "'" in passage else "english") is None


@pytest.mark.parametrize(
    ("claim", "passage", "language"),
    [
        ("Der Support ist vor Ort.", "Der Support ist nicht vor Ort.", "german"),
        ("Die Versicherung schützt vor Schäden.", "Die Versicherung schützt nicht vor Schäden.", "german"),
        ("Die Kosten liegen über 500 Euro.", "Die Kosten liegen nicht über 500 Euro.", "german"),
        ("Es dürfen mehr als 5 Personen eintreten.", "Es dürfen nicht mehr als 5 Personen eintreten.", "german"),
        ("Der Betrag darf 500 Euro überschreiten.", "Der Betrag darf 500 Euro nicht überschreiten.", "german"),
        ("Rauchen ist im Gebäude erlaubt.", "Rauchen ist im Gebäude verboten.", "german"),
        ("Der Vertrag dauert mindestens 12 Monate.", "Der Vertrag dauert höchstens 12 Monate.", "german"),
        ("Le contrat dure plus de 12 mois.", "Le contrat ne dure pas plus de 12 mois.", "french"),
        ("Vous pouvez partir avant 17 heures.", "Vous ne pouvez pas partir avant 17 heures.", "french"),
        ("Le télétravail est autorisé.", "Le télétravail est interdit.", "french"),
    ],
)
def test_opposites_contradict_in_german_and_french(claim: str, passage: str, language: str) -> None:
    assert contradiction(claim, passage, language=language)


@pytest.mark.parametrize(
    ("claim", "passage", "language"),
    [
        ("The form needs both a badge and a key.", "The form needs either a badge or a key.", "english"),
        ("You must bring either a badge or a key.", "You must bring both a badge and a key.", "english"),
        ("All managers may approve travel.", "Only managers may approve travel.", "english"),
        ("Only managers may approve travel.", "All managers may approve travel.", "english"),
        ("Contractors are eligible for the bonus.", "Everybody but contractors is eligible for the bonus.", "english"),
        ("Contractors are eligible for the bonus.", "All staff but contractors are eligible for the bonus.", "english"),
        ("Logging is turned on for guests.", "Logging is turned off for guests.", "english"),
        ("Logging is switched off for guests.", "Logging is enabled for guests.", "english"),
        ("Logging is on by default.", "Logging is off by default.", "english"),
        ("Sales rose in the north.", "Sales fell in the north.", "english"),
        ("Sales in the north grew by 5 %.", "Sales in the north declined by 5 %.", "english"),
        ("Costs dropped in the north.", "Costs increased in the north.", "english"),
        ("Der Umsatz ist gestiegen.", "Der Umsatz ist gesunken.", "german"),
        ("Die Protokollierung ist aktiviert.", "Die Protokollierung ist deaktiviert.", "german"),
        ("Alle Führungskräfte dürfen genehmigen.", "Nur Führungskräfte dürfen genehmigen.", "german"),
        ("Praktikanten erhalten einen Bonus.", "Alle außer Praktikanten erhalten einen Bonus.", "german"),
        ("Le chiffre a augmenté au nord.", "Le chiffre a diminué au nord.", "french"),
        ("Les stagiaires reçoivent une prime.", "Tous sauf les stagiaires reçoivent une prime.", "french"),
    ],
)
def test_a_change_a_switch_and_who_is_meant_have_two_sides(claim: str, passage: str, language: str) -> None:
    assert contradiction(claim, passage, language=language)


@pytest.mark.parametrize(
    ("claim", "passage", "language"),
    [
        ("Both cards and cash are accepted.", "You can pay by either card or cash.", "english"),
        ("The form needs both a badge and a key.", "The form needs a badge and a key.", "english"),
        ("All visitors must register.", "Visitors only need to register once.", "english"),
        ("All managers may approve travel.", "Managers may approve travel, only interns may not.", "english"),
        ("Logging is turned on for guests.", "Logging is enabled for guests.", "english"),
        ("Logging is on by default.", "By default, logging is turned on.", "english"),
        ("Sales grew in the north.", "Sales rose in the north and fell in the south.", "english"),
        ("Contractors cannot join.", "Everybody but contractors can join.", "english"),
        ("Praktikanten erhalten keinen Bonus.", "Alle außer Praktikanten erhalten einen Bonus.", "german"),
        ("Les stagiaires ne reçoivent pas de prime.", "Tous sauf les stagiaires reçoivent une prime.", "french"),
        ("Permanent staff is eligible for the bonus.", "Everybody but contractors is eligible for it.", "english"),
        ("Die Kosten sind gestiegen.", "Die Kosten sind gestiegen, der Umsatz ist gesunken.", "german"),
        ("Festangestellte erhalten einen Bonus.", "Alle außer Praktikanten erhalten einen Bonus.", "german"),
        ("Les salariés reçoivent une prime.", "Tous sauf les stagiaires reçoivent une prime.", "french"),
    ],
)
def test_the_same_side_of_these_agrees(claim: str, passage: str, language: str) -> None:
    assert contradiction(claim, passage, language=language) is None


@pytest.mark.parametrize("unit", ["not ", "all some ", "no, ", "at least at most ", "n't "])
def test_hostile_text_takes_bounded_work(unit: str) -> None:
    passage = unit * 60

    def work(repeats: int) -> int:
        return operations(lambda: contradiction(unit * repeats, passage))

    assert work(200) < 2.6 * work(100) + 5000
