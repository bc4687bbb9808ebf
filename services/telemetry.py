"""Logs as JSON lines on standard error, and the metrics. Nobody logs document text, questions or secrets.

Ingestion happens in workers, which serve no HTTP: its metrics are read from the database when they are asked for
(`services/api/scrape.py`). So every API process shows the whole system: take the maximum over them, never the sum.
Those of questions (requests, answers, limits, audit) are each process's own. Counters begin with the process, as
Prometheus expects. No label is a name, an id or a text.
"""

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

METRICS = CollectorRegistry()
REQUESTS = Counter("footnote_requests_total", "HTTP requests", ["method", "route", "status"], registry=METRICS)
ANSWERS = Counter("footnote_answers_total", "Answers by outcome and mode", ["outcome", "mode"], registry=METRICS)
ANSWER_SECONDS = Histogram("footnote_answer_seconds", "Time to the whole answer", registry=METRICS)
OPEN_ANSWERS = Gauge("footnote_open_answers", "Answers under way in this process", registry=METRICS)
RATE_LIMITED = Counter("footnote_rate_limited_total", "Refused by a rate limit, whose", ["kind"], registry=METRICS)
RATE_LIMITS_LOCAL = Gauge("footnote_rate_limits_local", "1: limits count this process alone", registry=METRICS)
AUDIT_LOST = Counter("footnote_audit_lost_total", "Audit events that could not be written", registry=METRICS)

DOCUMENTS = Gauge("footnote_documents", "Documents by state", ["state"], registry=METRICS)
QUEUE_JOBS = Gauge("footnote_queue_jobs", "Jobs: due, later, running", ["when"], registry=METRICS)
QUEUE_OLDEST_SECONDS = Gauge("footnote_queue_oldest_seconds", "How long the oldest due job waits", registry=METRICS)
STUCK_SECONDS = Gauge("footnote_stuck_seconds", "How long work has not got on; 0: it does", ["what"], registry=METRICS)
REMAINING_SECONDS = Gauge("footnote_remaining_seconds", "Until all is ready; NaN: no basis", registry=METRICS)
WORKERS_BUSY = Gauge("footnote_workers_busy", "Workers that hold a job", registry=METRICS)
INDEX_CHUNKS = Gauge("footnote_index_chunks", "Points in the index; NaN: it does not answer", registry=METRICS)
PART_UP = Gauge("footnote_part_up", "Whether a part answers", ["part"], registry=METRICS)
JOBS = Counter("footnote_jobs_finished_total", "Jobs that ended", ["kind", "outcome"], registry=METRICS)
FAILURES = Counter("footnote_job_failures_total", "Jobs given up, by reason", ["outcome", "code"], registry=METRICS)
ATTEMPTS = Counter("footnote_job_attempts_total", "Attempts of jobs that ended", ["kind"], registry=METRICS)
CHUNKS = Counter("footnote_chunks_total", "Chunks of ingested documents: embedded, reused", ["how"], registry=METRICS)
SYNCS = Counter("footnote_syncs_total", "Syncs of data sources that ended", ["outcome"], registry=METRICS)
DATA_SOURCES = Gauge("footnote_data_sources", "Data sources by state", ["state"], registry=METRICS)
STAGE_SECONDS = Histogram(
    "footnote_stage_seconds", "Time of each stage of a document", ["stage"], registry=METRICS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)  # fmt: skip
READY_SECONDS = Histogram(
    "footnote_ready_seconds", "From a document's acceptance until it is searchable", registry=METRICS,
    buckets=(0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 20, 30, 60, 120, 300, 900, 3600),
)  # fmt: skip


def configure_logging(process: str, level: str) -> None:
    """Log JSON lines from `level` up, each naming the process; other libraries' warnings go the same way."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    shape = '{"level": "%(levelname)s", "logger": "%(name)s", "event": "%(message)s"}'
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format=shape, force=True)


def configure_audit_logging() -> None:
    """Copies of audit events go to standard error too, one JSON line each, whatever the level of other logs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("audit")
    logger.setLevel(logging.INFO)
    logger.handlers = [handler]
