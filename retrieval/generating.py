"""One answer asked of the model: its prompt, the request, the sentences that it writes, what that cost.

Knows nothing of evidence, or of which sentences a reader sees.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from functools import partial
from typing import Self

from retrieval.citations import Draft, SentenceReader
from retrieval.llm import Finished
from retrieval.prompts import answer_messages, pack_sources
from retrieval.replicas import Model, Piece, carried_out
from retrieval.token_counting import TokenCounter
from retrieval.transcript import Transcript
from retrieval.types import Source


class Generation:
    """One request to the model. After `begin` the model works, whether or not anybody takes its sentences already.

    `aclose` ends the request at once; what was asked for is counted in the transcript all the same.
    """

    def __init__(
        self, model: Model, question: str, sources: Sequence[Source], transcript: Transcript, *,
        as_of: datetime | None, room: int, tokens: TokenCounter,
    ) -> None:  # fmt: skip
        """`sources` are those of the prompt, numbered from 1; `room` is what the answer may take, in tokens."""
        self.sources = sources
        self._model = model
        self._messages = answer_messages(question, sources, as_of=as_of)
        self._room = room
        self._tokens = tokens
        self._transcript = transcript
        self._begun: tuple[asyncio.Future[Piece], AsyncGenerator[Piece, None]] | None = None
        self._ended: asyncio.Future[None] | None = None
        self._written, self._counted = "", False

    @classmethod
    async def prepared(
        cls, model: Model, question: str, found: Sequence[Source], transcript: Transcript, *,
        as_of: datetime | None, max_prompt_tokens: int, tokens: TokenCounter,
    ) -> Self:  # fmt: skip
        """The request for an answer from as many of the sources `found` as fit. Nothing is sent yet."""
        room = await model.room(max_prompt_tokens)
        packed = partial(pack_sources, found, question, as_of=as_of, max_tokens=room.prompt, tokens=tokens)
        made = partial(cls, model, question, transcript=transcript, as_of=as_of, room=room.answer, tokens=tokens)
        return await asyncio.to_thread(lambda: made(sources=packed()))

    def begin(self) -> tuple[asyncio.Future[Piece], AsyncGenerator[Piece, None]]:
        """Send the request, unless it was sent; its first piece to come, and those behind that."""
        if self._begun is None:
            self._transcript.used(calls=1)
            pieces = self._model.stream(self._messages, sources=len(self.sources), max_tokens=self._room)
            self._begun = asyncio.ensure_future(anext(pieces)), pieces
        return self._begun

    async def drafts(self) -> AsyncGenerator[Draft, None]:
        """Yield the sentences that the model writes. One that is cut off, by a fault or a limit, is left out.

        Raises ModelUnavailableError, at any point. Closing it ends the request.
        """
        reader = SentenceReader(len(self.sources))
        try:
            async for piece in self._all():
                if isinstance(piece, Finished):
                    self._count(piece)
                    drafts = [] if piece.cut else reader.finish()
                else:
                    self._written += piece
                    drafts = reader.feed(piece)
                for draft in drafts:
                    yield draft
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End the request, if there is one. It ends as well where whoever waits for that is cut off."""
        if self._begun is None:
            return
        if self._ended is None:
            self._begun[0].cancel()
            self._ended = carried_out(self._close(*self._begun))
        await asyncio.shield(self._ended)

    async def _close(self, first: asyncio.Future[Piece], rest: AsyncGenerator[Piece, None]) -> None:
        (ended,) = await asyncio.gather(first, return_exceptions=True)
        await rest.aclose()
        failed = isinstance(ended, Exception)
        if not self._counted and not failed:  # broken off, by us or by the server: it was paid for all the same
            self._count(Finished(True, None, None))

    async def _all(self) -> AsyncGenerator[Piece, None]:
        first, rest = self.begin()
        yield await first
        async for piece in rest:
            yield piece

    def _count(self, finished: Finished) -> None:
        self._counted = True
        count(self._transcript, self._messages, self._written, finished, self._tokens)


def count(
    transcript: Transcript, messages: Sequence[tuple[str, str]], text: str, finished: Finished, tokens: TokenCounter
) -> None:
    """Add what a call used; where the server does not say, our own count."""
    prompt, completion = finished.prompt_tokens, finished.completion_tokens
    transcript.used(
        prompt=tokens.prompt(messages) if prompt is None else prompt,
        completion=tokens.text(text) if completion is None else completion,
    )
