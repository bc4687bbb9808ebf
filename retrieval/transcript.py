"""One answer while it is made: its text, its sentences with their spans, what it used and how long each step took.

Knows nothing of how sentences come about. It keeps two promises of the contract: the text is exactly the deltas, and a
sentence's span in it is exactly the sentence.
"""

import time
from dataclasses import dataclass, field

from retrieval.types import (
    Answer,
    AnswerDone,
    AnswerEvent,
    Citation,
    Conflict,
    Explanation,
    Mode,
    Outcome,
    Refusal,
    Sentence,
    SentenceChecked,
    SentenceStatus,
    Source,
    TextDelta,
    Usage,
)


@dataclass(slots=True)
class Transcript:
    """Collects an answer. Times are milliseconds."""

    answer_id: str
    conversation_id: str
    mode: Mode = Mode.EXTRACTIVE
    sources: tuple[Source, ...] = ()
    text: str = ""
    sentences: list[Sentence] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    explanation: Explanation | None = None
    began: float = field(default_factory=time.perf_counter)
    timings_ms: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("rewrite", "retrieve", "rerank", "first_text", "total"), 0.0)
    )

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Of all sentences."""
        return tuple(citation for sentence in self.sentences for citation in sentence.citations)

    def took(self, step: str, since: float) -> None:
        """Write down how long `step` took, given when it began by `time.perf_counter`."""
        self.timings_ms[step] = round(1000 * (time.perf_counter() - since), 2)

    def used(self, *, calls: int = 0, prompt: int = 0, completion: int = 0) -> None:
        """Add to what the answer has cost."""
        was = self.usage
        self.usage = Usage(was.llm_calls + calls, was.prompt_tokens + prompt, was.completion_tokens + completion)

    def add(
        self, gap: str, text: str, status: SentenceStatus, citations: tuple[Citation, ...]
    ) -> tuple[AnswerEvent, AnswerEvent]:
        """Append a checked sentence behind the white space `gap`; return its two events."""
        if not self.sentences:
            gap = ""
            self.took("first_text", self.began)
        start = len(self.text) + len(gap)
        self.text += gap + text
        sentence = Sentence(text, start, start + len(text), status, citations)
        self.sentences.append(sentence)
        return TextDelta(gap + text), SentenceChecked(sentence)

    def done(self, refusal: Refusal | None = None) -> AnswerDone:
        """Return the last event."""
        self.took("total", self.began)
        answer = Answer(
            id=self.answer_id,
            conversation_id=self.conversation_id,
            outcome=Outcome.REFUSED if refusal else Outcome.ANSWERED,
            mode=self.mode,
            text=self.text,
            sentences=tuple(self.sentences),
            sources=self.sources,
            conflicts=tuple(self.conflicts),
            refusal=refusal,
            usage=self.usage,
            timings_ms=dict(self.timings_ms),
        )
        return AnswerDone(answer, self.explanation)
