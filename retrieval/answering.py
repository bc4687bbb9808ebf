"""Answerer: a question and a principal in, typed answer events out.

Knows nothing of HTTP, storage or settings. It runs the journey of a question (design.md, section 4) and keeps its
promises: an answer ends with AnswerDone; a sentence is shown once it is checked; a model that fails costs the reader
its wording and not the answer.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from retrieval.citations import Draft, SentenceReader, with_markers
from retrieval.errors import ModelUnavailableError
from retrieval.evidence import Evidence, Strictness, closest, weigh
from retrieval.explaining import explained, judged
from retrieval.extractive import select
from retrieval.follow_up import carry_topic
from retrieval.llm import ChatModel, Finished
from retrieval.prompts import (
    MAX_PROMPT_TOKENS,
    NO_ANSWER,
    CountTokens,
    Message,
    answer_messages,
    estimate_tokens,
    numbered,
    pack_sources,
    rewrite_messages,
)
from retrieval.reading import EmbedTexts, Reading, read
from retrieval.retriever import Retrieved, Retriever
from retrieval.support import SupportCheck
from retrieval.terms import terms
from retrieval.transcript import Transcript
from retrieval.types import (
    NO_FILTERS,
    AnswerDone,
    AnswerEvent,
    Citation,
    Explanation,
    Mode,
    Principal,
    Refusal,
    RefusalReason,
    SearchFilters,
    SentenceStatus,
    Source,
    SourcesFound,
    Turn,
)

# How many of the nearest passages a refusal shows.
CLOSEST = 3
REWRITE_TOKENS = 96
# A dead or hung model has to show within 10 s (R8), whichever of the two calls finds it out.
REWRITE_SECONDS = 6.0


class Answerer:
    """Answers questions from what the asker may read. Without a model the answers are extractive."""

    def __init__(
        self,
        retriever: Retriever,
        *,
        model: ChatModel | None = None,
        strictness: Strictness = Strictness.BALANCED,
        show_unsupported: bool = False,
        max_prompt_tokens: int = MAX_PROMPT_TOKENS,
        count_tokens: CountTokens = estimate_tokens,
    ) -> None:
        self._retriever = retriever
        self._model = model
        self._strictness = strictness
        self._show_unsupported = show_unsupported
        self._max_prompt_tokens = max_prompt_tokens
        self._count_tokens = count_tokens

    async def answer(
        self,
        question: str,
        principal: Principal,
        *,
        answer_id: str,
        conversation_id: str,
        history: Sequence[Turn] = (),
        filters: SearchFilters = NO_FILTERS,
        top_k: int = 8,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield SourcesFound, then TextDelta and SentenceChecked for each sentence shown, then AnswerDone.

        Raises what the retriever raises (InvalidFilterError, ForbiddenError, IndexUnavailableError). Closing the
        generator ends a running model request at once.
        """
        transcript = Transcript(answer_id, conversation_id)
        query, model = await self._standalone(question, history, transcript)
        transcript.explanation = Explanation(query)
        if not terms(query):
            yield SourcesFound(())
            yield transcript.done(Refusal(RefusalReason.UNCLEAR_QUESTION))
            return
        reading, evidence, embed = await self._found(query, principal, filters, top_k, transcript)
        if not evidence.suffices(self._strictness):
            yield SourcesFound(())
            nearest = numbered(closest(evidence, reading.hits, CLOSEST))
            yield transcript.done(Refusal(RefusalReason.NO_EVIDENCE, nearest))
            return
        transcript.sources = numbered(reading.hits)
        yield SourcesFound(transcript.sources)
        if model is not None:
            async with aclosing(self._generated(model, query, transcript, embed)) as generated:
                async for event in generated:
                    yield event
                    if isinstance(event, AnswerDone):
                        return
        for event in _extractive(reading, evidence, transcript):
            yield event

    async def _found(
        self, query: str, principal: Principal, filters: SearchFilters, top_k: int, transcript: Transcript
    ) -> tuple[Reading, Evidence, EmbedTexts]:
        began = time.perf_counter()
        retrieved = await asyncio.to_thread(self._retriever.retrieve, query, principal, filters=filters, top_k=top_k)
        transcript.took("retrieve", began)
        began = time.perf_counter()
        reading, evidence = await asyncio.to_thread(_weighed, query, retrieved)
        transcript.took("rerank", began)
        transcript.explanation = judged(explained(retrieved), evidence, self._strictness)
        return reading, evidence, retrieved.embedder.embed_dense

    async def _standalone(
        self, question: str, history: Sequence[Turn], transcript: Transcript
    ) -> tuple[str, ChatModel | None]:
        """The question as it can be searched for, and the model: None where it has just failed."""
        if not history or self._model is None:
            return carry_topic(question, history), self._model
        began = time.perf_counter()
        messages = rewrite_messages(question, history, count_tokens=self._count_tokens)
        transcript.used(calls=1)
        try:
            text, finished = await self._model.complete(messages, max_tokens=REWRITE_TOKENS, seconds=REWRITE_SECONDS)
        except ModelUnavailableError:
            return carry_topic(question, history), None
        finally:
            transcript.took("rewrite", began)
        self._count(transcript, messages, text, finished)
        return _one_line(text) or carry_topic(question, history), self._model

    async def _generated(
        self, model: ChatModel, query: str, transcript: Transcript, embed: EmbedTexts
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the model's sentences as they are checked, and AnswerDone.

        Ends without AnswerDone where the model failed before anything was shown: then the extractive answer takes over.
        """
        transcript.mode = Mode.GENERATED
        sources = pack_sources(
            transcript.sources, query, max_tokens=self._max_prompt_tokens, count_tokens=self._count_tokens
        )
        gate = _Gate(SupportCheck(sources, embed), transcript, show_unsupported=self._show_unsupported)
        refusal = Refusal(RefusalReason.NO_EVIDENCE, transcript.sources[:CLOSEST])
        try:
            async with aclosing(self._drafts(model, query, sources, transcript)) as drafts:
                async for draft in drafts:
                    if NO_ANSWER in draft.text:
                        break
                    for event in await asyncio.to_thread(gate.admit, draft):
                        yield event
        except ModelUnavailableError:
            if not transcript.sentences:
                transcript.mode = Mode.EXTRACTIVE
                return
        yield transcript.done(None if transcript.sentences else refusal)

    async def _drafts(
        self, model: ChatModel, query: str, sources: Sequence[Source], transcript: Transcript
    ) -> AsyncGenerator[Draft, None]:
        """Yield the sentences that the model writes. One that is cut off, by a fault or a limit, is left out."""
        messages = answer_messages(query, sources)
        reader = SentenceReader(len(sources))
        written = ""
        transcript.used(calls=1)
        async with aclosing(model.stream(messages, sources=len(sources))) as stream:
            async for piece in stream:
                if isinstance(piece, Finished):
                    self._count(transcript, messages, written, piece)
                    drafts = [] if piece.cut else reader.finish()
                else:
                    written += piece
                    drafts = reader.feed(piece)
                for draft in drafts:
                    yield draft

    def _count(self, transcript: Transcript, messages: Sequence[Message], text: str, finished: Finished) -> None:
        """Add what a call used; where the server does not say, our own estimate."""
        prompt, completion = finished.prompt_tokens, finished.completion_tokens
        estimate = sum(self._count_tokens(content) for _, content in messages)
        transcript.used(
            prompt=estimate if prompt is None else prompt,
            completion=self._count_tokens(text) if completion is None else completion,
        )


class _Gate:
    """Lets a sentence through when it holds. Blocks while it checks.

    What claims nothing waits for the first sentence that holds: "I don't know" alone, or a heading over sentences that
    were all withheld, is no answer.
    """

    def __init__(self, check: SupportCheck, transcript: Transcript, *, show_unsupported: bool) -> None:
        self._check = check
        self._transcript = transcript
        self._show_unsupported = show_unsupported
        self._waiting: list[Draft] = []

    def admit(self, draft: Draft) -> list[AnswerEvent]:
        """Return the events of `draft` and of those that waited for it; none where it is withheld or has to wait."""
        verdict = self._check.check(draft.text, draft.cited)
        if verdict.status is SentenceStatus.UNSUPPORTED and not self._show_unsupported:
            return []
        if verdict.status is SentenceStatus.NO_CLAIM and not self._transcript.sentences:
            self._waiting.append(draft)
            return []
        events: list[AnswerEvent] = []
        for earlier in self._waiting:
            text = with_markers(earlier.text, ())
            events += self._transcript.add(_tidy(earlier.gap), text, SentenceStatus.NO_CLAIM, ())
        self._waiting.clear()
        text = with_markers(draft.text, tuple(citation.source for citation in verdict.citations))
        events += self._transcript.add(_tidy(draft.gap), text, verdict.status, verdict.citations)
        return events


def _weighed(query: str, retrieved: Retrieved) -> tuple[Reading, Evidence]:
    reading = read(query, retrieved.hits, retrieved.embedder.embed_dense)
    return reading, weigh(reading)


def _extractive(reading: Reading, evidence: Evidence, transcript: Transcript) -> list[AnswerEvent]:
    """Events of an answer made of sentences of the sources, AnswerDone last."""
    events: list[AnswerEvent] = []
    previous: tuple[int, int] | None = None
    for extract in select(reading, evidence):
        unit = extract.unit
        document = reading.hits[unit.hit].document
        gap = " " if previous == (unit.hit, unit.position - 1) and "\n" not in unit.text else "\n\n"
        previous = (unit.hit, unit.position)
        citation = Citation(
            source=unit.hit + 1,
            document_id=document.document_id,
            version=document.version,
            start=unit.start,
            end=unit.end,
            quote=unit.text,
            support=1.0,
        )
        events += transcript.add(gap, f"{unit.text} [{citation.source}]", SentenceStatus.SUPPORTED, (citation,))
    if not events:
        return [transcript.done(Refusal(RefusalReason.NO_EVIDENCE, transcript.sources[:CLOSEST]))]
    return [*events, transcript.done()]


def _tidy(gap: str) -> str:
    lines = gap.count("\n")
    return "\n\n" if lines > 1 else "\n" if lines else " "


def _one_line(text: str) -> str:
    """The rewritten question without what models like to put around it; "" where it is no question at all."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = line.removeprefix("Rewritten question:").removeprefix("Question:").strip().strip("\"'“”")
    return line if len(line) <= 500 and NO_ANSWER not in line else ""
