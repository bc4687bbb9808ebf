"""What a confined process may still read, as a list of paths."""

import sys
from pathlib import Path

import pytest

import ingest
import retrieval
from ingest.landlock import program_paths


def reads(path: str | Path) -> bool:
    real = Path(path).resolve()
    return any(real.is_relative_to(allowed) for allowed in program_paths())


def test_the_interpreter_the_packages_and_the_systems_programs_are_read() -> None:
    assert all(reads(path) for path in (sys.prefix, sys.base_prefix, pytest.__file__, "/usr"))
    assert all(reads(package.__path__[0]) for package in (ingest, retrieval))


def test_nothing_beside_the_packages_is_read() -> None:
    checkout = Path(ingest.__path__[0]).parent
    for path in (
        checkout,
        checkout / ".footnote",
        checkout / "pyproject.toml",
        Path.home(),
        "/",
        "/proc",
        "/run/secrets",
    ):
        assert not reads(path)


def test_no_path_lies_in_another() -> None:
    paths = [Path(path) for path in program_paths()]
    assert not [(one, two) for one in paths for two in paths if one != two and one.is_relative_to(two)]
