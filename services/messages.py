"""What may lie in the broker's queue: a job's id in Celery's envelope, and nothing else. Knows nothing of jobs.

Celery takes more on trust: one message that is not JSON ends its worker process, one whose arguments are no triple ends
it again each time the message is restored, and so does a broker that is full (seen in `make faults` with Celery 5.7).
This transport looks at every message before Celery does and drops what is not ours. Nothing is lost by that: the
reconciler rings again.
"""

import base64
import json
from collections.abc import Mapping
from queue import Empty
from typing import Any

import structlog
from kombu.transport import redis
from redis.exceptions import ResponseError

from services.queue import RUN_JOB

_log = structlog.get_logger(__name__)


def is_doorbell(message: object) -> bool:
    """Whether this is what `Doorbell.ring` sends: JSON, our task, one job id."""
    try:
        body = json.loads(base64.b64decode(_text(message, "body"), validate=True))
        return (
            _text(message, "content-type") == "application/json"
            and _text(message, "headers", "task") == RUN_JOB
            and bool(_text(message, "headers", "id"))
            and bool(_text(message, "properties", "delivery_tag"))
            and _text(message, "properties", "body_encoding") == "base64"
            and isinstance(_part(message, "properties", "delivery_info"), Mapping)
            and _is_one_id(body)
        )
    except (ValueError, RecursionError):
        return False


def _is_one_id(body: object) -> bool:
    match body:
        case [[str()], dict(), dict()]:
            return True
        case _:
            return False


def _part(message: object, *path: str) -> object:
    """What lies there. Raises ValueError where nothing does."""
    for name in path:
        if not isinstance(message, Mapping) or name not in message:
            raise ValueError(name)
        message = message[name]
    return message


def _text(message: object, *path: str) -> str:
    part = _part(message, *path)
    if not isinstance(part, str):
        raise ValueError(path)
    return part


class Channel(redis.Channel):
    """Kombu's channel, for which bytes that are no message are none."""

    def _brpop_read(self, **options: Any) -> Any:
        self.connection.delivering = False
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            if self.connection.delivering:
                raise  # a fault of Celery's own, not of the bytes
            _log.warning("message_dropped", why=type(error).__name__)
            raise Empty from error


class Transport(redis.Transport):
    """Kombu's Redis transport, which hands on doorbells only.

    A broker that refuses, because its memory or its disk is full, counts as one that is away: Celery waits for it,
    where it would end its process otherwise.
    """

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)
    delivering = False

    def _deliver(self, message: object, queue: str) -> None:
        if is_doorbell(message):
            self.delivering = True
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        else:
            _log.warning("message_dropped", why="not a doorbell")
