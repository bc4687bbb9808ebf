"""The auditor, for the processes that verify: the API when it is asked, the scheduler by itself."""

from collections.abc import Callable

from services.auditing.auditor import Auditor
from services.auditing.clearing import Clearing
from services.auditing.repair import Mender
from services.auditing.verification import Verification
from services.auditing.watch import Watch
from services.db.audit import AuditRegistry
from services.db.generations import Generations
from services.db.leftovers import Leftovers
from services.db.repairs import Repairs
from services.engine import Engines
from services.wiring.core import Core
from services.wiring.search import engines


def verification(core: Core, generations: Engines, *, ring: Callable[[list[str]], None] | None = None) -> Verification:
    """Registry, blobs and the generation that is read now, audited and mended. `ring` hears of the work to be done;
    the workers do where none is given.
    """
    registry = AuditRegistry(core.database)

    def mender(cautious: bool) -> Mender:
        return Mender(
            registry=registry,
            repairs=Repairs(core.database),
            blobs=core.blobs,
            index=generations.index,
            ring=ring or core.doorbell.ring,
            cautious=cautious,
        )

    return Verification(
        auditor=Auditor(registry=registry, blobs=core.blobs, index=generations.index),
        registry=registry,
        mender=mender,
        prepare=lambda: _prepare(core, generations),
    )


def _prepare(core: Core, generations: Engines) -> None:
    """Make the active generation's collection where it was lost; generations that lost theirs are given up."""
    if not generations.index().is_prepared():
        engine = generations.active()
        engine.index.prepare(engine.embedder.dimension)
    if not all(index.is_prepared() for index in generations.living()):
        Generations(core.database).drop(("building", "built", "retired"))


def clearing(core: Core) -> Clearing:
    """What the scheduler clears away."""
    return Clearing(leftovers=Leftovers(core.database), blobs=core.blobs)


def watch(core: Core) -> Watch:
    """What the scheduler runs beside the reconciler. No model is loaded unless the whole index was lost."""
    generations = engines(core)
    return Watch(
        registry=AuditRegistry(core.database), index=generations.index, verification=verification(core, generations)
    )
