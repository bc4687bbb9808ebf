"""Celery's side of the worker: a message carries a job's id, the rest is `services/worker/jobs.py`.

Knows nothing of documents. Celery forks its children; each builds its own parts on start, since neither database
connections nor the embedding runtime survive a fork.
"""

import os
import signal
import sys
import time
from collections.abc import Callable

import structlog
from celery import Celery
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from celery.worker import state

from services.garbage import settle
from services.queue import RUN_JOB
from services.worker.jobs import JobRunner
from services.worker.stopping import StopFlag
from services.worker.watchdog import Watchdog

START_AGAIN_SECONDS = 5.0
_log = structlog.get_logger(__name__)


def register(app: Celery, build: Callable[[Callable[[], bool]], tuple[JobRunner, Callable[[], None]]]) -> None:
    """Add the one task to the app; `build` makes a runner and the function that closes its parts.

    It is given what says whether the worker was told to stop.
    """
    runners: list[tuple[JobRunner, Callable[[], None]]] = []
    stopping = StopFlag()

    def start(**_: object) -> None:
        try:
            runners.append(build(stopping))
            settle()
        except Exception:
            # Celery would log it and count on a child that can do nothing. It puts another in the place of a dead one.
            _log.exception("worker_child_not_started")
            time.sleep(START_AGAIN_SECONDS)
            os._exit(1)

    def stop(**_: object) -> None:
        for _runner, close in runners:
            close()

    def run_job(job_id: str) -> None:
        runners[0][0].run(job_id)

    app.task(run_job, name=RUN_JOB)
    worker_init.connect(_before_forks, weak=False)
    setup_logging.connect(_keep_ours, weak=False)
    worker_process_init.connect(start, weak=False)
    worker_process_shutdown.connect(stop, weak=False)
    worker_shutting_down.connect(stopping.set, weak=False)


def serve(app: Celery, *, concurrency: int, log_level: str, waiting: Callable[[], int | None]) -> None:
    """Run a prefork worker until it is told to stop; one that is stuck becomes a new one under the same pid.

    `waiting` counts the messages in the broker's queue.
    """
    watchdog = Watchdog(waiting=waiting, busy=_busy, restart=lambda: os.kill(os.getpid(), signal.SIGTERM))
    worker_ready.connect(lambda **_: watchdog.start(), weak=False)
    try:
        app.worker_main(
            [
                "--quiet",  # Celery's banner
                "worker",
                f"--concurrency={concurrency}",
                f"--loglevel={log_level}",
                "--pool=prefork",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ]
        )
    finally:
        if watchdog.barked:
            os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - ourselves, as we were started


def _busy() -> bool:
    return bool(state.active_requests or state.reserved_requests)


def _keep_ours(**_: object) -> None:
    """Being connected is enough: Celery then leaves logging as `services/telemetry.py` set it up."""


def _before_forks(**_: object) -> None:
    settle()
