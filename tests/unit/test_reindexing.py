"""What `footnote reindex` decides and refuses, without any part running."""

import pytest

from retrieval.evaluation import Scores
from services.reindexing.command import Options
from services.reindexing.comparison import Comparison, paired


def worse(differences: list[float]) -> bool:
    return Comparison(Scores(0), Scores(0), *paired(differences)).worse


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([], False),  # nothing measured it
        ([0.0] * 20, False),
        ([0.1] * 20, False),
        ([-0.1] * 20, True),
        ([-1.0] + [0.0] * 19, False),  # one question in twenty: chance
        ([-1.0] * 8 + [0.0] * 12, True),
        ([-1.0, 1.0] * 10, False),
        ([-0.2], True),  # a single question has no spread to excuse it
    ],
)
def test_worse_is_what_chance_does_not_explain(differences: list[float], expected: bool) -> None:
    assert worse(differences) is expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(), None),
        (Options(embedding_model="m", chunk_tokens=100, yes=True, json=True), None),
        (Options(status=True, json=True), None),
        (Options(rollback=True, yes=True), "--rollback and --yes do not go together."),
        (Options(drop_old=True, chunk_tokens=80), "--drop-old and --chunk-tokens do not go together."),
        (Options(status=True, abort=True), "--status and --abort do not go together."),
        (Options(yes=True, no_switch=True), "--yes and --no-switch do not go together."),
    ],
)
def test_options_that_contradict_each_other_are_named(options: Options, said: str | None) -> None:
    assert options.contradiction() == said
