"""`--fuzz-seconds S`, `--fuzz-seed N`: fuzz each target for so long in place of a number of inputs; another seed."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-seconds", type=int, default=0, help="seconds for each target (0: a number of inputs)")
    parser.addoption("--fuzz-seed", type=int, default=1, help="what the inputs follow from")
