"""The Celery app and the doorbell. The database is the queue: a lost message costs seconds, never a document.

Knows nothing of what a task does.
"""

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

RUN_JOB = "footnote.run_job"
QUEUE = "footnote"
# A worker that answers takes whatever is due. So many messages wake as many workers; more would tell nobody anything.
ENOUGH = 64
_log = structlog.get_logger(__name__)


def celery_app(broker_url: str) -> Celery:
    """JSON only, ids only, one message at a time, acknowledged after the work, results not kept."""
    app = Celery("footnote", broker=broker_url)
    app.conf.update(
        broker_transport="services.messages:Transport",
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_default_queue=QUEUE,
        task_acks_late=True,
        task_reject_on_worker_lost=False,  # the lease runs out by itself; a poison message must not come back
        worker_prefetch_multiplier=1,
        # A child that takes another's place loads the model first. After the 4 s that are Celery's own it would be
        # killed, as would the next one, for ever.
        worker_proc_alive_timeout=600,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"socket_connect_timeout": 2, "socket_timeout": 10, "visibility_timeout": 3600},
        task_publish_retry=False,
        task_soft_time_limit=1500,
        task_time_limit=1800,
    )
    return app


class Doorbell:
    """Tells workers that work is waiting. Failing is no error: the reconciler rings again.

    A message names a job, but whoever receives it goes on with all that is due: a message that waits already will be
    answered after the job was committed, so that no further one is needed.
    """

    def __init__(self, app: Celery, broker_url: str) -> None:
        self._app = app
        self._redis = Redis.from_url(broker_url, socket_connect_timeout=1, socket_timeout=1)

    def ring(self, job_ids: list[str] | tuple[str, ...]) -> None:
        """Send one message per job, but no more than do any good."""
        if not job_ids:
            return
        waiting = self.waiting()
        if waiting is None:
            _log.warning("broker_unavailable", jobs=len(job_ids))
            return
        for job_id in job_ids[: max(ENOUGH - waiting, 0)]:
            try:
                self._app.send_task(RUN_JOB, args=[job_id])
            except (OperationalError, RedisError, OSError):
                _log.warning("broker_unavailable", jobs=len(job_ids))
                return

    def waiting(self) -> int | None:
        """Messages in the broker's queue, None where it does not answer."""
        try:
            length = self._redis.llen(QUEUE)
        except (RedisError, OSError):
            return None
        return length if isinstance(length, int) else None
