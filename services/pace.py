"""How fast ingestion goes, and how long what waits will take at that pace. Knows nothing of SQL or of who asks.

A figure without a basis is None: nothing finished lately, or nothing is known of what waits. Times are aware UTC.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# In the order in which a document goes through them.
STAGES = ("parse", "chunk", "embed", "upsert", "activate")
# Below this, a rate says more about when one looked than about the machine.
SHORTEST_BASIS = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Made:
    """One job that made a document searchable: `size` is the original's, in bytes."""

    media_type: str
    size: int
    chunks: int
    queued_at: datetime
    ready_at: datetime
    stages_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Left:
    """Work that is not done: `chunks` where the cutting is over, else None and the originals' `size` in bytes."""

    media_type: str
    size: int
    chunks: int | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, median and 95th percentile of `count` values."""

    mean: float
    p50: float
    p95: float
    count: int


def spread(values: Iterable[float]) -> Spread | None:
    """None without values. Percentiles are values that occurred (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Spread(sum(ordered) / len(ordered), _rank(ordered, 0.5), _rank(ordered, 0.95), len(ordered))


def stage_times(made: Iterable[Made]) -> dict[str, Spread]:
    """Milliseconds of each stage; stages this release does not name come last."""
    values: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for one in made:
        for stage, taken in one.stages_ms.items():
            values.setdefault(stage, []).append(float(taken))
    found = ((stage, spread(taken)) for stage, taken in values.items())
    return {stage: times for stage, times in found if times is not None}


def chunks_per_second(
    made: Sequence[Made], *, unfinished_since: datetime | None, unfinished_chunks: int, now: datetime, window: timedelta
) -> float | None:
    """The rate over the part of the window in which there was work: idle time is nobody's speed.

    `unfinished_since` is when the oldest work that is due now was queued (None: nothing is), `unfinished_chunks` what
    is done of it. None where the basis is shorter than three seconds or nothing was made.
    """
    start = now - window
    fresh = [one for one in made if one.ready_at > start]
    spans = [(max(one.queued_at, start), one.ready_at) for one in fresh]
    if unfinished_since is not None:
        spans.append((max(unfinished_since, start), now))
    busy = _covered(spans)
    chunks = sum(one.chunks for one in fresh) + unfinished_chunks
    if busy < SHORTEST_BASIS or not chunks:
        return None
    return chunks / busy.total_seconds()


def chunks_left(left: Iterable[Left], made: Sequence[Made]) -> float | None:
    """How many chunks the waiting work comes to: counted where known, else from its bytes and what such files gave.

    None where bytes wait and nothing was made that says how many chunks a byte gives.
    """
    density = _densities(made)
    total = 0.0
    for work in left:
        if work.chunks is not None:
            total += work.chunks
            continue
        each = density.get(work.media_type, density.get(""))
        if each is None:
            return None
        total += each * work.size
    return total


def _densities(made: Sequence[Made]) -> dict[str, float]:
    """Chunks a byte of each media type; of all together under the empty name."""
    sizes: dict[str, int] = {}
    chunks: dict[str, int] = {}
    for one in made:
        for kind in (one.media_type, ""):
            sizes[kind] = sizes.get(kind, 0) + one.size
            chunks[kind] = chunks.get(kind, 0) + one.chunks
    return {kind: chunks[kind] / size for kind, size in sizes.items() if size}


def _covered(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """How much time lies in at least one of the spans."""
    total, reached = timedelta(), None
    for start, end in sorted(spans):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += end - begin
        reached = end if reached is None else max(reached, end)
    return total


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]
