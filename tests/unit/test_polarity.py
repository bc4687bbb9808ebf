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


@pytest.mark.parametrize("unit", ["not ", "all some ", "no, ", "at least at most ", "n't "])
def test_hostile_text_takes_bounded_work(unit: str) -> None:
    passage = unit * 60

    def work(repeats: int) -> int:
        return operations(lambda: contradiction(unit * repeats, passage))

    assert work(200) < 2.6 * work(100) + 5000
