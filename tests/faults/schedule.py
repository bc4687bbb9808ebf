"""Which fault comes when: a list made from a seed alone, so that a run can be replayed. Knows nothing of how to inject.

The list has as many *kills* (of a worker's child, a worker's whole group, another process or a server) as were asked
for, and between them faults of other kinds, each at least once where there is room for it.
"""

import hashlib
import json
import random
from dataclasses import asdict, dataclass

STAGES = ("parse", "chunk", "embed", "upsert", "activate")


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the schedule: after `pause` seconds, `kind` happens, in `stage` where it aims at one.

    `seconds` is how long the part is away or misbehaves, `nth` a small number that some kinds need.
    """

    kind: str
    pause: float
    stage: str
    seconds: float
    nth: int


# Kind to weight. Everything here ends a process by a signal.
KILLS = {
    "worker-child-killed": 40,
    "worker-group-killed": 24,
    "worker-terminated": 8,
    "scheduler-killed": 4,
    "api-killed": 3,
    "broker-killed": 7,
    "index-killed-in-upsert": 7,
    "index-killed": 3,
    "database-killed-in-transaction": 4,
}
OTHERS = {
    "worker-stopped-and-revived": 2,
    "broker-flushed": 2,
    "broker-directory-removed": 2,
    "broker-full": 3,
    "broker-slow": 3,
    "broker-reset": 4,
    "index-slow": 3,
    "index-reset": 4,
    "upsert-applied-then-500": 6,
    "upsert-applied-then-reset": 6,
    "database-slow": 2,
    "database-reset": 3,
    "originals-full": 3,
    "registry-full": 2,
    "index-full": 2,
    "broker-disk-full": 2,
    "messages-duplicated": 5,
    "messages-reordered": 3,
    "messages-garbage": 4,
    "messages-pickled": 2,
    "messages-stale": 3,
    "hostile-files": 4,
}
# Of these, not more than so many in one run: a stopped worker is away for half a minute.
AT_MOST = {"worker-stopped-and-revived": 10}
NEEDS_SERVER_DATABASE = {"database-slow", "database-reset"}
NEEDS_VOLUME = {"originals-full", "registry-full", "index-full", "broker-disk-full"}


def scheduled(seed: int, *, kills: int, pause: float, leave_out: frozenset[str] = frozenset()) -> list[Fault]:
    """The faults of a run in their order, `pause` seconds apart on average."""
    draw = random.Random(f"schedule/{seed}")
    killing = _drawn(draw, KILLS, kills)
    others = {kind: weight for kind, weight in OTHERS.items() if kind not in leave_out}
    between = _drawn(draw, others, max(kills // 4, min(len(others), kills)))
    kinds = killing + between
    draw.shuffle(kinds)
    return [
        Fault(
            kind,
            pause=round(pause * draw.uniform(0.5, 1.5), 3),
            stage=draw.choice(STAGES),
            seconds=round(draw.uniform(0.5, 3.0), 3),
            nth=draw.randrange(1, 6),
        )
        for kind in kinds
    ]


def digest(faults: list[Fault]) -> str:
    """A short name for a schedule: the same seed gives the same one."""
    text = json.dumps([asdict(fault) for fault in faults])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _drawn(draw: random.Random, weights: dict[str, int], count: int) -> list[str]:
    """`count` kinds: each once as long as there is room, the rest by weight."""
    kinds = draw.sample(list(weights), k=min(len(weights), count))
    while len(kinds) < count:
        (kind,) = draw.choices(list(weights), list(weights.values()))
        if kinds.count(kind) < AT_MOST.get(kind, count):
            kinds.append(kind)
    return kinds
