"""What the worker needs: a job runner and its parse sandbox. Knows nothing of Celery's signals."""

import os
import socket
from collections.abc import Callable

from ingest.sandbox import ParseLimits, ParseSandbox
from services.db.work import Work
from services.settings import Settings
from services.wiring.core import Core
from services.wiring.search import chunk_index, embedder
from services.worker.jobs import JobRunner


def job_runner(settings: Settings) -> tuple[JobRunner, Callable[[], None]]:
    """A runner for this process, and the function that closes what it holds."""
    core = Core(settings)
    sandbox = ParseSandbox(ParseLimits())
    model = embedder(settings)
    index = chunk_index(settings, model.dimension)
    runner = JobRunner(
        queue=core.jobs,
        work=Work(core.database),
        blobs=core.blobs,
        parse=sandbox.parse,
        embedder=model,
        index=index,
        ring=core.doorbell.ring,
        name=f"{socket.gethostname()}:{os.getpid()}",
    )

    def close() -> None:
        sandbox.close()
        core.close()

    return runner, close
