"""Two names exchanged, and what only looks so."""

import pytest

from retrieval.polarity import contradiction
from retrieval.roles import other_roles
from tests.unit.counting import operations


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Bob reports to Alice.", "Alice reports to Bob."),
        ("Bob Miller reports directly to Alice Smith.", "In this team, Ms Smith reports to Mr Miller."),
        ("Bob hired Alice.", "Alice hired Bob in May."),
        ("Alice was hired by Bob.", "Alice hired Bob in May."),
        ("Bob was hired by Alice.", "Bob hired Alice."),
        ("The CEO reports to the CFO.", "The CFO reports to the CEO."),
        ("Requests from Bob go to Alice.", "Requests from Alice go to Bob."),
        ("Bob is the manager of Alice.", "Alice is the manager of Bob."),
        ("Bob is Alice's manager.", "Alice is the manager of Bob."),
        ("Anna leads Marketing and Bob leads Sales.", "Anna leads Sales and Bob leads Marketing."),
        ("Bob berichtet an Alice.", "Alice berichtet an Bob."),
    ],
)
def test_exchanged_names_are_seen(claim: str, passage: str) -> None:
    assert other_roles(claim, passage)
    assert contradiction(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Alice was hired by Bob.", "Bob hired Alice."),
        ("Bob hired Alice.", "Alice was hired by Bob in May."),
        ("Alice reports to Bob.", "Alice directly reports to Bob."),
        ("Alice, who reports to Bob, leads Sales.", "Alice reports to Bob. She leads Sales."),
        ("Bob is Alice's manager.", "Bob is the manager of Alice."),
        ("Alice works with Bob.", "Bob works with Alice."),
        ("Austria borders Hungary.", "Hungary borders Austria."),
        ("Alice does not report to Bob.", "Bob reports to Alice."),
        (
            "Alice reports to Bob, Bob reports to Alice on Fridays.",
            "Bob reports to Alice on Fridays. Alice reports to Bob.",
        ),
        ("Anna leads Sales and Bob leads Marketing.", "Bob leads Marketing, Anna leads Sales."),
        ("Alice reports to Bob.", "Bob, the head of Sales, reports to Alice's deputy. Alice reports to Bob."),
        ("Anna Schmidt succeeds Maria Schmidt.", "Maria Schmidt precedes Anna Schmidt."),
        ("An Bob berichtet Alice.", "Alice berichtet an Bob."),
        ("Python code calls the Rust library.", "The Rust library is called from Python code."),
    ],
)
def test_the_same_roles_in_other_words_agree(claim: str, passage: str) -> None:
    assert other_roles(claim, passage) is None


@pytest.mark.parametrize("unit", ["A ", "A-", "Ab is ", "Ab calls Cd ", "A's "])
def test_hostile_text_takes_bounded_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: other_roles(unit * repeats, unit * repeats))

    assert work(4000) < 2.6 * work(2000) + 2000
