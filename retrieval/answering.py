"""Answerer: a question and a principal in, typed answer events out.

Knows nothing of HTTP, storage or settings. It runs the journey of a question (design.md, section 4) and keeps its
promises: an answer ends with AnswerDone; a sentence is shown once it is checked; a model that fails costs the reader
its wording and not the answer.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import datetime
from functools import partial

from retrieval.ambiguity import left_open
from retrieval.conflict_notes import citation_of, noted
from retrieval.entailment import EntailmentModel
from retrieval.errors import ModelUnavailableError
from retrieval.evidence import Evidence, Prospect, Strictness, closest, hit_prospects, weigh
from retrieval.explaining import explained, judged, prompted
from retrieval.extractive import select
from retrieval.follow_up import carry_topic
from retrieval.foresight import is_likely
from retrieval.gate import Gate
from retrieval.generating import Generation, count
from retrieval.llm import ModelSlowError
from retrieval.prompts import ESTIMATED, MAX_PROMPT_TOKENS, NO_ANSWER, numbered, rewrite_messages
from retrieval.reading import Reading, cut, embedded
from retrieval.replicas import Model
from retrieval.retriever import Retrieved, Retriever
from retrieval.searching import Searches
from retrieval.support import SupportCheck
from retrieval.terms import terms
from retrieval.token_counting import TokenCounter
from retrieval.transcript import Transcript
from retrieval.types import (
    NO_FILTERS,
    AnswerDone,
    AnswerEvent,
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

# Most answers cite one of the two sources with the most evidence first.
READ_AHEAD = 2
# How many of the nearest passages a refusal shows.
CLOSEST = 3
# A model that goes round in circles is stopped.
MOST_REPEATS = 3
REWRITE_TOKENS = 96
# A dead or hung model has to show within 10 s (R8), whichever of the two calls finds it out. A slow one gets no more: a
# reader over chat completions, who hears nothing before the answer begins, must not wait 30 s for this.
REWRITE_SECONDS = 6.0


class Answerer:
    """Answers questions from what the asker may read. Without a model the answers are extractive."""

    def __init__(
        self,
        retriever: Retriever,
        *,
        model: Model | None = None,
        strictness: Strictness = Strictness.BALANCED,
        show_unsupported: bool = False,
        entailment: EntailmentModel | None = None,
        max_prompt_tokens: int = MAX_PROMPT_TOKENS,
        tokens: TokenCounter = ESTIMATED,
    ) -> None:
        self._searches = Searches(retriever)
        self._model = model
        self._strictness = strictness
        self._show_unsupported = show_unsupported
        self._entailment = entailment
        self._max_prompt_tokens = max_prompt_tokens
        self._tokens = tokens

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
        prompted: Callable[[Sequence[Source]], None] = lambda _: None,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield SourcesFound, then TextDelta and SentenceChecked for each sentence shown, then AnswerDone.

        `prompted` hears of the sources that a model is sent, as they are. Raises what the retriever raises
        (InvalidFilterError, ForbiddenError, IndexUnavailableError). Closing the generator ends a running model request
        at once.
        """
        transcript = Transcript(answer_id, conversation_id)
        query, model = await self._standalone(question, history, transcript)
        transcript.explanation = Explanation(query)
        if not terms(query):
            yield SourcesFound(())
            yield transcript.done(Refusal(RefusalReason.UNCLEAR_QUESTION))
            return
        retrieved = await self._retrieved(query, principal, filters, top_k, transcript)
        sources = numbered(retrieved.hits)
        async with AsyncExitStack() as ending:
            ask = partial(
                self._asked, model, query, sources, transcript, as_of=filters.as_of, ending=ending, prompted=prompted
            )
            began = time.perf_counter()
            reading, prospects = await asyncio.to_thread(_looked_at, query, retrieved)
            generation = await ask() if is_likely(prospects, self._strictness) else None
            reading, evidence = await asyncio.to_thread(_weighed, reading, prospects, retrieved)
            transcript.took("rerank", began)
            transcript.explanation = judged(explained(retrieved), evidence, self._strictness)
            if evidence.suffices(self._strictness):
                transcript.sources = sources
                yield SourcesFound(sources)
                generation = generation or await ask()
                async with aclosing(self._answered(reading, evidence, generation, transcript, retrieved)) as events:
                    async for event in events:
                        yield event
                return
        yield SourcesFound(())
        yield transcript.done(_refusal(reading, evidence))

    async def _retrieved(
        self, query: str, principal: Principal, filters: SearchFilters, top_k: int, transcript: Transcript
    ) -> Retrieved:
        began = time.perf_counter()
        retrieved = await self._searches.retrieve(query, principal, filters=filters, top_k=top_k)
        transcript.took("retrieve", began)
        return retrieved

    async def _asked(
        self, model: Model | None, query: str, sources: Sequence[Source], transcript: Transcript, *,
        as_of: datetime | None, ending: AsyncExitStack, prompted: Callable[[Sequence[Source]], None],
    ) -> Generation | None:  # fmt: skip
        """The request for an answer from `sources`, sent; it ends with `ending`. None without a model."""
        if model is None:
            return None
        generation = await Generation.prepared(
            model, query, sources, transcript,
            as_of=as_of, max_prompt_tokens=self._max_prompt_tokens, tokens=self._tokens,
        )  # fmt: skip
        ending.push_async_callback(generation.aclose)
        prompted(generation.sources)
        generation.begin()
        return generation

    async def _answered(
        self, reading: Reading, evidence: Evidence, generation: Generation | None, transcript: Transcript,
        retrieved: Retrieved,
    ) -> AsyncGenerator[AnswerEvent, None]:  # fmt: skip
        """Yield the events of an answer behind its sources: the model's, or the extractive one's."""
        if generation is not None:
            readied = partial(self._gate, generation.sources, evidence, transcript, retrieved)
            gate = asyncio.create_task(asyncio.to_thread(readied))
            try:
                async with aclosing(self._generated(generation, gate, reading, transcript)) as generated:
                    async for event in generated:
                        yield event
                        if isinstance(event, AnswerDone):
                            return
            finally:
                gate.cancel()
        for event in _extractive(reading, evidence, transcript):
            yield event

    async def _standalone(
        self, question: str, history: Sequence[Turn], transcript: Transcript
    ) -> tuple[str, Model | None]:
        """The question as it can be searched for, and the model: None where it has just failed, which slow is not."""
        if not history or self._model is None:
            return carry_topic(question, history), self._model
        began = time.perf_counter()
        messages = rewrite_messages(question, history, tokens=self._tokens)
        transcript.used(calls=1)
        try:
            text, finished = await self._model.complete(messages, max_tokens=REWRITE_TOKENS, seconds=REWRITE_SECONDS)
        except ModelUnavailableError as error:
            return carry_topic(question, history), self._model if isinstance(error, ModelSlowError) else None
        finally:
            transcript.took("rewrite", began)
        count(transcript, messages, text, finished, self._tokens)
        return _one_line(text) or carry_topic(question, history), self._model

    def _gate(
        self, sources: Sequence[Source], evidence: Evidence, transcript: Transcript, retrieved: Retrieved
    ) -> Gate:
        """What checks sentences, made ready for the likeliest sources while the model begins to write."""
        check = SupportCheck(sources, retrieved.embedder.embed_sentences, entailment=self._entailment)
        check.read_ahead([source.number for source in closest(evidence, transcript.sources, READ_AHEAD)])
        return Gate(check, transcript, show_unsupported=self._show_unsupported)

    async def _generated(
        self, generation: Generation, gate: Awaitable[Gate], reading: Reading, transcript: Transcript
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the model's sentences as they are checked, and AnswerDone.

        Ends without AnswerDone where the model failed before anything was shown: then the extractive answer takes over.
        """
        transcript.mode = Mode.GENERATED
        transcript.explanation = prompted(transcript.explanation)
        refusal = Refusal(RefusalReason.NO_EVIDENCE, transcript.sources[:CLOSEST])
        try:
            async with aclosing(generation.drafts()) as drafts:
                async for draft in drafts:
                    admitting = await gate
                    if NO_ANSWER in draft.text or admitting.repeats >= MOST_REPEATS:
                        break
                    for event in await asyncio.to_thread(admitting.admit, draft):
                        yield event
        except ModelUnavailableError:
            if not transcript.sentences:
                transcript.mode = Mode.EXTRACTIVE
                return
        if transcript.sentences:
            for event in await asyncio.to_thread(noted, reading, transcript):
                yield event
        yield transcript.done(None if transcript.sentences else refusal)


def _looked_at(query: str, retrieved: Retrieved) -> tuple[Reading, list[Prospect]]:
    reading = cut(query, retrieved.hits)
    return reading, hit_prospects(reading)


def _weighed(reading: Reading, prospects: Sequence[Prospect], retrieved: Retrieved) -> tuple[Reading, Evidence]:
    whole = embedded(reading, retrieved.embedder.embed_asked)
    return whole, weigh(whole, prospects)


def _refusal(reading: Reading, evidence: Evidence) -> Refusal:
    """That nothing answers the question; asks back which document is meant where the question leaves that open."""
    meant = left_open(reading.question, evidence, reading.hits)
    if meant:
        return Refusal(RefusalReason.UNCLEAR_QUESTION, numbered(meant))
    return Refusal(RefusalReason.NO_EVIDENCE, numbered(closest(evidence, reading.hits, CLOSEST)))


def _extractive(reading: Reading, evidence: Evidence, transcript: Transcript) -> list[AnswerEvent]:
    """Events of an answer made of sentences of the sources, AnswerDone last."""
    events: list[AnswerEvent] = []
    previous: tuple[int, int] | None = None
    for index in select(reading, evidence):
        unit, citation = reading.units[index], citation_of(reading, index)
        gap = " " if previous == (unit.hit, unit.position - 1) and "\n" not in unit.text else "\n\n"
        previous = (unit.hit, unit.position)
        events += transcript.add(gap, f"{unit.text} [{citation.source}]", SentenceStatus.SUPPORTED, (citation,))
    if not events:
        return [transcript.done(Refusal(RefusalReason.NO_EVIDENCE, transcript.sources[:CLOSEST]))]
    return [*events, *noted(reading, transcript), transcript.done()]


def _one_line(text: str) -> str:
    """The rewritten question without what models like to put around it; "" where it is no question at all."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = line.removeprefix("Rewritten question:").removeprefix("Question:").strip().strip("\"'“”")
    return line if len(line) <= 500 and NO_ANSWER not in line else ""
