"""The retriever for an event loop: searches run in threads of their own.

An index that hangs holds its thread for ten seconds. Were these the threads in which sentences are checked and people
sign in, everything else would stand still with it. Knows nothing of what a search does.
"""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from retrieval.errors import OverloadedError
from retrieval.retriever import Retrieved, Retriever
from retrieval.types import NO_FILTERS, Principal, SearchFilters

THREADS = 16


class Searches:
    """At most `most` of them wait or run at a time; None: no limit here."""

    def __init__(self, retriever: Retriever, *, most: int | None = None) -> None:
        self._retriever = retriever
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="search")
        self._room = threading.BoundedSemaphore(most) if most is not None else None

    async def retrieve(
        self, query: str, principal: Principal, *, filters: SearchFilters = NO_FILTERS, top_k: int = 8
    ) -> Retrieved:
        """See `Retriever.retrieve`. Raises OverloadedError(code="too_busy") where there are enough, too.

        A thread that nobody waits for any more counts until the index has answered.
        """
        room = self._room
        if room is not None and not room.acquire(blocking=False):
            raise OverloadedError("Too many searches are under way. Ask again in a moment.", code="too_busy")
        search = partial(self._retriever.retrieve, query, principal, filters=filters, top_k=top_k)
        running = self._threads.submit(contextvars.copy_context().run, search)
        if room is not None:
            running.add_done_callback(lambda _: room.release())
        return await asyncio.wrap_future(running)
