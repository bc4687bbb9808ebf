"""A worker whose children write down that they begin, are up, and ran a job. Arguments: broker, file, how they start.

`slow`: each takes longer than Celery would wait by itself. `broken`: the first one cannot be built.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from services.queue import celery_app
from services.worker import tasks
from services.worker.jobs import JobRunner

# Celery gives a child 4 s where it is told nothing.
SLOW_SECONDS = 7.0


class Writes:
    """Stands for the job runner."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def run(self, job_id: str) -> None:
        self.say(f"ran {job_id}")

    def say(self, what: str) -> None:
        with self._file.open("a") as file:
            file.write(f"{what} {os.getpid()}\n")


def main(broker_url: str, file: Path, how: str) -> None:
    """Serve until it is told to stop."""
    writes = Writes(file)

    def build(_stopping: Callable[[], bool]) -> tuple[JobRunner, Callable[[], None]]:
        is_first = not file.exists()
        writes.say("begun")
        if how == "slow":
            time.sleep(SLOW_SECONDS)
        if how == "broken" and is_first:
            raise OSError("The model is away.")
        writes.say("up")
        return cast(JobRunner, writes), lambda: None

    app = celery_app(broker_url)
    tasks.register(app, build)
    tasks.serve(app, concurrency=1, log_level="warning", waiting=lambda: 0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
