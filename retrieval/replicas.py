"""Several servers of one model as one model: the least busy answers, another one stands in, and a slow start is hedged.

Knows nothing of what is asked. As `ChatModel` it raises ModelUnavailableError, at any point, and tries nothing again
once text has come.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from retrieval.breaker import RetryBudget
from retrieval.context_window import MAX_ANSWER_TOKENS, Room
from retrieval.errors import ModelUnavailableError
from retrieval.llm import ChatModel, Finished, ModelUnreachableError

Piece = str | Finished
Messages = Sequence[tuple[str, str]]
# A first token that takes longer is asked for a second time elsewhere: vLLM's own come well within a second.
HEDGE_SECONDS = 2.0
# R8: whoever waits for a first word hears within 10 s that none comes, however many servers were asked.
FIRST_SECONDS = 9.5


class Model(Protocol):
    """What the answerer needs of a model, however many servers stand behind it."""

    model: str

    async def room(self, prompt: int) -> Room: ...

    def stream(
        self, messages: Messages, *, sources: int | None = None, max_tokens: int = MAX_ANSWER_TOKENS
    ) -> AsyncGenerator[Piece, None]: ...

    async def complete(self, messages: Messages, *, max_tokens: int, seconds: float) -> tuple[str, Finished]: ...


@dataclass(eq=False)
class _Replica:
    """A server, and how many requests of ours it has in hand."""

    model: ChatModel
    busy: int = 0


class Replicas:
    """One model on several servers. For one event loop; close it with `aclose`."""

    def __init__(
        self,
        replicas: Sequence[ChatModel],
        *,
        hedge_seconds: float = HEDGE_SECONDS,
        first_seconds: float = FIRST_SECONDS,
        budget: RetryBudget | None = None,
    ) -> None:
        """At least one replica. A first token is asked for twice after `hedge_seconds`, given up after `first_seconds`.

        `budget` limits second requests, so that a slow fleet is not asked twice as much.
        """
        self._replicas = [_Replica(model) for model in replicas]
        self._hedge_seconds = hedge_seconds
        self._first_seconds = first_seconds
        self._budget = budget or RetryBudget()
        self.model = replicas[0].model

    async def room(self, prompt: int) -> Room:
        """The room that every one of them has, since nobody knows yet which will answer."""
        rooms = await asyncio.gather(*(replica.model.room(prompt) for replica in self._replicas))
        return min(rooms, key=lambda room: (room.prompt, room.answer))

    async def stream(
        self, messages: Messages, *, sources: int | None = None, max_tokens: int = MAX_ANSWER_TOKENS
    ) -> AsyncGenerator[Piece, None]:
        """As ChatModel.stream, from whichever server speaks first of those that were asked."""
        self._budget.called()
        tries = [_Try(replica, messages, sources, max_tokens) for replica in self._by_load()]
        try:
            first = await self._first(tries)
            for one in tries:
                if one is not first:  # its server would write a whole answer that nobody reads
                    one.end()
            async with aclosing(first.rest()) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            for one in tries:
                one.end()
            await asyncio.shield(asyncio.gather(*(one.ended for one in tries if one.ended)))

    async def complete(self, messages: Messages, *, max_tokens: int, seconds: float) -> tuple[str, Finished]:
        """As ChatModel.complete, from the least busy server that can be reached."""
        unreachable = ModelUnreachableError("The language model is not available.")
        for replica in self._by_load():
            replica.busy += 1
            try:
                return await replica.model.complete(messages, max_tokens=max_tokens, seconds=seconds)
            except ModelUnreachableError as error:
                unreachable = error
            finally:
                replica.busy -= 1
        raise unreachable

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(replica.model.aclose() for replica in self._replicas))

    def _by_load(self) -> list[_Replica]:
        """Those that are not given a rest, the least busy one first; all of them where each one is."""
        awake = [replica for replica in self._replicas if not replica.model.is_resting]
        return sorted(awake or self._replicas, key=lambda replica: replica.busy)

    async def _first(self, tries: Sequence["_Try"]) -> "_Try":
        """Begin one after the other until one speaks; the one that did. Raises ModelUnavailableError."""
        ends_at = asyncio.get_running_loop().time() + self._first_seconds
        waiting = list(tries)
        begun = [waiting.pop(0).begin()]
        while True:
            left = ends_at - asyncio.get_running_loop().time()
            over = await _over(begun, min(self._hedge_seconds, left) if waiting and len(begun) == 1 else left)
            for one in over:
                if one.speaking.exception() is None:
                    return one
                one.end()
            begun = [one for one in begun if one not in over]
            error = over[0].speaking.exception() if over else None
            free = isinstance(error, ModelUnreachableError)  # it cost no server anything
            if waiting and left > 0 and (free or self._budget.takes()):
                begun.append(waiting.pop(0).begin())
            elif not begun:
                raise error or ModelUnavailableError("The language model is not available.")
            elif left <= 0:
                raise ModelUnavailableError("The language model takes too long.")
            else:
                waiting.clear()


class _Try:
    """One request to one replica, counted while it lasts."""

    def __init__(self, replica: _Replica, messages: Messages, sources: int | None, max_tokens: int) -> None:
        self._replica = replica
        self._pieces = replica.model.stream(messages, sources=sources, max_tokens=max_tokens)
        self._counted = False
        self.speaking: asyncio.Future[Piece]
        self.ended: asyncio.Future[None] | None = None

    def begin(self) -> "_Try":
        """Send it; `speaking` is its first piece."""
        self._counted = True
        self._replica.busy += 1
        self.speaking = asyncio.ensure_future(anext(self._pieces))
        return self

    async def rest(self) -> AsyncGenerator[Piece, None]:
        """Everything that it says."""
        yield self.speaking.result()
        async for piece in self._pieces:
            yield piece

    def end(self) -> None:
        """Count it no more and free its server; `ended` is when that is done. It waits for nothing, so it is whole."""
        if not self._counted:
            return
        self._counted = False
        self._replica.busy -= 1
        self.speaking.cancel()
        self.ended = carried_out(self._close())

    async def _close(self) -> None:
        await asyncio.gather(self.speaking, return_exceptions=True)
        await self._pieces.aclose()


async def _over(tries: Sequence[_Try], seconds: float) -> list[_Try]:
    """Those that have spoken or failed, as soon as there is one; none where that takes longer."""
    done, _ = await asyncio.wait([one.speaking for one in tries], timeout=seconds, return_when="FIRST_COMPLETED")
    return [one for one in tries if one.speaking in done]


# The event loop holds its tasks weakly; these are held until they are done.
_carried_out: set[asyncio.Task[None]] = set()


def carried_out(ending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A clean-up in a task of its own, to be waited for behind `asyncio.shield`: it comes to its end in any case.

    Whoever waits for it may not: a reader who leaves is cut off by an anyio cancel scope, which cancels again on every
    turn of the loop, so that of a clean-up in the reader's own task nothing behind the first `await` would happen.
    """
    task = asyncio.create_task(ending)
    _carried_out.add(task)
    task.add_done_callback(_carried_out.discard)
    return task
