"""What is fuzzed: an entry that strangers' bytes reach, and what it makes of them. Knows nothing of who runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

# What became of an input, in a word: "read", or the code of the error that it was refused with. Whatever it raises is
# a finding.
Check = Callable[[bytes], str]
# Sound and hostile files of all formats, by name.
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """`seeds` are inputs to begin with; `runs` how many inputs are tried; no input is longer than `most_bytes`."""

    check: Check
    seeds: Callable[[Files], list[bytes]]
    runs: int
    most_bytes: int = 4096
