"""What the stages of a shift hand on: documents on their way, in batches, then in slices of chunks."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.pipeline import Cut, Key, Outcome
from services.db.jobs import Lease
from services.db.work import WorkDetails
from services.engine import Engine


@dataclass
class Task:
    """One document on its way through: its lease, what it was cut into, and what has become of that so far."""

    lease: Lease
    details: WorkDetails
    cut: Cut
    stages_ms: dict[str, float]
    embedded: int = 0
    reused: int = 0

    @property
    def key(self) -> Key:
        return self.cut.target.key

    @property
    def left(self) -> int:
        """Chunks that are not in the index yet."""
        return len(self.cut.chunks) - self.embedded - self.reused

    def took(self, stage: str, ms: float) -> None:
        """Add to what a stage took."""
        self.stages_ms[stage] = round(self.stages_ms.get(stage, 0.0) + ms, 1)


Tasks = Mapping[Key, Task]


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that are embedded together, by one engine."""

    engine: Engine
    tasks: Tasks


@dataclass(frozen=True, slots=True)
class Slice:
    """Some chunks of a batch's documents, with their vectors; `tasks` are the documents that they are of."""

    engine: Engine
    tasks: Tasks
    outcome: Outcome
