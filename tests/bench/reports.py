"""Documents that a benchmark asks about: reports of four passages, each with a question that its text answers."""

import random
from pathlib import Path

REPORTS = 520
PASSAGES, SENTENCES = 4, 9
WORDS = (
    "travel expense policy meeting budget customer contract invoice server incident release database password laptop "
    "holiday payroll supplier warranty product sensor firmware calibration office training safety audit pension parking"
).split()


def written(folder: Path) -> list[Path]:
    """Write all of them as text files."""
    folder.mkdir(parents=True)
    files = []
    for number in range(REPORTS):
        file = folder / f"report-{number}.txt"
        file.write_text("\n\n".join([f"Report {number}", *passages(number)]), encoding="utf-8")
        files.append(file)
    return files


def passages(number: int) -> list[str]:
    """The passages of one, the same each time: a chunk each."""
    chance = random.Random(number)
    return [" ".join(_sentence(chance, number) for _ in range(SENTENCES)) for _ in range(PASSAGES)]


def question_about(number: int) -> str:
    """What its first sentence answers."""
    one, other, third, fourth = random.Random(number).sample(WORDS, 4)
    return f"How many {third} {fourth} items has the {one} {other} in report {number}?"


def _sentence(chance: random.Random, number: int) -> str:
    one, other, third, fourth = chance.sample(WORDS, 4)
    return f"In report {number} the {one} {other} has {chance.randint(2, 999)} {third} {fourth} items for the year."
