"""`--without SET`: leave a set out of a run, and say so."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without", action="append", default=[], metavar="SET", help="a set that is not measured")
