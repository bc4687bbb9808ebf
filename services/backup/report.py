"""What `footnote backup` and `footnote restore` say: a bar while they work, then the outcome."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.audit_stream import AuditReport
from ingest.commands.verify import shown
from services.auditing.findings import Report
from services.backup.archive import ArchiveReader
from services.backup.taking import Taken, Told
from services.score_table import progress_to

ABSENT = "stored files were gone or damaged already and are not in it; footnote verify names their documents."


@contextmanager
def bar() -> Iterator[Told]:
    """A function that moves bars on standard error, one for each kind of work; nothing without a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress_to(progress)


def show_taken(file: Path, taken: Taken, *, as_json: bool) -> None:
    """What is in the backup."""
    size = file.stat().st_size
    if as_json:
        _print_json({"file": str(file), "bytes": size, **taken.manifest()})
        return
    documents = taken.tables.get("documents", 0)
    console = Console(highlight=False)
    console.print(f"{file}: {size / 2**20:,.1f} MiB", soft_wrap=True, markup=False)
    console.print(f"{documents:,} documents, {taken.points:,} chunks, {taken.blobs:,} stored files")
    console.print("It holds documents and password hashes: keep it where only you can read it.", style="dim")
    if taken.absent:
        Console(stderr=True, highlight=False).print(f"{len(taken.absent):,} {ABSENT}", style="red")


def show_restored(reader: ArchiveReader, report: Report, *, as_json: bool) -> None:
    """What was put back, and the auditor's verdict on it."""
    manifest = reader.manifest
    if as_json:
        backup = {name: manifest.get(name) for name in ("tables", "points", "blobs", "absent")}
        _print_json({**report.as_json(), "backup": {"taken_at": reader.about.get("taken_at"), **backup}})
        return
    console = Console(highlight=False)
    documents = manifest.get("tables", {}).get("documents", 0)
    console.print(f"Restored {documents:,} documents as of {reader.about.get('taken_at')}", markup=False)
    console.print(shown(AuditReport.model_validate(report.as_json())))


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
