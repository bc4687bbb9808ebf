"""Strangers' bytes at every entry, led by what they reach: what comes out is a value or one of our errors.

A finding prints its input and the command that repeats it. What is mended becomes a case of an ordinary test.
"""

from pathlib import Path

import pytest

from tests.fuzz.running import fuzz
from tests.fuzz.target import Files
from tests.fuzz.targets import TARGETS, files

# Inputs of these come from files that not every checkout has.
_UNSURE = {"old-office-files"}


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return files(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("name", TARGETS, ids="-".join)
def test_nothing_comes_of_it_but_values_and_our_errors(
    name: tuple[str, str], seeds: Files, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    target = TARGETS[name]
    seed, seconds = request.config.getoption("--fuzz-seed"), request.config.getoption("--fuzz-seconds")
    fuzzed = fuzz(name, target, seeds, tmp_path, seed=seed, seconds=seconds)
    assert fuzzed.finding is None, fuzzed.finding
    assert sum(fuzzed.counts.values()) >= (target.runs if not seconds else 1), fuzzed.counts
    # Seeds are sound, so that where nothing at all could be read nothing was tried.
    assert len(fuzzed.counts) > 1 or name[1] in _UNSURE, fuzzed.counts
