"""What an audit found, counted by class. Knows nothing of how it was found.

| class | is |
|---|---|
| missing | a chunk, an original, a parsed text or a job that should be there is not, or its bytes are damaged |
| phantom | a point or a blob that nothing accounts for |
| duplicate | two points of one chunk, two living documents of one name and owner |
| malformed | a point that does not say what the document or the registry says |
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Class = Literal["missing", "phantom", "duplicate", "malformed"]
CLASSES: tuple[Class, ...] = ("missing", "phantom", "duplicate", "malformed")
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, `count` times. `what` is a stable word, `points` are the ids of points that are wrong.

    Two findings are the same where all of this is: what is seen twice in a row was no race.
    """

    kind: Class
    what: str
    document_id: str | None = None
    version: int | None = None
    count: int = 1
    points: tuple[str | int, ...] = ()
    blob: str | None = None

    def example(self) -> dict[str, Any]:
        """Ids and numbers only: no title, no text."""
        stated = {"document_id": self.document_id, "version": self.version, "blob": self.blob}
        shown: dict[str, Any] = {name: value for name, value in stated.items() if value is not None}
        if self.points:
            shown["points"] = list(self.points[:3])
        return {"what": self.what, "count": self.count, **shown}


@dataclass(frozen=True, slots=True)
class Lost:
    """A version whose original is gone or damaged: only whoever has the file can bring it back."""

    document_id: str
    version: int
    title: str


@dataclass(slots=True)
class Tally:
    """How many findings of a class there are, with the first of them."""

    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.count += finding.count
        if len(self.examples) < EXAMPLES:
            self.examples.append(finding.example())


@dataclass(slots=True)
class Report:
    """One audit's result. `in_flight` documents were not judged: they changed under every look, or what readers see of
    them is being made again.
    """

    documents: int = 0
    chunks: int = 0
    originals: int = 0
    in_flight: int = 0
    seconds: float = 0.0
    tallies: dict[Class, Tally] = field(default_factory=lambda: {kind: Tally() for kind in CLASSES})
    lost: list[Lost] = field(default_factory=list)
    repaired: Mapping[str, int] | None = None

    @property
    def clean(self) -> bool:
        return all(tally.count == 0 for tally in self.tallies.values())

    def add(self, finding: Finding) -> None:
        self.tallies[finding.kind].add(finding)

    def as_json(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "clean": self.clean,
            "documents": self.documents,
            "chunks": self.chunks,
            "originals": self.originals,
            "in_flight": self.in_flight,
            "seconds": self.seconds,
            **{kind: {"count": tally.count, "examples": tally.examples} for kind, tally in self.tallies.items()},
            "repaired": None if self.repaired is None else dict(self.repaired),
            "lost": [asdict(one) for one in self.lost],
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an audit is. `stage` is documents, index, originals or repair."""

    stage: str
    done: int
    total: int | None
