"""A worker that can be struck at any step: its database and its index count what is asked of them.

At the step that was chosen something happens, once: the worker dies, so that nothing it does afterwards reaches
anybody, as after SIGKILL; or others act while it stands still, as after SIGSTOP, and it goes on. Knows nothing of what
is tested.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from qdrant_client import QdrantClient
from sqlalchemy.orm import Session

from services.db.database import Database

ANY = "any"


class Killed(BaseException):
    """The worker is no more."""


class Fate:
    """Counts what a worker does; at the `nth` step of the kind `moment` (ANY: of whatever kind) it `strikes`.

    Kinds are `read` and `write` of the registry, and `before upsert`, `after upsert` and so on of the index. Once
    `strikes` has raised Killed, so does every later step.
    """

    def __init__(self, moment: str, nth: int, strikes: Callable[[], None]) -> None:
        self._moment = moment
        self._nth = nth
        self._strikes = strikes
        self._lock = threading.Lock()
        self._taken = 0
        self._dead = False

    def step(self, kind: str) -> None:
        """One more step."""
        with self._lock:
            self._taken += self._moment in (ANY, kind)
            struck = self._moment in (ANY, kind) and self._taken == self._nth
        if self._dead:
            raise Killed
        if struck:
            try:
                self._strikes()
            except Killed:
                self._dead = True
                raise


def dies() -> None:
    """What strikes a worker that is killed."""
    raise Killed


class StruckDatabase(Database):
    """The registry as that worker reaches it."""

    def __init__(self, database: Database, fate: Fate) -> None:
        super().__init__(database.url.render_as_string(hide_password=False))
        self._fate = fate

    @contextmanager
    def read(self) -> Iterator[Session]:
        self._fate.step("read")
        with super().read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        self._fate.step("write")
        with super().write() as session:
            yield session


class StruckClient:
    """The index as that worker reaches it: a step before each call and one behind it, when it was applied."""

    def __init__(self, client: QdrantClient, fate: Fate) -> None:
        self._client = client
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def stepped(*arguments: Any, **named: Any) -> Any:
            self._fate.step(f"before {name}")
            answer = call(*arguments, **named)
            self._fate.step(f"after {name}")
            return answer

        return stepped
