"""Answers in cells and fields, held against sentences."""

import pytest

from retrieval.polarity import contradiction
from retrieval.table_cells import answered_apart


@pytest.mark.parametrize(
    ("text", "language", "plain"),
    [
        ("Overtime paid: no", "english", "Overtime paid: not"),
        ("Benefit: Overtime | Paid: no | Rate: 1.5", "english", "Benefit: Overtime | Rate: 1.5. Overtime Paid not"),
        ("Overtime paid | No | 2026", "english", "Overtime paid | 2026. Overtime paid not"),
        ("Überstunden bezahlt: nein.", "german", "Überstunden bezahlt: nicht."),
        ("Badge actif : non", "french", "Badge actif : pas"),
        ("No. | Name\n1 | Ada\nInvoice: no. 5\nPaid: yes", "english", "No. | Name\n1 | Ada\nInvoice: no. 5\nPaid: yes"),
    ],
)
def test_a_denial_stands_apart(text: str, language: str, plain: str) -> None:
    assert answered_apart(text, language).replace("  ", " ") == plain


TABLE = "Benefit: Overtime | Paid: no | Rate: 1.5\nBenefit: Travel | Paid: yes | Taxed: no"


@pytest.mark.parametrize(
    ("claim", "passage", "language"),
    [
        ("Overtime is paid.", "Overtime paid: no", "english"),
        ("Overtime is paid.", TABLE, "english"),
        ("Travel is taxed.", TABLE, "english"),
        ("Overtime is paid.", "Overtime paid | no | since 2026", "english"),
        ("SSO is enabled.", "Feature: SSO | Enabled: ✗ | Plan: Basic", "english"),
        ("Überstunden werden bezahlt.", "Überstunden bezahlt: nein", "german"),
    ],
)
def test_the_opposite_of_a_cell_contradicts(claim: str, passage: str, language: str) -> None:
    assert contradiction(claim, passage, language=language)


@pytest.mark.parametrize(
    ("claim", "passage", "language"),
    [
        ("Overtime is not paid.", "Overtime paid: no", "english"),
        ("Overtime is unpaid.", "Overtime paid: no", "english"),
        ("Overtime is not paid.", TABLE, "english"),
        ("Travel is paid.", TABLE, "english"),
        ("Travel is paid but not taxed.", TABLE, "english"),
        ("Overtime has a rate of 1.5.", TABLE, "english"),
        ("Parking is paid monthly.", "Benefit: Overtime | Paid: no\nParking: paid monthly", "english"),
        ("Überstunden werden nicht bezahlt.", "Überstunden bezahlt: nein", "german"),
    ],
)
def test_what_a_cell_says_agrees(claim: str, passage: str, language: str) -> None:
    assert contradiction(claim, passage, language=language) is None
