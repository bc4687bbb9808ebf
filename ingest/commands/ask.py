"""`footnote ask`: an answer with numbered citations and the quotes that they stand on.

Knows nothing of how answers are made. Only checked sentences are printed; on a terminal each as soon as it is checked.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Annotated

import typer
from rich.text import Text

from ingest.commands import explaining, narrowing, passages
from ingest.commands.output import Output, one_line, plain
from ingest.commands.typesetting import LineBreaker
from ingest.commands.usage import WrongUsageError
from ingest.commands.verb import Verb, client_for, output_for
from retrieval.types import (
    Answer,
    AnswerDone,
    AnswerEvent,
    Outcome,
    Refusal,
    RefusalReason,
    Sentence,
    SentenceChecked,
    SentenceStatus,
    SourcesFound,
    TextDelta,
)

_REFUSALS = {
    RefusalReason.NO_EVIDENCE: "Nothing that you may read answers this.",
    RefusalReason.UNCLEAR_QUESTION: "The question is not clear enough to search for. Say more, and ask again.",
    RefusalReason.MODEL_UNAVAILABLE: "The language model cannot be reached at the moment. Ask again later.",
}


def ask(
    ctx: typer.Context,
    *,
    question: Annotated[str, typer.Argument(help="The question, in your own words.")],
    conversation: Annotated[
        str | None, typer.Option("--conversation", metavar="ID", help="Go on with this conversation.")
    ] = None,
    data_source: narrowing.DataSources = None,
    as_of: narrowing.AsOf = None,
    modified_after: narrowing.ModifiedAfter = None,
    modified_before: narrowing.ModifiedBefore = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how its sources were found: places, scores, timings.")
    ] = False,
) -> None:
    """Ask a question: the answer, then its sources with the words it stands on.

    On a terminal the sentences appear as they are checked. --json with --explain prints {"answer", "explain"}.
    """
    if not question.strip():
        raise WrongUsageError("The question is empty.")
    output = output_for(ctx)
    filters = narrowing.filters(data_source, as_of, modified_after, modified_before)
    with client_for(ctx) as client:
        if output.out.is_terminal and not output.as_json:
            with closing(client.ask_stream(question, conversation_id=conversation, filters=filters)) as events:
                answer = _print_stream(events, output)
        else:
            answer = client.ask(question, conversation_id=conversation, filters=filters)
            if output.as_json:
                output.json({"answer": answer, "explain": client.explain(answer.id)} if explain else answer)
                return
            _print_text(answer, output)
        explanation = client.explain(answer.id) if explain else None
        closest = answer.refusal.closest if answer.refusal is not None else ()
        newer = passages.newer_titles(client, [source.superseded_by for source in (*answer.sources, *closest)])
    _print_sources(answer, newer, output)
    if answer.refusal is not None:
        _print_refusal(answer.refusal, newer, output)
    if explanation is not None:
        output.print("")
        explaining.show(output, explanation)
    output.notice(f"To go on: --conversation {answer.conversation_id}")


def _print_stream(events: Iterator[AnswerEvent], output: Output) -> Answer:
    """Print each sentence once it is checked, and return the whole answer."""
    lines = LineBreaker(output.out)
    unchecked = ""
    end = 0
    status = output.err.status("Searching…")
    status.start()
    try:
        for event in events:
            match event:
                case SourcesFound(sources):
                    status.update(f"Reading {len(sources)} passages…")
                case TextDelta(delta):
                    unchecked += delta
                case SentenceChecked(sentence):
                    status.stop()
                    _write(lines, sentence, gap=_gap(unchecked[end : sentence.start]) if end else "")
                    end = sentence.end
                case AnswerDone(answer):
                    status.stop()
                    if not end and answer.outcome is Outcome.ANSWERED:
                        lines.write(plain(answer.text))
                    return answer
    finally:
        status.stop()
        lines.finish()
    raise AssertionError("the client raises where a stream has no last event")


def _print_text(answer: Answer, output: Output) -> None:
    lines = LineBreaker(output.out)
    end = 0
    for sentence in answer.sentences:
        _write(lines, sentence, gap=_gap(answer.text[end : sentence.start]) if end else "")
        end = sentence.end
    if not answer.sentences and answer.outcome is Outcome.ANSWERED:
        lines.write(plain(answer.text))
    lines.finish()


def _gap(between: str) -> str:
    """What stands between two sentences: line breaks and list marks. Words there belong to a withheld sentence."""
    return plain(between) if between and not any(character.isalnum() for character in between) else " "


def _write(lines: LineBreaker, sentence: Sentence, *, gap: str) -> None:
    """One sentence. Its markers are put behind it where its text has none."""
    text = plain(sentence.text)
    missing = dict.fromkeys(f"[{citation.source}]" for citation in sentence.citations)
    marks = "".join(mark for mark in missing if mark not in text)
    lines.write(f"{gap}{text}{' ' if marks else ''}{marks}")
    if sentence.status is SentenceStatus.UNSUPPORTED:
        lines.write(" (its sources do not support this)", style="yellow")


def _print_sources(answer: Answer, newer: Mapping[str, str], output: Output) -> None:
    """The cited sources in the order of their numbers: title, page, and each quote."""
    quotes: dict[int, dict[str, None]] = {}
    for sentence in answer.sentences:
        for citation in sentence.citations:
            quotes.setdefault(citation.source, {})[citation.quote] = None
    if quotes:
        output.print("")
    for source in sorted(answer.sources, key=lambda source: source.number):
        if source.number in quotes:
            remark = passages.superseded(source.superseded_by, newer)
            line = passages.heading(source.number, source.title, page=source.page, remark=remark)
            passages.show(output, line, *(f"“{quote}”" for quote in quotes[source.number]))
    for conflict in answer.conflicts:
        numbers = " and ".join(f"[{number}]" for number in conflict.sources)
        output.print(Text(f"{numbers} disagree: {one_line(conflict.note)}", style="yellow"))


def _print_refusal(refusal: Refusal, newer: Mapping[str, str], output: Output) -> None:
    """Why there is no answer, and what comes nearest to one."""
    output.print(Text(_REFUSALS[refusal.reason], style="bold"))
    if not refusal.closest:
        return
    output.print("The closest passages are:\n")
    for number, source in enumerate(refusal.closest, start=1):
        remark = passages.superseded(source.superseded_by, newer)
        line = passages.heading(number, source.title, page=source.page, remark=remark)
        passages.show(output, line, passages.shortened(source.text))


def register(app: typer.Typer) -> None:
    app.command(cls=Verb, epilog="Example: footnote ask 'How many days of leave do I have in my first year?'")(ask)
