"""What the worker needs: a job runner and its parse sandbox. Knows nothing of Celery's signals."""

from collections.abc import Callable
from contextlib import suppress

from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.errors import FootnoteError
from services.db.activation import Activation
from services.db.database import SMALL
from services.db.work import Work
from services.settings import Settings
from services.wiring.core import Core
from services.wiring.search import engines
from services.worker.jobs import JobRunner
from services.worker.orphans import Orphans
from services.worker.owner import own_name


def job_runner(settings: Settings, stopping: Callable[[], bool]) -> tuple[JobRunner, Callable[[], None]]:
    """A runner for this process, and the function that closes what it holds."""
    core = Core(settings, pool=SMALL)  # cutting, embedding, writing, heartbeat, orphans: one connection each at most
    sandbox = ParseSandbox(ParseLimits())
    generations = engines(core)
    with suppress(FootnoteError):  # before the API has made the tables; then it is loaded for the first job
        generations.active()
    runner = JobRunner(
        queue=core.jobs,
        activation=Activation(core.database),
        work=Work(core.database),
        blobs=core.blobs,
        parser=sandbox,
        engines=generations,
        ring=core.doorbell.ring,
        name=own_name(),
        stopping=stopping,
        interrupt=sandbox.interrupt,
    )

    orphans = Orphans(core.jobs, core.doorbell.ring).start()

    def close() -> None:
        orphans.close()
        sandbox.close()
        core.close()

    return runner, close
