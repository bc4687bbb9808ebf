"""Which titles name editions of one text, in which order, and which do not."""

import itertools

import pytest

from services.db.edition import edition_of

EDITIONS = [
    [
        "Travel policy",
        "Travel policy 2023",
        "travel  POLICY (2024)",
        "Travel policy 2024 final",
        "Travel Policy - 2026",
    ],
    ["Expenses policy v1", "Expenses policy V2", "Expenses Policy, version 2.1", "Expenses Policy Version 10"],
    ["Expenses policy", "Expenses policy FINAL"],
    ["Safety guide rev. A", "Safety Guide Rev. B", "Safety Guide, revision C"],
    ["Reisekosten Fassung 2", "Reisekosten, Fassung 3", "Reisekosten 2024", "Reisekosten 2024 (endgültig)"],
    ["policies/travel-policy-2024.docx", "policies/travel_policy_2026.pdf"],
    ["2023 price list", "Price list 2024", "PRICE-LIST-2024-v2.xlsx", "price list 2025"],
    ["Annual report 2024", "Annual Report 2024 final"],
    ["Code of conduct v1.2.3", "Code of conduct v1.2.10", "Code of conduct v1.10"],
]
DIFFERENT = [
    ("Travel policy 2023", "Travel policies 2024"),
    ("Annual report 2023", "Annual report 2024"),
    ("Quarterly review 2026 Q3", "Quarterly review 2026 Q4"),
    ("Sales Q3 2025", "Sales Q3 2026"),
    ("Rota March 2025", "Rota March 2026"),
    ("Product steering 2026-09-15", "Product steering 2026-10-15"),
    ("Minutes 2025", "Minutes 2026"),
    ("Release notes v2.1", "Release notes v2.2"),
    ("Heron 2 datasheet", "Heron 3 datasheet"),
    ("Office 2019 guide", "Office 2021 guide"),
    ("API v1 reference", "API v2 reference"),
    ("2023/travel.docx", "2024/travel.docx"),
    ("hr/leave-2024.md", "it/leave-2024.md"),
    ("INC-1024", "INC-1042"),
    ("2023", "2024"),
    ("v1", "v2"),
    ("Invoice 2023", "Invoice 2024"),
    ("Budget 2023-2024", "Budget 2024-2025"),
    ("Tarif 2023/24", "Tarif 2024/25"),
    ("Readme", "Readme first"),
]  # fmt: skip


@pytest.mark.parametrize("titles", EDITIONS, ids=lambda titles: str(titles[0]))
def test_editions_of_one_text_have_one_subject_and_numbers_in_their_order(titles: list[str]) -> None:
    editions = [edition_of(title) for title in titles]
    assert len({edition.subject for edition in editions}) == 1
    numbers = [edition.number for edition in editions]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("titles", DIFFERENT, ids=lambda titles: str(titles[0]))
def test_texts_of_their_own_are_not_taken_for_editions_of_one(titles: tuple[str, str]) -> None:
    one, other = map(edition_of, titles)
    assert one.subject != other.subject


def test_case_space_and_punctuation_between_words_make_no_difference() -> None:
    titles = [
        "Travel policy",
        "travel policy ",
        "TRAVEL  POLICY",
        "Travel_policy",
        "Travel-policy.docx",
        "\uff54ravel policy",
    ]
    assert len({edition_of(title) for title in titles}) == 1


def test_a_draft_stands_below_every_edition_but_knows_its_own() -> None:
    plain, draft, later = map(edition_of, ["Leave policy 2025", "Leave policy 2025 (draft)", "Draft leave policy 2026"])
    assert plain.subject == draft.subject == later.subject
    assert draft.number == -1 - plain.number
    assert later.number < draft.number < 0


@pytest.mark.parametrize(
    "title", ["", " ", "/", "()", "\ud800", "a" * 1000, "v" * 1000, "1" * 1000, "日本語 2024", ".pdf"]
)
def test_any_title_has_a_subject_that_fits_and_a_number_that_a_database_holds(title: str) -> None:
    edition = edition_of(title)
    assert len(edition.subject) == 32
    assert -(2**63) <= edition.number < 2**63


def test_the_largest_marks_fit_a_database() -> None:
    edition = edition_of("Travel policy 2099 v9999.999.999 final")
    assert edition.subject == edition_of("Travel policy").subject
    assert 0 < edition.number < 2**63


def test_no_mark_is_counted_twice() -> None:
    pairs = itertools.combinations(["Plan 2023 2024", "Plan v1 v2", "Plan", "Plan 2023", "Plan v2"], 2)
    same = [(a, b) for a, b in pairs if edition_of(a).subject == edition_of(b).subject]
    assert same == [("Plan", "Plan 2023"), ("Plan", "Plan v2"), ("Plan 2023", "Plan v2")]
