"""What is a comment in Markdown and what only looks like one, and that hostile text takes linear work."""

import re

import pytest

from ingest.parsing.markdown_comments import without_comments
from tests.unit.counting import operations


@pytest.mark.parametrize(
    ("marked", "hidden"),
    [
        ("a «<!-- b -->» c", 1),
        ("a «<!-- b\nc -->» d", len("b c")),
        ("«<!-->» a «<!-- b -->»", 1),
        ("«<!-- a\n\nb -->» c", len("a b")),
        ("«   <!-- a\n\nb»", len("a b")),
        ("- «<!-- a\n\n  b -->» c", len("a b")),
        ("«<!--\n```\n-->»\na «<!-- b -->»", len("```") + 1),
        ("```\n<!-- a -->\n```\n«<!-- b -->»", 1),
        ("``a ` <!-- b -->`` c «<!-- d -->»", 1),
        (r"\`«<!-- a -->» ` b", 1),
        ("a ` b\n\n«<!-- c -->»\n\nd `", 1),
        ("- a ` b\n- «<!-- c -->»\n- d `", 1),
        ("> a ` b\n> «<!-- c -->»\n> d `", 1),
        ("a ` b\n«<!-- c -->»\nd `", 1),
        ("```a``` «<!-- b -->» c", 1),
    ],
)
def test_comments_become_blanks_where_they_stand(marked: str, hidden: int) -> None:
    text = re.sub("[«»]", "", marked)
    shown = re.sub("«([^»]*)»", lambda comment: re.sub(r"[^\n]", " ", comment[1]), marked)
    assert without_comments(text) == (shown, hidden)


@pytest.mark.parametrize(
    "text",
    [
        "a `<!--` b\n\nc --> d",
        "a <!-- b\n\nc --> d",
        "a <!-- b",
        "    <!-- a\n\nb",
        "- <!-- a\n\nb",
        r"\<!-- a -->",
        "~~~\n<!-- a -->\n```\n<!-- b -->\n~~~~",
        "1. a\n\n    ```html\n    <!-- b -->\n    ```",
        "a `b\n<b> <!-- c -->` d",
    ],
)
def test_what_a_reader_sees_is_no_comment(text: str) -> None:
    assert without_comments(text) == (text, 0)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "<!--",
            "a <!--\n",
            "a <!--\n\n",
            "- <!--\n",
            "`",
            "` ",
            "``<!--`\n",
            "a `\n|",
            "\\`",
            "```\n",
            "~~~ a\n",
            "> ",
        ),
        *(" ", "\n", "1", "`<!--", "` `` ``` "),
    ],
)
def test_hostile_text_takes_linear_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: without_comments(f"a {unit * repeats}\na <!--"))

    assert work(4000) < 2.6 * work(2000) + 2000
    without_comments(f"a {unit * 200_000}\na <!--")  # what the expressions themselves take: seconds, or for ever


def test_runs_of_every_length_take_linear_work() -> None:
    runs = "".join("`" * (number % 600 + 1) + " " for number in range(200_000))
    assert without_comments(f"{runs}<!--")[1] == 0
    fences = "".join("`" * (number % 300 + 3) + "\n" for number in range(200_000))
    assert without_comments(f"{fences}<!--")[1] == 0
