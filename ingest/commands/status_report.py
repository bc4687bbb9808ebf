"""A server's state as a page of a terminal: calm, 80 columns, what needs somebody first to be seen.

Knows nothing of where the state comes from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingest.commands.output import cells, one_line, state_text, table
from ingest.resources import Failure, RunningDocument, SourceAttention, StageTime, Status, StuckWork, Worker

_STATES = ("queued", "running", "ready", "failed", "quarantined")
_SHOWN_FAILURES = 10
_SHOWN_WORKERS = 16
# What workers do besides ingesting, in words.
_KINDS = {"metadata": "changes who may read", "retire": "removes an old version", "delete": "deletes"}


def report(state: Status) -> RenderableType:
    """The whole page. Its first part is one renderable, so that a watcher can keep it and add a line below."""
    rows = Table.grid(padding=(0, 2))
    for name, words in _facts(state):
        if words:
            rows.add_row(name, words)
    parts: list[RenderableType] = [rows]
    if state.stuck:
        parts += [Text(), *(_stuck(stuck) for stuck in state.stuck)]
    if state.data_sources:
        parts += [Text(), _sources(state.data_sources)]
    if state.workers:
        parts += [Text(), _Workers(state.workers, state.at)]
    if state.failures:
        parts += [Text(), _failures(state.failures, state.at)]
    return Group(Group(*parts))


def _facts(state: Status) -> list[tuple[str, Text]]:
    parts = ", ".join(f"{name} {_part(part)}" for name, part in state.parts.items())
    return [
        ("Documents", _counts(state)),
        ("Queue", Text(_queue(state))),
        ("Throughput", Text(_throughput(state))),
        ("Remaining", Text(f"about {duration(state.remaining_s)}" if state.remaining_s is not None else "")),
        ("Ready", Text(_ready_time(state))),
        ("Stages", Text(_stages(state.stages, "mean_ms"))),
        ("  p95", Text(_stages(state.stages, "p95_ms"))),
        ("Index", Text(_index(state))),
        ("Parts", Text(parts)),
        ("Version", Text(one_line(state.version))),
    ]


def _counts(state: Status) -> Text:
    names = [*_STATES, *(name for name in state.documents if name not in _STATES)]
    line = Text()
    for name in names:
        if name in state.documents:
            line.append(", " if line else "")
            line.append_text(Text(f"{state.documents[name]:,} "))
            line.append_text(state_text(name))
    return line or Text("none")


def _queue(state: Status) -> str:
    queue = state.queue
    due = queue.waiting if queue.due is None else queue.due
    words = f"{due:,} waiting, {queue.running:,} running"
    if queue.later:
        words += f", {queue.later:,} for later"
    if queue.oldest_waiting_s:
        words += f", the oldest for {duration(queue.oldest_waiting_s)}"
    return words


def _throughput(state: Status) -> str:
    speed, latest = state.throughput, state.throughput.last_minute
    words = f"{_number(speed.documents_per_minute)} documents, {_number(speed.chunks_per_minute)} chunks a minute"
    if latest is not None:
        latest_words = f"{_number(latest.documents_per_minute)} and {_number(latest.chunks_per_minute)}"
        words += f" ({latest_words} in the last one)"
    return words


def _ready_time(state: Status) -> str:
    times = state.ready_time
    if times is None:
        return ""
    return f"{_span(1000 * times.p50_s)} after it was sent (p95 {_span(1000 * times.p95_s)})"


def _index(state: Status) -> str:
    chunks, engine = state.index.chunks, state.index.engine
    if chunks is None:
        return "does not answer"
    return f"{_number(chunks)} chunks" + (f" ({one_line(engine)})" if engine else "")


def _stages(stages: Sequence[StageTime], figure: str) -> str:
    return ", ".join(f"{one_line(stage.stage)} {_span(getattr(stage, figure))}" for stage in stages)


def _stuck(stuck: StuckWork) -> Text:
    line = Text(f"Stuck for {duration(stuck.since_s)}", style="bold red")
    return line.append(f" ({stuck.count:,}): {one_line(stuck.detail)}", style="default")


def _sources(sources: Sequence[SourceAttention]) -> Table:
    rows = table(("Data source", {"ratio": 2, "overflow": "fold"}), "State", ("Why", {"ratio": 3, "overflow": "fold"}))
    for source in sources:
        why = source.reason
        if source.unconfirmed:
            why = f"{source.unconfirmed:,} deletions wait: footnote sources sync {source.name} --confirm"
        rows.add_row(*cells(source.name, source.state.replace("_", " "), why))
    return rows


@dataclass(frozen=True, slots=True)
class _Workers:
    """A table of the workers. What a terminal would not hold is cut; a pipe, which is wide, gets all of it."""

    workers: Sequence[Worker]
    now: datetime | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield _workers(self.workers, self.now, width=options.max_width)


def _workers(workers: Sequence[Worker], now: datetime | None, *, width: int) -> Table:
    """Those that hold a document first, as the server gives them. Names get a fifth of the width, titles a third."""
    rows = table(
        ("Worker", {"no_wrap": True, "overflow": "ellipsis", "max_width": max(16, width // 5)}),
        ("Holds", {"no_wrap": True, "overflow": "ellipsis", "max_width": max(26, width // 3)}),
        ("Stage", {"overflow": "fold", "min_width": 17}),
        ("Got on", {"overflow": "fold", "min_width": 9, "justify": "right"}),
    )
    for worker in workers[:_SHOWN_WORKERS]:
        held = worker.document
        stage = _stage(held) if held else "idle"
        rows.add_row(*cells(worker.name, held and (held.title or held.id), stage, _ago(worker.progress_at, now)))
    if len(workers) > _SHOWN_WORKERS:
        rows.add_row(*cells(f"{len(workers) - _SHOWN_WORKERS} more", "", "", ""))
    return rows


def _stage(held: RunningDocument) -> str:
    if held.kind != "ingest":
        return _KINDS.get(held.kind, held.kind)
    done, total = held.progress.chunks_done, held.progress.chunks_total
    words = held.stage or "starts"
    return f"{words} {done:,}/{total:,}" if total else words


def _failures(failures: Sequence[Failure], now: datetime | None) -> Table:
    rows = table(
        ("Failure", {"ratio": 2, "overflow": "fold"}), "State", ("Why", {"ratio": 3, "overflow": "fold"}), "Tries"
    )
    for failure in failures[:_SHOWN_FAILURES]:
        name = failure.title or failure.external_id or failure.id
        rows.add_row(*cells(name, state_text(failure.state), _why(failure, now), failure.attempts))
    return rows


def _why(failure: Failure, now: datetime | None) -> str:
    words = failure.reason or ""
    if failure.state == "queued" and failure.next_attempt_at is not None and now is not None:
        left = (failure.next_attempt_at - now).total_seconds()
        words += f" Again in {duration(left)}." if left > 0 else " Again now."
    return words.strip()


def _ago(moment: datetime | None, now: datetime | None) -> str:
    if moment is None or now is None:
        return "-"
    return f"{duration(max((now - moment).total_seconds(), 0.0))} ago"


def duration(seconds: float) -> str:
    """`12 s`, `3 min`, `5 h`, `4 days`: as exact as one needs it."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _span(milliseconds: float) -> str:
    """A stage's time: `4 ms`, `1.4 s`, `38 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _part(part: Any) -> str:
    """A part's state in a word or two, whether the server gives a word, a truth value or an object with a state."""
    if isinstance(part, dict):
        part = part.get("state", part.get("status", part.get("ok")))
    if isinstance(part, bool):
        return "ok" if part else "down"
    return one_line(str(part))
