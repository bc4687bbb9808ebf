"""Messages that nobody should send, put straight into the broker's queue. Knows nothing of what becomes of them."""

import base64
import json
import pickle
import random
import uuid
from collections.abc import Sequence
from typing import Any

from redis import Redis

from services.queue import QUEUE, RUN_JOB, Doorbell, celery_app


class Queue:
    """The broker's queue, past Celery."""

    def __init__(self, port: int) -> None:
        self._redis = Redis(port=port, socket_timeout=5)
        url = f"redis://127.0.0.1:{port}/0"
        self._doorbell = Doorbell(celery_app(url), url)

    def __enter__(self) -> "Queue":
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.close()

    def length(self) -> int:
        return self._doorbell.waiting() or 0

    def duplicate(self, job_ids: Sequence[str], times: int) -> None:
        """Ring for each job so many times."""
        for _ in range(times):
            self._doorbell.ring(list(job_ids))

    def reorder(self, draw: random.Random) -> None:
        """Shuffle what waits in the queue."""
        waiting = [self._redis.rpop(QUEUE) for _ in range(min(self.length(), 500))]
        kept = [message for message in waiting if isinstance(message, bytes)]
        draw.shuffle(kept)
        for message in kept:
            self._redis.lpush(QUEUE, message)

    def garbage(self, draw: random.Random) -> None:
        """Bytes, JSON of the wrong shape, and an envelope around nothing."""
        self.push(draw.randbytes(40), b"{}", b"[]", b'"text"', b"null", b"\xff\xfe", b"{" * 2000)
        self.push(envelope(b"not json"), envelope(b"[]"), envelope(b"[[], {}, {}]", task="no.such.task"))

    def pickled(self) -> None:
        """A pickle that would run a command, as a message that says so and as one that lies."""
        body = pickle.dumps((("x",), {}, _Bomb()))
        self.push(envelope(body, content_type="application/x-python-serialize", encoding="binary"), envelope(body))

    def stale(self) -> None:
        """Jobs that never were, arguments of another release."""
        unknown = json.dumps([[str(uuid.uuid4())], {}, {}]).encode()
        more = json.dumps([[str(uuid.uuid4()), "document", 7], {"priority": 3}, {}]).encode()
        self.push(envelope(unknown), envelope(more), envelope(b"[[null], {}, {}]"), envelope(b"[[{}], {}, {}]"))

    def push(self, *messages: bytes) -> None:
        self._redis.lpush(QUEUE, *messages)


def envelope(
    body: bytes, *, task: str = RUN_JOB, content_type: str = "application/json", encoding: str = "utf-8"
) -> bytes:
    """What Celery's Redis transport keeps in its list around a body."""
    identity = str(uuid.uuid4())
    said: dict[str, Any] = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": encoding,
        "content-type": content_type,
        "headers": {"lang": "py", "task": task, "id": identity, "root_id": identity, "argsrepr": "", "kwargsrepr": ""},
        "properties": {
            "correlation_id": identity,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    return json.dumps(said).encode()


class _Bomb:
    """Fails the run loudly should anybody ever unpickle it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (__import__, ("footnote_was_tricked_into_unpickling",))
