"""Searches that hang, as they do while the index does: the retriever is a stub at the seam that waits to be let go."""

import asyncio
import threading
from typing import Any, cast

import pytest

from retrieval.errors import OverloadedError
from retrieval.retriever import Retrieved, Retriever
from retrieval.searching import THREADS, Searches
from retrieval.types import Principal

ASKER = Principal("u1", "ann@example.com", frozenset({"everyone"}))


class Hanging:
    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.found = cast(Retrieved, object())

    def retrieve(self, *_: Any, **__: Any) -> Retrieved:
        assert self.let_go.wait(30)
        return self.found


def test_while_every_search_hangs_other_threads_go_on() -> None:
    async def run() -> None:
        searches = Searches(cast(Retriever, hanging := Hanging()))
        asking = [asyncio.create_task(searches.retrieve("q", ASKER)) for _ in range(2 * THREADS)]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: "checked") == "checked"
        hanging.let_go.set()
        assert await asyncio.gather(*asking) == [hanging.found] * len(asking)

    asyncio.run(run())


def test_one_too_many_is_refused_at_once_and_one_that_nobody_waits_for_counts_until_it_ends() -> None:
    async def run() -> None:
        searches = Searches(cast(Retriever, hanging := Hanging()), most=2)
        left, kept = (asyncio.create_task(searches.retrieve("q", ASKER)) for _ in range(2))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
        with pytest.raises(OverloadedError) as refused:
            await searches.retrieve("q", ASKER)
        assert refused.value.code == "too_busy"
        hanging.let_go.set()
        await kept
        # Nobody is told when the one that was left has ended.
        assert await asyncio.wait_for(two_at_once(searches), timeout=60) == [hanging.found] * 2

    async def two_at_once(searches: Searches) -> list[object]:
        while True:
            found = await asyncio.gather(*(searches.retrieve("q", ASKER) for _ in range(2)), return_exceptions=True)
            if not any(isinstance(one, OverloadedError) for one in found):
                return list(found)
            await asyncio.sleep(0.01)

    asyncio.run(run())
