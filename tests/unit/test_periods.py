"""Quarters, halves and fiscal years in every spelling."""

import pytest

from retrieval.facts import read_facts
from retrieval.periods import take_periods
from tests.unit.counting import operations
from tests.unit.facts import missing


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The audit is in Q3.", "The audit is in the third quarter."),
        ("The audit is in the third quarter.", "Audit: Q3"),
        ("The audit is in the 3rd quarter.", "Audit: Q3"),
        ("The audit is in Q3 2026.", "The audit is in the third quarter of 2026."),
        ("The audit is in the third quarter of 2026.", "Audit: Q3/2026"),
        ("The audit is in the third quarter of fiscal year 2026.", "Audit: Q3 FY26"),
        ("The audit is in Q3 2026.", "In 2026 there were changes. The audit is in Q3."),
        ("In 2026 there was an audit.", "Audit: Q3/2026"),
        ("The audit is in Q3 2026.", "The audit is in August 2026."),
        ("Die Prüfung ist im 3. Quartal 2026.", "Die Prüfung ist in Q3 2026."),
        ("Die Prüfung ist im dritten Quartal.", "Prüfung: Q3"),
        ("Die Q3-Zahlen liegen vor.", "Die Zahlen für das dritte Quartal liegen vor."),
        ("L'audit a lieu au troisième trimestre 2026.", "Audit : T3 2026"),
        ("Sales rose in fiscal year 2026.", "Sales rose in FY26."),
        ("Sales rose in FY 2026.", "Sales rose in fiscal 2026."),
        ("Sales rose in FY26.", "Sales rose in the financial year 2025/26."),
        ("Sales rose in FY2026.", "Sales rose in 2026."),
        ("Sales rose in 2026.", "Sales rose in FY26."),
        ("Der Umsatz stieg im Geschäftsjahr 2026.", "Der Umsatz stieg im GJ 2026."),
        ("Sales rose in H1 2026.", "Sales rose in the first half of 2026."),
        ("Sales rose in the second half of the year.", "Sales rose in H2."),
        ("Der Umsatz stieg im 1. Halbjahr.", "Der Umsatz stieg im ersten Halbjahr."),
        ("Sales rose in the first quarter.", "Sales rose in the first and second quarters, not in the third quarter."),
        ("Sales rose in fiscal year 2026.", "Sales rose in the fiscal years 2025 and 2026."),
        ("They scored in the fourth quarter.", "They scored near the end."),
        ("The second half of them is free.", "The first half of 2026 is over, the rest is free."),
        ("The Q3-100 pump is dear.", "The Q3-100 pump costs a lot."),
    ],
)
def test_a_period_is_found_however_it_is_written(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage", "what"),
    [
        ("The audit is in Q4.", "The audit is in the third quarter.", "Q4"),
        ("The audit is in the second quarter.", "Audit: Q3", "second quarter"),
        ("The audit is in the second quarter.", "The audit is in the third quarter.", "second quarter"),
        ("The audit is in Q3 2027.", "The audit is in Q3 2026.", "Q3 2027"),
        ("The audit is in Q3 2027.", "The audit is in Q3 2026, the next one in 2027.", "Q3 2027"),
        ("The audit is in Q3.", "The audit is in May 2026.", "Q3"),
        ("Die Prüfung ist im 2. Quartal 2026.", "Die Prüfung ist in Q3 2026.", "2. Quartal 2026"),
        ("Sales rose in fiscal year 2027.", "Sales rose in FY26.", "fiscal year 2027"),
        ("Sales rose in FY26/27.", "Sales rose in FY25/26.", "FY26/27"),
        ("Sales rose in H2 2026.", "Sales rose in the first half of 2026.", "H2 2026"),
        ("The Q3-200 pump is dear.", "The Q3-100 pump costs a lot.", "q3-200"),
    ],
)
def test_another_period_is_missing(claim: str, passage: str, what: str) -> None:
    assert what in missing(claim, passage)


def test_a_quarter_by_its_letter_is_a_code_as_well() -> None:
    facts = read_facts("Sales of Q3 2026 and of the third quarter.")
    assert facts.codes == {"q3"}
    assert [(period.number, period.years) for period in facts.periods] == [(3, {2026}), (3, frozenset())]


@pytest.mark.parametrize("unit", ["Q3 ", "FY26/", "third quarter of the ", "2026 Q", "1. "])
def test_hostile_text_takes_linear_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: take_periods(unit * repeats))

    assert work(4000) < 2.6 * work(2000) + 2000
