"""Texts that say of themselves which revision of which document they are, so that a passage can be told apart anywhere.

A document's name is one word that stands in each of its sentences, and so does its revision's marker: whatever chunk a
search returns, its text says whose it is. Knows nothing of how documents are sent or found.
"""

import hashlib
import random
import re
from dataclasses import dataclass

_MARKER = re.compile(r"\b(doc\d{5}[a-z]{4})rev(\d{3})\b")
_SENTENCE = "In {name} the {marker} says that the {who} {does} {count} {what} {when}."
_WHO = "keeper clerk warden captain gardener surveyor librarian carpenter pilot baker".split()
_DOES = "counts repairs lends paints inspects returns orders labels stores weighs".split()
_WHAT = "boats lamps ladders kettles parcels bicycles ledgers curtains anchors kites".split()
_WHEN = ("before noon", "on the quay", "after the storm", "every winter", "without a word", "by candle light")
# One sentence is about 30 tokens, a chunk at most 200.
SENTENCES_A_CHUNK = 6


@dataclass(frozen=True, slots=True)
class Text:
    """One revision's bytes."""

    name: str
    revision: int
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def name_of(number: int, seed: int) -> str:
    """A word that stands in no other document."""
    letters = random.Random(f"{seed}/{number}")
    return f"doc{number:05d}" + "".join(letters.choice("bcdfghjklmnpqrstvwxz") for _ in range(4))


def written(name: str, revision: int, *, chunks: int) -> Text:
    """The text of a document's revision, about `chunks` chunks long; the same every time."""
    draw = random.Random(f"{name}/{revision}")
    sentences = (
        _SENTENCE.format(
            name=name,
            marker=f"{name}rev{revision:03d}",
            who=draw.choice(_WHO),
            does=draw.choice(_DOES),
            count=draw.randrange(2, 90),
            what=draw.choice(_WHAT),
            when=draw.choice(_WHEN),
        )
        for _ in range(chunks * SENTENCES_A_CHUNK)
    )
    return Text(name, revision, " ".join(sentences).encode())


def read_back(passage: str) -> set[tuple[str, int]]:
    """Every (name, revision) that a passage names."""
    return {(name, int(revision)) for name, revision in _MARKER.findall(passage)}
