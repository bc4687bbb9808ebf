"""An answer in words, for who is not shown its sources beside it. Knows nothing of protocols.

A refusal has no text of its own: whoever shows one says what was searched and what came closest. Here it is a message.
"""

from collections.abc import Iterator

from retrieval.types import Answer, AnswerDone, RefusalReason, Source

NO_EVIDENCE = "I found nothing that answers this among the documents that you may read."
UNCLEAR = "I cannot tell what to look for. Please ask in a whole sentence, with the names of what it is about."
WHICH = "Which of these do you mean? Please ask again with its name:"
NO_MODEL = "The language model does not answer at the moment. Please try again later."


def message(done: AnswerDone) -> str:
    """The answer's text, or the refusal: why, what was searched for, the closest passages by title."""
    refusal = done.answer.refusal
    if refusal is None:
        return done.answer.text
    asks_back = refusal.reason is RefusalReason.UNCLEAR_QUESTION
    if asks_back and not refusal.closest:
        return UNCLEAR
    parts = [NO_MODEL if refusal.reason is RefusalReason.MODEL_UNAVAILABLE else NO_EVIDENCE]
    if done.explanation is not None:
        parts.append(f"I searched for: {_line(done.explanation.query)}")
    if refusal.closest:
        places = dict.fromkeys(place(source) for source in refusal.closest)
        parts.append(
            "\n".join((WHICH if asks_back else "The closest passages are in:", *(f"- {one}" for one in places)))
        )
    return "\n\n".join(parts)


def with_quotes(done: AnswerDone) -> str:
    """The message, and below it what its numbers stand for: title, page and quotes."""
    return "\n\n".join((message(done), *_notes(done.answer)))


def place(source: Source) -> str:
    """Where a passage stands, in one line."""
    page = f", page {source.page}" if source.page is not None else ""
    return f"{_line(source.title)}{page}"


def _notes(answer: Answer) -> Iterator[str]:
    quotes: dict[int, dict[str, None]] = {}
    for sentence in answer.sentences:
        for citation in sentence.citations:
            quotes.setdefault(citation.source, {})[_line(citation.quote)] = None
    for source in answer.sources:
        if source.number in quotes:
            head = f"[{source.number}] {place(source)} (document {source.document_id})"
            yield "\n".join((head, *(f"“{quote}”" for quote in quotes[source.number])))


def _line(text: str) -> str:
    return " ".join(text.split())
