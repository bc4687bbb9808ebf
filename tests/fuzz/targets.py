"""All that is fuzzed, by name, and the files that its inputs are made of. Knows nothing of who runs it."""

from pathlib import Path

from tests.corpus.hostile.build import build
from tests.fuzz import parsers, readers
from tests.fuzz.target import Files, Target

# By the module that has them: a process loads one of these, as the server's parts take seconds.
TARGETS: dict[tuple[str, str], Target] = {
    **{("parsers", name): target for name, target in parsers.TARGETS.items()},
    **{("readers", name): target for name, target in readers.TARGETS.items()},
}

_TESTS = Path(__file__).parents[1]
_DOCUMENTS = _TESTS / "corpus" / "documents"
# Formats that nothing here writes, where the checkout has them.
_OTHERS = _TESTS.parents[1] / "shared" / "data" / "parser_docs" / "r2r"
# Formats of which neither has a sound one.
_WRITTEN = {
    "a.ics": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Gate\r\nDTSTART;TZID=Europe/Berlin:20260105T183000\r\n"
    b"RRULE:FREQ=WEEKLY;COUNT=3\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "a.vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>The gate closes.\n",
    "a.srt": b"1\n00:00:01,000 --> 00:00:02,000\nThe gate closes.\n",
    "a.json": b'{"gate": {"closes": "18:30", "days": [1, 2.5, null, true]}}',
    "a.ipynb": b'{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["# Gate"]}, '
    b'{"cell_type": "code", "source": "1", "outputs": [{"output_type": "stream", "text": ["2"]}]}]}',
    "a.jsonl": b'{"gate": "north"}\n{"gate": "south"}\n',
    "a.boxnote": b'{"doc": {"type": "doc", "content": [{"type": "paragraph", "content": '
    b'[{"type": "text", "text": "The gate closes."}]}]}}',
    "a.xml": b'<?xml version="1.0"?><gates><gate name="north">It closes.</gate></gates>',
    "a.rtf": b"{\\rtf1\\ansi The gate \\u8211? closes.\\par {\\b Now}}",
}
# Known to end the process, as a library allocates without asking: in production a child of the sandbox.
_ABORTING = {"far-cell.xlsx"}


def files(folder: Path) -> Files:
    """The small ones of the sample company's documents and of the hostile files, which are made in `folder`."""
    paths = [*sorted(_DOCUMENTS.iterdir()), *build(folder).values()]
    paths += sorted(_OTHERS.glob("*.*")) if _OTHERS.exists() else []
    paths = [path for path in paths if path.name not in _ABORTING]
    found = {path.name: path.read_bytes() for path in paths if path.stat().st_size < 2 * parsers.SEED_BYTES}
    return {**_WRITTEN, **found}
