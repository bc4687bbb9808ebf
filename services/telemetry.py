"""Logs as JSON lines on standard error, and the metrics. Nobody logs document text, questions or secrets."""

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

METRICS = CollectorRegistry()
REQUESTS = Counter("footnote_requests_total", "HTTP requests", ["method", "route", "status"], registry=METRICS)
ANSWERS = Counter("footnote_answers_total", "Answers by outcome and mode", ["outcome", "mode"], registry=METRICS)
ANSWER_SECONDS = Histogram("footnote_answer_seconds", "Time to the whole answer", registry=METRICS)


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
