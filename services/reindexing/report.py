"""What `footnote reindex` prints: sentences and bars on standard error, tables or one JSON document on standard output.

Knows nothing of how it is done.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from services.db.generations import Holdings
from services.reindexing.comparison import Comparison
from services.reindexing.reindexer import Outcome, Told
from services.score_table import flat, progress_to

SHOWN_FAILURES = 20


@contextmanager
def telling() -> Iterator[Told]:
    """Sentences and bars; without a terminal, sentences only."""
    console = Console(stderr=True, highlight=False, markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield Told(say=console.print, progress=progress_to(bars))


def show_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """What a run came to."""
    if as_json:
        _print_json(_outcome_json(outcome))
        return
    console = Console(highlight=False)
    if outcome.comparison is not None:
        console.print(_score_table(outcome, outcome.comparison))
        console.print(_verdict(outcome.comparison))
    for document, reason in list(outcome.failures.items())[:SHOWN_FAILURES]:
        console.print(f"Not brought over: document {document}. {reason}")
    console.print(_conclusion(outcome))


def show_status(rows: list[Holdings], documents: int, *, as_json: bool) -> None:
    """Every generation that is there, and how far it is."""
    rows = [row for row in rows if row.generation.state != "dropped"]
    if as_json:
        _print_json({"documents": documents, "generations": [_row_json(row) for row in rows]})
        return
    table = Table("", "State", "Model", "Chunk", "Documents", "Chunks", box=None, header_style="bold")
    for column in (0, 3, 4, 5):
        table.columns[column].justify = "right"
    table.columns[2].overflow = "fold"
    for row in rows:
        table.add_row(
            str(row.generation.number),
            _state(row),
            Text(f"{row.generation.embedding_model}\n{row.generation.prefixes or ''}".rstrip()),
            f"{row.generation.chunk_tokens} tokens",
            f"{row.documents:,} of {documents:,}",
            f"{row.chunks:,}",
        )
    Console(highlight=False).print(table)


def show_dropped(numbers: list[int], nothing: str, *, as_json: bool) -> None:
    """Which generations are gone."""
    if as_json:
        _print_json({"dropped": numbers})
        return
    dropped = ", ".join(str(number) for number in numbers)
    print(f"Generation {dropped} is gone, with all its chunks." if numbers else nothing)  # noqa: T201


def _conclusion(outcome: Outcome) -> str:
    number, previous = outcome.generation.number, outcome.previous
    stays = f"Generation {previous} stays in use."
    if outcome.switched:
        return "\n".join(
            [
                f"Generation {number} is in use, with {outcome.documents:,} documents. Generation {previous} is kept.",
                "  footnote reindex --rollback   goes back to it",
                "  footnote reindex --drop-old   frees its space",
            ]
        )
    if outcome.failures:
        lost = f"Not switched: documents that would be lost: {len(outcome.failures):,}. {stays}"
        return f"{lost}\nSend or delete them, then run footnote reindex again."
    said = f"Not switched: generation {number} answers worse." if outcome.worse else f"Generation {number} is built."
    switching = "footnote reindex --yes  " if outcome.worse else "footnote reindex        "
    return "\n".join(
        [
            f"{said} {stays}",
            f"  {switching}      switches to it" + (" all the same" if outcome.worse else ""),
            "  footnote reindex --abort      drops it",
        ]
    )


def _score_table(outcome: Outcome, comparison: Comparison) -> Table:
    table = Table(
        "Measure", f"Generation {outcome.previous}", f"Generation {outcome.generation.number}", box=None,
        header_style="bold",
    )  # fmt: skip
    for (name, before), (_, after) in zip(
        flat(comparison.before.as_json()), flat(comparison.after.as_json()), strict=True
    ):
        if before is not None or after is not None:
            table.add_row(name, *("" if value is None else f"{value:g}" for value in (before, after)))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _verdict(comparison: Comparison) -> str:
    if comparison.difference is None:
        return "No question names its documents, so nothing says which generation finds them better."
    said = f"nDCG@10 changes by {comparison.difference:+.4f} ± {comparison.standard_error:.4f} (standard error)"
    return f"{said}: worse beyond noise." if comparison.worse else f"{said}: not worse beyond noise."


def _state(row: Holdings) -> str:
    state = row.generation.state
    return f"{state}, in work" if row.generation.lease_owner and state != "active" else state


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "generation": outcome.generation.number,
        "embedding_model": outcome.generation.embedding_model,
        "chunk_tokens": outcome.generation.chunk_tokens,
        "documents": outcome.documents,
        "chunks_embedded": outcome.embedded,
        "failures": [{"document_id": document, "reason": why} for document, why in outcome.failures.items()],
        "scores": outcome.comparison.as_json() if outcome.comparison else None,
        "worse": outcome.worse,
        "switched": outcome.switched,
        "previous": outcome.previous,
    }


def _row_json(row: Holdings) -> dict[str, Any]:
    generation = row.generation
    return {
        "generation": generation.number,
        "state": generation.state,
        "embedding_model": generation.embedding_model,
        "chunk_tokens": generation.chunk_tokens,
        "query_prefix": generation.query_prefix,
        "document_prefix": generation.document_prefix,
        "documents": row.documents,
        "chunks": row.chunks,
        "in_work": generation.lease_owner,
        "scores": generation.scores,
        "created_at": _moment(generation.created_at),
        "activated_at": _moment(generation.activated_at),
        "retired_at": _moment(generation.retired_at),
    }


def _moment(value: Any) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
