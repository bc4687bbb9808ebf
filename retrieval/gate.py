"""Which of a model's sentences a reader sees: one at a time, as they are written.

Knows nothing of models or streams. What holds is written down in the transcript; the rest is withheld or waits.
"""

from retrieval.citations import Draft, with_markers
from retrieval.support import SupportCheck
from retrieval.transcript import Transcript
from retrieval.types import AnswerEvent, SentenceStatus


class Gate:
    """Lets a sentence through when it holds. Blocks while it checks.

    What claims nothing waits for the first sentence that holds: "I don't know" alone, or a heading over sentences that
    were all withheld, is no answer.
    """

    def __init__(self, check: SupportCheck, transcript: Transcript, *, show_unsupported: bool) -> None:
        self._check = check
        self._transcript = transcript
        self._show_unsupported = show_unsupported
        self._waiting: list[Draft] = []
        self._said: set[str] = set()
        self.repeats = 0
        """How often the model said a sentence again: it is shown once."""

    def admit(self, draft: Draft) -> list[AnswerEvent]:
        """Return the events of `draft` and of those that waited for it; none where it is withheld or has to wait."""
        if draft.text in self._said:
            self.repeats += 1
            return []
        self._said.add(draft.text)
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


def _tidy(gap: str) -> str:
    lines = gap.count("\n")
    return "\n\n" if lines > 1 else "\n" if lines else " "
